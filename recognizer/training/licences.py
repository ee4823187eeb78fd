"""Licence checks of training recordings. Must not know: files, audio, models."""

from __future__ import annotations

import re
from typing import Final

_ALLOWED: Final = re.compile(r"CC BY-SA|CC BY(?![- ]*N[CD])|CC0|Apache 2\.0|Unlicense|MIT\b", re.IGNORECASE)
_REFUSED: Final = re.compile(
    r"\bNC\b|\bND\b|non-?commercial only|no ?derivatives|GPL|all rights reserved", re.IGNORECASE
)


_CONSENT: Final = "consent of the caller"


class LicenceRefused(ValueError):
    """A recording's licence does not allow training a model on it."""


def check_licence(licence: str) -> None:
    """Check that the licence is CC BY-SA, CC BY, CC0, Apache 2.0, Unlicense or MIT.

    Text after a semicolon (“AISHELL-1: Apache 2.0; repo GPL-3.0”) refers to the repository, not to the recording, and
    is ignored.

    Raises:
        LicenceRefused: any other licence, further restrictions, or none.
    """
    own = licence.partition(";")[0]
    if not _ALLOWED.search(own) or _REFUSED.search(own):
        raise LicenceRefused(f'licence "{licence}" does not allow a shipped model')


def check_consent(licence: str) -> None:
    """Check that the recording is a caller's clip (ivr/speech), allowed only in models of the caller's own service.

    Raises:
        LicenceRefused: it is not a caller's clip.
    """
    if not licence.startswith(_CONSENT):
        raise LicenceRefused(f'licence "{licence}" is not the consent of a caller')

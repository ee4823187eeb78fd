"""Which recordings may go into a model. Must not know: files, audio, models."""

from __future__ import annotations

import re
from typing import Final

_ALLOWED: Final = re.compile(r"CC BY-SA|CC BY(?![- ]*N[CD])|CC0|Apache 2\.0|Unlicense|MIT\b", re.IGNORECASE)
_REFUSED: Final = re.compile(
    r"\bNC\b|\bND\b|non-?commercial only|no ?derivatives|GPL|all rights reserved", re.IGNORECASE
)


_CONSENT: Final = "consent of the caller"


class LicenceRefused(ValueError):
    """A recording's licence does not allow a model made from it."""


def check_licence(licence: str) -> None:
    """Let pass what is under CC BY-SA, CC BY, CC0, Apache 2.0, Unlicense or MIT.

    What follows a semicolon (“AISHELL-1: Apache 2.0; repo GPL-3.0”) is about the place where the recording was found,
    not about the recording, and is not judged.

    Raises:
        LicenceRefused: any other licence, one with a condition beyond these, or none.
    """
    own = licence.partition(";")[0]
    if not _ALLOWED.search(own) or _REFUSED.search(own):
        raise LicenceRefused(f'licence "{licence}" does not allow a shipped model')


def check_consent(licence: str) -> None:
    """Let pass callers' clips (ivr/speech), which may go into models of their own service only.

    Raises:
        LicenceRefused: it is no caller's clip.
    """
    if not licence.startswith(_CONSENT):
        raise LicenceRefused(f'licence "{licence}" is no consent of a caller')

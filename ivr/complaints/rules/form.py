"""A complaint as a person writes it down by hand: a letter, a visit. Pure; must not know: where it is filled in."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from typing import Literal

import phonenumbers

from ivr.actions import OpenComplaint
from ivr.complaints.rules.model import Lines
from ivr.errors import HuifangError

REGION = "CN"
"""Where a number without a country code is dialled from."""

FormKind = Literal["complaint", "discipline", "fraud"]


class FaultyForm(HuifangError):
    """Something on the form cannot be: all `faults`, each the field and the reason."""

    def __init__(self, faults: tuple[tuple[str, str], ...]) -> None:
        super().__init__("\n".join(f"{field}: {reason}" for field, reason in faults))
        self.faults = faults


@dataclass(frozen=True, slots=True)
class ComplaintForm:
    """What was written down; `business` and `branch` are ids of lines.yaml, all but `what` may be left out."""

    what: str
    kind: FormKind = "complaint"
    business: str = ""
    branch: str = ""
    phone: str = ""
    callback: bool = False

    def complaint(self, lines: Lines) -> OpenComplaint:
        """The complaint, with the number in the form that networks dial.

        Raises:
            FaultyForm: something on it cannot be.
        """
        if faults := tuple(self._faults(lines)):
            raise FaultyForm(faults)
        details = {
            "what": self.what.strip(),
            "business": self.business,
            "branch": self.branch,
            "phone": _e164(self.phone) or "",
            "callback_wanted": "yes" if self.callback else "",
        }
        return OpenComplaint(self.kind, "人工登记", {name: value for name, value in details.items() if value})

    def _faults(self, lines: Lines) -> Iterator[tuple[str, str]]:
        if not self.what.strip():
            yield "what", "say what happened"
        yield from _unknown("business", self.business, lines.businesses)
        yield from _unknown("branch", self.branch, lines.branches)
        if self.phone and _e164(self.phone) is None:
            yield (
                "phone",
                f"“{self.phone}” is no telephone number; give it with its area code, or with + and its country",
            )
        if self.callback and not self.phone:
            yield "phone", "who wants to be called back needs one"


def _unknown(field: str, value: str, known: Collection[str]) -> Iterator[tuple[str, str]]:
    if value and value not in known:
        yield field, f"there is no “{value}” in the lines file; it has {', '.join(known) or 'none'}"


def _e164(phone: str) -> str | None:
    """A number in E.164, None where it is none."""
    try:
        number = phonenumbers.parse(phone, REGION)
    except phonenumbers.NumberParseException:
        return None
    if not phonenumbers.is_valid_number(number):
        return None
    return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)

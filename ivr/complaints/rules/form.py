"""The form for a complaint entered manually (letter, visit). Pure. Must not know: where it is filled in."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from typing import Literal

from ivr.actions import OpenComplaint
from ivr.complaints.rules.model import Lines
from ivr.errors import HuifangError
from ivr.phone_number import UnreadableNumber, parse_number

FormKind = Literal["complaint", "discipline", "fraud"]


class FaultyForm(HuifangError):
    """The form is invalid. `faults` lists every fault as (field, reason)."""

    def __init__(self, faults: tuple[tuple[str, str], ...]) -> None:
        super().__init__("\n".join(f"{field}: {reason}" for field, reason in faults))
        self.faults = faults


@dataclass(frozen=True, slots=True)
class ComplaintForm:
    """The contents of the form; `business` and `branch` are ids in lines.yaml. Only `what` is required."""

    what: str
    kind: FormKind = "complaint"
    business: str = ""
    branch: str = ""
    phone: str = ""
    callback: bool = False

    def complaint(self, lines: Lines) -> OpenComplaint:
        """Return the complaint, with the telephone number in its canonical form.

        Raises:
            FaultyForm: the form is invalid.
        """
        if faults := tuple(self._faults(lines)):
            raise FaultyForm(faults)
        details = {
            "what": self.what.strip(),
            "business": self.business,
            "branch": self.branch,
            "phone": str(parse_number(self.phone)) if self.phone else "",
            "callback_wanted": "yes" if self.callback else "",
        }
        return OpenComplaint(self.kind, "人工登记", {name: value for name, value in details.items() if value})

    def _faults(self, lines: Lines) -> Iterator[tuple[str, str]]:
        if not self.what.strip():
            yield "what", "describe what happened"
        yield from _unknown("business", self.business, lines.businesses)
        yield from _unknown("branch", self.branch, lines.branches)
        if self.phone and (reason := _unreadable(self.phone)):
            yield "phone", reason
        if self.callback and not self.phone:
            yield "phone", "a callback needs a telephone number"


def _unknown(field: str, value: str, known: Collection[str]) -> Iterator[tuple[str, str]]:
    if value and value not in known:
        yield field, f"there is no “{value}” in the lines file; it has {', '.join(known) or 'none'}"


def _unreadable(phone: str) -> str:
    """Return why a text is no telephone number; empty if it is one."""
    try:
        parse_number(phone)
    except UnreadableNumber as unreadable:
        return str(unreadable)
    return ""

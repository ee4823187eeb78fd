"""Vocabulary of a call's life cycle: hangup causes and dispositions. Must not know: any network's own codes."""

from __future__ import annotations

from enum import StrEnum
from typing import Final, Literal

Direction = Literal["inbound", "outbound"]
AnsweringParty = Literal["person", "machine", "unknown"]
"""Who answered an outbound call, as far as the network can tell."""

HANGUP_CAUSES: Final = frozenset(
    {
        "normal",
        "busy",
        "no_answer",
        "rejected",
        "unwanted",
        "spam",
        "unallocated",
        "unreachable",
        "congestion",
        "media_lost",
        "protocol",
        "time_limit",
        "failed",
    }
)
"""Hangup causes; each adapter maps its network's causes to these.

`unwanted`: the person called has declared the call unwanted; `spam`: an intermediary has rejected it as spam;
`unallocated`: nobody has the number (空号).
"""


class Disposition(StrEnum):
    """Final disposition of a survey call; `AAPOR` maps each to its outcome code."""

    COMPLETED = "completed"
    PARTIAL = "partial"
    BREAKOFF = "breakoff"
    REFUSED = "refused"
    INELIGIBLE = "ineligible"
    CALLBACK_BOOKED = "callback_booked"
    NO_ANSWER = "no_answer"
    BUSY = "busy"
    MACHINE = "machine"
    UNREACHABLE = "unreachable"
    FAILED = "failed"
    CONSENT_DENIED = "consent_denied"


AAPOR: Final[dict[Disposition, str]] = {
    Disposition.COMPLETED: "1.1",
    Disposition.PARTIAL: "1.2",
    Disposition.BREAKOFF: "2.12",
    Disposition.REFUSED: "2.11",
    Disposition.INELIGIBLE: "4.7",
    Disposition.CALLBACK_BOOKED: "2.21",
    Disposition.NO_ANSWER: "3.13",
    Disposition.BUSY: "3.12",
    Disposition.MACHINE: "3.14",
    Disposition.UNREACHABLE: "4.3",
    Disposition.FAILED: "3.16",
    Disposition.CONSENT_DENIED: "2.11",
}
"""Final disposition codes of telephone surveys: AAPOR, Standard Definitions, 10th edition (2023)."""

"""Mapping of Q.850 causes and SIP statuses to the service's own names. Must not know: ARI."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

Q850_CAUSES: Final[Mapping[int, str]] = MappingProxyType(
    {
        1: "unallocated",
        2: "unreachable",  # no route to transit network
        3: "unreachable",  # no route to destination
        6: "failed",  # channel unacceptable
        16: "normal",
        17: "busy",
        18: "no_answer",  # no user responding
        19: "no_answer",  # no answer from user
        20: "unreachable",  # subscriber absent
        21: "rejected",
        22: "unreachable",  # number changed
        26: "no_answer",  # answered elsewhere
        27: "unreachable",  # destination out of order
        28: "unreachable",  # invalid number format
        31: "normal",  # normal, unspecified
        34: "congestion",  # no circuit available
        38: "congestion",  # network out of order
        41: "congestion",  # temporary failure
        42: "congestion",  # switching equipment congestion
        44: "congestion",  # requested circuit not available
        58: "protocol",  # bearer capability not available: no codec in common
        65: "protocol",  # bearer capability not implemented
        79: "protocol",  # service not implemented
        88: "protocol",  # incompatible destination
        95: "protocol",  # invalid message
        102: "unreachable",  # recovery on timer expiry: the far end never responded
        111: "protocol",
    }
)
"""ITU-T Q.850 cause values, as reported by ARI → lifecycle.HANGUP_CAUSES."""

SIP_CAUSES: Final[Mapping[int, str]] = MappingProxyType(
    {
        607: "unwanted",  # unwanted (RFC 8197)
        608: "spam",  # rejected by an intermediary (RFC 8688)
    }
)
"""SIP statuses that have no Q.850 cause of their own → lifecycle.HANGUP_CAUSES."""

REFUSAL_REASONS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "busy": "busy",
        "no_answer": "no_answer",
        "rejected": "declined",
        "unallocated": "unreachable",
        "unreachable": "unreachable",
    }
)
"""Hangup cause of a person who was rung → reason of TransferRefused."""


def hangup_cause(cause: int, sip_status: int = 0) -> str:
    """Return the hangup cause for a Q.850 cause and the SIP status it stands for, 0 if unknown.

    `failed` if neither is in the tables.
    """
    return SIP_CAUSES.get(sip_status) or Q850_CAUSES.get(cause, "failed")


def hangup_cause_after_answer(cause: int) -> str:
    """Return the hangup cause of an answered call: causes such as busy or unreachable then mean `media_lost`."""
    name = hangup_cause(cause)
    return name if name in ("normal", "protocol", "failed") else "media_lost"


def refusal_reason(cause: int) -> str:
    """Return the reason why a transfer was refused; `unavailable` if there is no specific one."""
    return REFUSAL_REASONS.get(hangup_cause(cause), "unavailable")

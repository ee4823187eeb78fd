"""Where a live call is: all that another node needs to go on with it. Must not know: stores, sessions."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Final

from pydantic import TypeAdapter

from ivr.flow.state import FlowState
from ivr.telephony.port import Call


@dataclass(frozen=True, slots=True)
class LiveState:
    """The state of an answered call after its last saved turn. `consent_at` is None without consent to recording."""

    call: Call
    answered_at: datetime
    consent_at: datetime | None
    flow: FlowState


_STATE: Final = TypeAdapter(LiveState)


def dump(state: LiveState) -> bytes:
    """Return the state as JSON."""
    return _STATE.dump_json(state)


def load(data: bytes) -> LiveState:
    """Return the state that `dump` encoded.

    Raises:
        ValueError: the data is not a state.
    """
    return _STATE.validate_json(data)

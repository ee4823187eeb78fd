"""The variables every flow starts with, besides the call's own. Must not know: flows, networks."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date

from ivr.calendar import Calendar
from ivr.events import Value
from ivr.telephony.port import Call


def initial_variables(call: Call, calendar: Calendar, today: date) -> Mapping[str, Value]:
    """Return the variables of a call that has just been answered; the call's own variables take precedence.

    `caller` is the number at the far end, `festival` the name of today's festival or empty (R3); `waited_rings` (R12).
    """
    caller = call.caller if call.direction == "inbound" else call.called
    return {
        "caller": caller,
        "festival": calendar.festival(today) or "",
        "waited_rings": call.waited_rings,
        **call.variables,
    }

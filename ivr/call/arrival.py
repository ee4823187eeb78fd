"""What a flow is told of every call, besides what the call itself brings. Must not know: flows, networks."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date

from ivr.calendar import Calendar
from ivr.events import Value
from ivr.telephony.port import Call


def initial_variables(call: Call, calendar: Calendar, today: date) -> Mapping[str, Value]:
    """What is known of a call that has just been answered; the call's own variables win.

    `caller`, the number at the other end; `festival`, where today is one (R3); `waited_rings` (R12).
    """
    caller = call.caller if call.direction == "inbound" else call.called
    return {
        "caller": caller,
        "festival": calendar.festival(today) or "",
        "waited_rings": call.waited_rings,
        **call.variables,
    }

"""What a flow is told of every call, besides what the call itself brings. Must not know: flows, networks."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date

from ivr.calendar import Calendar
from ivr.events import Value
from ivr.telephony.port import Call


def arrival(call: Call, calendar: Calendar, today: date) -> Mapping[str, Value]:
    """`caller`, the number at the other end; `festival`, where today is one (R3). The call's own variables win."""
    caller = call.caller if call.direction == "inbound" else call.called
    return {"caller": caller, "festival": calendar.festival(today) or "", **call.variables}

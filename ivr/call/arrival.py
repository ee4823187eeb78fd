"""The variables that a call brings to its flow. Must not know: networks, who placed the call."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from datetime import date

from ivr.calendar import Calendar
from ivr.events import Value
from ivr.flow.model import Callflows
from ivr.flow.variables import read_values
from ivr.telephony.port import Call

log = logging.getLogger(__name__)


def initial_variables(call: Call, callflows: Callflows, calendar: Calendar, today: date) -> Mapping[str, Value]:
    """Return the values for the flow's variables when a call has just been answered, in canonical form.

    `caller` is the number at the far end, `festival` the name of today's festival (R3), `waited_rings` how often the
    caller heard it ring (R12); the call's own variables take precedence. A value that the flow's variables do not take
    is left out, so that its default applies: a withheld number, no festival, or a value that an earlier version of the
    flows took.
    """
    known = {
        "caller": call.caller if call.direction == "inbound" else call.called,
        "festival": calendar.festival(today) or "",
        "waited_rings": call.waited_rings,
    }
    given = read_values(callflows, call.flow, {**known, **call.variables})
    if unfit := sorted(given.refused.keys() & call.variables.keys()):
        log.warning("call %s: these variables do not fit the flow and are left out: %s", call.id, ", ".join(unfit))
    return given.accepted

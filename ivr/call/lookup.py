"""Look-up of a case, returned as an event for the flow. Must not know: who asked, what the caller is told."""

from __future__ import annotations

from datetime import tzinfo

from ivr.actions import LookUpCase
from ivr.events import CaseFound, CaseMissing
from ivr.records.call_records import CallRecords


async def look_up(records: CallRecords, zone: tzinfo, call_id: str, action: LookUpCase) -> CaseFound | CaseMissing:
    """Look up a case for a call. The case's opening date is given in `zone`.

    Raises:
        RecordsUnavailable: the database is unreachable.
    """
    case = await records.find_case(call_id, action.by, action.value)
    if case is None:
        return CaseMissing(action.wait)
    opened_on = case.opened_at.astimezone(zone).date().isoformat()
    return CaseFound(action.wait, case.number, case.kind, case.open, opened_on, case.tier, case.roster)

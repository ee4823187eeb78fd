"""Look-up of a case, returned as an event for the flow. Must not know: who asked, what the caller is told."""

from __future__ import annotations

from datetime import tzinfo

from ivr.actions import LookUpCase
from ivr.events import CaseFound, CaseMissing
from ivr.records.call_records import CallRecords


async def look_up(records: CallRecords, zone: tzinfo, call_id: str, wanted: LookUpCase) -> CaseFound | CaseMissing:
    """Look up a case for a call. The case's opening date is given in `zone`.

    Raises:
        RecordsUnavailable: the database is unreachable.
    """
    found = await records.find_case(call_id, wanted.by, wanted.value)
    if found is None:
        return CaseMissing(wanted.wait)
    opened_on = found.opened_at.astimezone(zone).date().isoformat()
    return CaseFound(wanted.wait, found.number, found.kind, found.open, opened_on, found.tier, found.roster)

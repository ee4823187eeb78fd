"""Lookup of the case that a caller asks about. Must not know: who else may read cases, how a case is announced."""

from __future__ import annotations

from typing import Final

from sqlalchemy import or_, select
from sqlalchemy.ext.asyncio import AsyncSession

from ivr.actions import CaseKey
from ivr.complaints.rules.case import CaseStatus
from ivr.complaints.rules.model import Lines
from ivr.database import tables as t
from ivr.phone_number import canonical_number

DISCLOSABLE_KINDS: Final = ("repair", "complaint")
"""The kinds of cases that may be disclosed to any caller; never reports of misconduct (R18) or discipline."""
REPLIED_STATES: Final = ("replied", "verified", "archived")
"""The states of a case whose customer has been told the result."""
PHONE_DETAILS: Final = ("phone", "callback_phone")
"""The case details that hold a telephone number at which the customer can be reached."""
_DATE_DIGITS: Final = len("20261121")


async def find_case(
    session: AsyncSession, call_id: str, by: CaseKey, value: str, lines: Lines | None
) -> CaseStatus | None:
    """Return the newest matching case (see ivr.actions.LookUpCase), None if there is none.

    The roster in the result comes from `lines`; empty without them.
    """
    query = select(t.CaseRow).order_by(t.CaseRow.id.desc()).limit(1)
    disclosable = query.where(t.CaseRow.kind.in_(DISCLOSABLE_KINDS), t.CaseRow.confidential.is_(False))
    match by:
        case "call":
            query = query.where(t.CaseRow.call_id == call_id)
        case "number":
            query = disclosable.where(t.CaseRow.number == f"{value[:_DATE_DIGITS]}-{value[_DATE_DIGITS:]}")
        case "phone":
            if not (phone := canonical_number(value)):
                return None
            disclosable = disclosable.outerjoin(t.CustomerRow, t.CaseRow.customer_id == t.CustomerRow.id)
            by_detail = (t.CaseRow.details[name].as_string() == phone for name in PHONE_DETAILS)
            query = disclosable.where(or_(t.CustomerRow.number == phone, *by_detail))
    found = await session.scalar(query)
    if found is None:
        return None
    line = lines.lines.get(found.line or "") if lines else None
    roster = line.roster if line else ""
    return CaseStatus(
        found.number, found.kind, found.state not in REPLIED_STATES, found.opened_at, found.tier or "", roster
    )

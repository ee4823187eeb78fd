"""A case that a caller asks about. Must not know: who may see cases elsewhere, how a case is told."""

from __future__ import annotations

from typing import Final

import phonenumbers
from phonenumbers import PhoneNumberFormat
from sqlalchemy import or_, select
from sqlalchemy.ext.asyncio import AsyncSession

from ivr.actions import CaseKey
from ivr.complaints.rules.case import CaseStatus
from ivr.complaints.rules.model import Lines
from ivr.database import tables as t

ANNOUNCED_KINDS: Final = ("repair", "complaint")
"""The kinds of cases that whoever calls may be told of; never reports of misconduct (R18) or discipline."""
SETTLED: Final = ("replied", "verified", "archived")
"""The states of a case that its customer has been told the result of."""
PHONES: Final = ("phone", "callback_phone")
"""The details that name a number at which the caller wants to be reached."""
_DAY: Final = len("20261121")


async def find_case(
    session: AsyncSession, call_id: str, by: CaseKey, value: str, lines: Lines | None
) -> CaseStatus | None:
    """The newest case that fits (see ivr.actions.LookUpCase); `lines` name the rosters."""
    query = select(t.CaseRow).order_by(t.CaseRow.id.desc()).limit(1)
    told = query.where(t.CaseRow.kind.in_(ANNOUNCED_KINDS), t.CaseRow.confidential.is_(False))
    match by:
        case "call":
            query = query.where(t.CaseRow.call_id == call_id)
        case "number":
            query = told.where(t.CaseRow.number == f"{value[:_DAY]}-{value[_DAY:]}")
        case "phone":
            forms = _forms(value)
            told = told.outerjoin(t.CustomerRow, t.CaseRow.customer_id == t.CustomerRow.id)
            named = (t.CaseRow.details[name].as_string().in_(forms) for name in PHONES)
            query = told.where(or_(t.CustomerRow.number.in_(forms), *named))
    found = await session.scalar(query)
    if found is None:
        return None
    line = lines.lines.get(found.line or "") if lines else None
    roster = line.roster if line else ""
    return CaseStatus(found.number, found.kind, found.state not in SETTLED, found.opened_at, found.tier or "", roster)


def _forms(number: str) -> set[str]:
    """A telephone number as the caller gave it, as a network gives it and as it is dialled here."""
    try:
        known = phonenumbers.parse(number, "CN")
    except phonenumbers.NumberParseException:
        return {number}
    here = phonenumbers.format_out_of_country_calling_number(known, "CN")
    return {number, phonenumbers.format_number(known, PhoneNumberFormat.E164), "".join(filter(str.isdigit, here))}

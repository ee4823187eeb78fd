"""The envelope of events: whatever is encoded is decoded again, and nothing else is taken for an event."""

from __future__ import annotations

import json
from datetime import datetime, timedelta, timezone
from typing import Any, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ivr.live.feed_event import KINDS, EventKind, FeedEvent, decode, encode
from tests.live.events import AT, an_event

ZONES = st.integers(-14 * 60, 14 * 60).map(lambda minutes: timezone(timedelta(minutes=minutes)))
SUBJECT = st.none() | st.text()
EVENTS = st.builds(
    FeedEvent,
    id=st.text(min_size=1),
    kind=st.sampled_from(sorted(KINDS)),
    at=st.datetimes(datetime(2000, 1, 1), datetime(2100, 1, 1), timezones=ZONES),  # noqa: DTZ001
    agent=SUBJECT,
    call=SUBJECT,
    line=SUBJECT,
    case=SUBJECT,
    data=st.dictionaries(st.text(), st.none() | st.booleans() | st.integers() | st.text()),
)


@given(EVENTS)
def test_every_event_is_decoded_as_it_was(event: FeedEvent) -> None:
    assert decode(encode(event).encode()) == event


def test_an_event_names_only_its_subjects() -> None:
    event = FeedEvent("7", cast("EventKind", "ended"), AT, agent="zhang", call="call-1", data={"wrap_up_s": 30})
    assert event.subjects == {"agent": "zhang", "call": "call-1"}
    assert json.loads(encode(event)) == {
        "id": "7", "kind": "ended", "at": "2026-11-29T09:00:00+00:00", "agent": "zhang", "call": "call-1",
        "data": {"wrap_up_s": 30},
    }  # fmt: skip


DAMAGED: dict[str, dict[str, Any]] = {
    "unknown kind": {"kind": "sung"},
    "no id": {"id": ""},
    "a number as id": {"id": 7},
    "a number as subject": {"agent": 7},
    "unknown field": {"colour": "red"},
    "no data": {"data": None},
    "nested data": {"data": {"a": {"b": 1}}},
    "a fraction": {"data": {"a": 1.5}},
    "no time": {"at": "yesterday"},
    "a time without zone": {"at": "2026-11-29T09:00:00"},
    "a number as time": {"at": 7},
}


@pytest.mark.parametrize("change", DAMAGED.values(), ids=DAMAGED)
def test_whatever_else_is_refused(change: dict[str, Any]) -> None:
    with pytest.raises(ValueError):
        decode(json.dumps(json.loads(encode(an_event(1))) | change).encode())

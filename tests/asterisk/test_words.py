"""Asterisk's causes and events, translated into the service's vocabulary."""

from __future__ import annotations

import json

import pytest

from ivr.lifecycle import HANGUP_CAUSES
from ivr.telephony.asterisk import causes
from ivr.telephony.asterisk.ari_events import KINDS, ChannelDestroyed, DialProgress, StasisStart, read

CHANNEL = {"id": "1.2", "state": "Up", "caller": {"number": "1001"}}


def test_every_cause_is_translated():
    assert {causes.hangup_cause(number) for number in range(128)} <= HANGUP_CAUSES
    assert {causes.hangup_cause(127, status) for status in range(700)} <= HANGUP_CAUSES
    assert {causes.hangup_cause_after_answer(number) for number in range(128)} <= HANGUP_CAUSES
    assert {causes.refusal_reason(number) for number in range(128)} == {
        "busy",
        "no_answer",
        "declined",
        "unreachable",
        "unavailable",
    }


def test_common_causes_are_told_apart():
    assert [causes.hangup_cause(number) for number in (16, 17, 19, 21, 1, 88, 127)] == [
        "normal",
        "busy",
        "no_answer",
        "rejected",
        "unallocated",
        "protocol",
        "failed",
    ]
    assert [causes.hangup_cause(127, status) for status in (487, 607, 608)] == ["failed", "unwanted", "spam"]


def test_events_are_read():
    start = {"type": "StasisStart", "args": ["line", "4000"], "channel": CHANNEL, "more": 1}
    assert read(json.dumps(start)) == StasisStart("1.2", ("line", "4000"), "1001")
    end = {"type": "ChannelDestroyed", "cause": 17, "channel": CHANNEL}
    assert read(json.dumps(end)) == ChannelDestroyed("1.2", 17)
    assert read(json.dumps(end | {"cause": 127, "tech_cause": 607})) == ChannelDestroyed("1.2", 127, 607)
    dialling = {"type": "Dial", "dialstatus": "RINGING", "peer": CHANNEL, "forward": "", "dialstring": "1001"}
    assert read(json.dumps(dialling)) == DialProgress("1.2", "RINGING")


def test_other_events_are_ignored():
    assert read('{"type": "ChannelVarset", "variable": "X"}') is None


@pytest.mark.parametrize(
    "text", ["", "no json", "[]", "{}", '{"type": "StasisStart"}', '{"type": "StasisEnd", "channel": 1}']
)
def test_an_invalid_event_is_refused_without_quoting_it(text):
    with pytest.raises(ValueError, match=r"not an ARI event|Expecting value"):
        read(text)


def test_asterisk_is_asked_only_for_events_that_are_handled():
    assert set(KINDS) >= {"StasisStart", "StasisEnd", "ChannelDtmfReceived", "ChannelDestroyed"}

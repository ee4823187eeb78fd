"""The names of channels tell node and call, and none begins with another."""

from __future__ import annotations

import itertools
import re

import pytest

from ivr.telephony.asterisk.ari import Ari
from ivr.telephony.asterisk.channels import ChannelTracker
from ivr.telephony.asterisk.names import Owner, application, context, name, owner, pattern
from ivr.telephony.asterisk.voice_bridge import SNOOP_KINDS, VoiceBridge

APP = application("huifang", "ivr-1.example.net:8080/4711")


def test_the_application_of_a_node():
    assert APP == "huifang@ivr-1-example-net-8080-4711"
    assert re.match(pattern("huifang"), APP)
    assert not re.match(pattern("huifang"), application("huifang-test", "ivr-1:8080/4711"))
    assert not re.match(pattern("huifang"), application("a-huifang", "ivr-1:8080/4711"))
    assert context(APP, "fallback") == "huifang-fallback"


def test_a_long_name_of_a_node_keeps_the_end_that_makes_it_unique():
    assert application("huifang", "x" * 100 + ":8080/4711").endswith("x-8080-4711")
    assert len(application("huifang", "x" * 100)) == len("huifang@") + 64


def test_a_name_tells_node_and_call():
    assert owner(APP, name(APP, "voice", "c1", "0a1b")) == Owner(APP, "voice", "c1")
    assert owner(application("huifang", "other"), name(APP, "bridge", "c1")) == Owner(APP, "bridge", "c1")


@pytest.mark.parametrize(
    "foreign", ["huifang-1700000000.1", "", "huifang@x", "huifang@x.voice", "other@x.voice.c1", "huifang@x.thing.c1"]
)
def test_names_that_no_node_of_the_site_has_given(foreign):
    assert owner(APP, foreign) is None


async def test_no_name_begins_with_another_even_of_an_earlier_leg_of_the_call():
    ari, tracker = Ari("http://127.0.0.1:9/ari", "", "", APP), ChannelTracker()
    voices = [VoiceBridge(ari, tracker, "c1") for _ in range(2)]
    kinds = ("voice", "party", "tap", "spy")
    given = [voice.name(kind, *(["caller"] if kind in SNOOP_KINDS else [])) for voice in voices for kind in kinds]
    assert not [pair for pair in itertools.permutations(given, 2) if pair[0].startswith(pair[1])]

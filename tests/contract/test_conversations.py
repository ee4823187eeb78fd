"""Whole conversations, the same over every network: neither the session nor these tests know which one carries them.

All conversations of a network are held at the same time; each test looks at the result of one.
"""

import asyncio

import pytest
import pytest_asyncio

from ivr.events import CallEnded, TransferCompleted, TransferFailed
from ivr.lifecycle import Disposition
from tests.asterisk.caller import ANSWERS, KEYS
from tests.asterisk.sound import babble
from tests.contract.stations import CallRefused, browser_station, scripted_station

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.calls(6)]

STATIONS = {"browser": browser_station, "scripted": scripted_station}
STAGGER_S = 0.4
FIRST_KEYS = {"convenient": "1", "resolved": "2"}
CONVERSATIONS = []


def conversation(hold):
    """Register a conversation; its argument is the station."""
    CONVERSATIONS.append(hold)
    return hold


def only(needed):
    """A conversation that not every network can carry."""

    def register(hold):
        async def where_possible(station):
            if not needed(station):
                return "not possible on this network"
            return await hold(station)

        where_possible.__name__ = hold.__name__
        return conversation(where_possible)

    return register


async def hold_all(station):
    """Hold all conversations, then drain the network; return what came of each."""

    async def hold(number, story):
        await asyncio.sleep(number * STAGGER_S)
        return await story(station)

    ends = await asyncio.gather(*(hold(*each) for each in enumerate(CONVERSATIONS)), return_exceptions=True)
    results = dict(zip([story.__name__ for story in CONVERSATIONS], ends, strict=True))
    last = await asyncio.gather(a_draining_network_takes_no_call(station), return_exceptions=True)
    return results | {a_draining_network_takes_no_call.__name__: last[0]}


@pytest_asyncio.fixture(scope="module", loop_scope="module", params=STATIONS)
async def results(request, tmp_path_factory):
    async with STATIONS[request.param](tmp_path_factory.mktemp(request.param)) as station:
        yield await hold_all(station)


# --- the conversations --------------------------------------------------------------------------------------------


@conversation
async def a_survey_by_voice_is_recorded_completely(station):
    talk = await station.call()
    await talk.caller.takes_the_survey()
    record = await talk.record()
    assert {question: record.values.get(question) for question in ANSWERS} == ANSWERS
    assert record.call.disposition is Disposition.COMPLETED
    assert (record.call.network, record.call.direction) == (station.network.name, "inbound")
    assert bool(record.call.external_id) is station.knows_calls
    [recording] = record.recordings
    assert recording.seconds > 20
    assert [line.who for line in record.transcript].count("caller") >= len(ANSWERS)


@conversation
async def keys_interrupt_the_prompts(station):
    talk = await station.call()
    await talk.caller.hears_out("survey.opening")
    for question, key in KEYS.items():
        if question != "confirm":
            await talk.caller.presses(key, question)
            await talk.caller.hears_onset()
            await asyncio.sleep(0.5)
    record = await talk.record()
    assert record.values == ANSWERS | {"comments": None}
    assert {each.answer.by for each in record.answers} == {"key"}


@conversation
async def a_caller_who_hangs_up_leaves_the_answers_and_a_case(station):
    talk = await station.call()
    await talk.caller.takes_the_survey(voice={}, keys=FIRST_KEYS, until="attitude")
    await talk.caller.call.hang_up()
    record = await talk.record()
    assert record.values == {"convenient": "yes", "resolved": "no"}
    assert (record.call.disposition, record.call.ended_by) == (Disposition.BREAKOFF, "caller")
    assert [case.kind for case in record.cases] == ["bad_review"]


@conversation
async def a_lost_connection_ends_the_call(station):
    talk = await station.call()
    await talk.caller.takes_the_survey(voice={}, keys=FIRST_KEYS, until="resolved")
    await station.lose(talk)
    record = await talk.record()
    assert record.values == {"convenient": "yes"}
    assert record.turns[-1].event == CallEnded("network", "media_lost")


async def asks_for_a_person(station):
    talk = await station.call()
    await talk.caller.takes_the_survey(voice={}, keys=FIRST_KEYS, until="resolved")
    await talk.caller.presses("0")
    return talk


async def hears_the_whisper_out(handset):
    """Wait until it is quiet; without a speech engine there is no whisper."""
    now = asyncio.get_running_loop().time
    began = now()
    while now() < max(began, handset.loud_until) + 1:  # noqa: ASYNC110
        await asyncio.sleep(0.02)


@only(lambda station: station.transfers)
async def a_caller_is_transferred_to_a_person_and_both_hear_each_other(station):
    async with station.person:
        talk = await asks_for_a_person(station)
        person = await station.person_called()
        person.ring()
        await asyncio.sleep(0.5)
        person.answer()
        listener = station.conversation(person, "").caller
        await hears_the_whisper_out(listener.call)
        spoken, answered = babble(0.8, seed=1), babble(0.8, seed=2)
        await asyncio.gather(talk.caller.call.say(spoken), person.say(answered))
        await asyncio.sleep(0.3)
        assert listener.heard.find(spoken).likeness > 0.9
        assert talk.caller.heard.find(answered).likeness > 0.9
        await person.hang_up()
    record = await talk.record()
    assert any(isinstance(turn.event, TransferCompleted) for turn in record.turns)
    assert record.call.ended_by == "us"


@conversation
async def a_caller_whom_nobody_takes_is_told_so(station):
    if not station.transfers:
        talk = await asks_for_a_person(station)
    else:
        async with station.person:
            talk = await asks_for_a_person(station)
            station.refuse(await station.person_called())
            await talk.caller.hears_out("common.transfer_failed")
    record = await talk.record()
    [failed] = [turn.event for turn in record.turns if isinstance(turn.event, TransferFailed)]
    assert failed.reason == ("busy" if station.transfers else "unavailable")
    assert [case.kind for case in record.cases] == ["call_wanted"]


@only(lambda station: station.network.places_calls)
async def a_person_whom_we_call_takes_the_survey(station):
    number = await station.number()
    placed = station.place(number)
    ringing = await station.called(number)
    ringing.answer()
    talk = station.conversation(ringing, number)
    await talk.caller.takes_the_survey(voice={})
    await placed
    record = await talk.record()
    assert record.values == ANSWERS | {"comments": None}
    assert (record.call.direction, record.call.disposition) == ("outbound", Disposition.COMPLETED)
    assert record.call.external_id


@only(lambda station: station.network.places_calls)
async def a_busy_phone_is_recorded_as_busy(station):
    number = await station.number()
    placed = station.place(number)
    ringing = await station.called(number)
    station.refuse(ringing)
    await placed
    record = await station.conversation(ringing, number).record()
    assert (record.call.disposition, record.call.cause) == (Disposition.BUSY, "busy")


async def a_draining_network_takes_no_call(station):
    before = len(await station.service.node.records.calls(100))
    station.network.slots.capacity = 0
    with pytest.raises(CallRefused):
        await station.call()
    assert len(await station.service.node.records.calls(100)) == before
    assert station.network.state.active_calls == 0


@pytest.mark.parametrize(
    "name", [*(each.__name__ for each in CONVERSATIONS), a_draining_network_takes_no_call.__name__]
)
async def test_conversation(results, name):
    if isinstance(results[name], str):
        pytest.skip(results[name])
    if results[name] is not None:
        raise results[name]

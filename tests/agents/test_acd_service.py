"""The ACD with scripted agents: stores that are away, and the events that it publishes."""

from __future__ import annotations

import asyncio
from contextlib import aclosing
from functools import partial

import pytest

from ivr.agents import call_offer, presence
from ivr.agents.acd_service import AcdService
from ivr.agents.agent_command import CommandReply
from ivr.agents.presence import MAX_MISSED, Presence
from ivr.agents.transfer_state import AgentCommand, CommandName
from ivr.live.client import connect
from ivr.live.queues import QUEUE
from ivr.telephony.port import Call, TransferRefused
from tests.agents.acd import CALL, AcdParts, FailingPerson, ScriptedHold, ScriptedPerson, person_who_leaves


async def refusal(acd: AcdService, hold: ScriptedHold, line: str = "hotline") -> str:
    with pytest.raises(TransferRefused) as caught:
        await acd.hand_over(CALL, line, "", hold)
    return caught.value.reason


async def test_the_longest_idle_agent_is_offered_first_and_nobody_twice(parts):
    hold = ScriptedHold({})
    assert await refusal(parts.acd, hold) == "no_answer"
    assert hold.rung == ["1001", "1002"]
    assert {each.state for each in (await parts.presences.all()).values()} == {"available"}


async def test_whoever_misses_two_offers_in_a_row_is_asked_no_more_until_they_say_so(parts):
    for _ in range(MAX_MISSED):
        assert await refusal(parts.acd, ScriptedHold({})) == "no_answer"
    assert {each.state for each in (await parts.presences.all()).values()} == {"missed"}
    later = ScriptedHold({})
    assert await refusal(parts.acd, later) == "unavailable"
    assert later.rung == []
    await parts.presences.move("li", partial(presence.set_available, now=9.0))
    hold = ScriptedHold({"1002": person_who_leaves(["1"])})
    await parts.acd.hand_over(CALL, "hotline", "", hold)
    assert hold.rung == ["1002"]
    assert (await parts.presences.all())["zhang"].state == "missed"


async def test_the_screen_says_so_when_an_agent_is_asked_no_more(parts):
    for _ in range(MAX_MISSED):
        await refusal(parts.acd, ScriptedHold({}))
    seen = []
    async with asyncio.timeout(5), aclosing(parts.feed.follow("0")) as feed:
        async for _, event in feed:
            if event.agent == "zhang":
                seen.append((event.kind, event.data.get("reason"), event.data.get("state")))
            if event.kind == "presence":
                break
    assert seen == [
        ("offered", None, None),
        ("not_taken", "no_answer", None),
        ("offered", None, None),
        ("not_taken", "no_answer", None),
        ("presence", None, "missed"),
    ]


@pytest.mark.parametrize(
    ("fault", "missed"),
    [
        (TransferRefused("no_answer", rang=True), 1),
        (TransferRefused("no_answer"), 0),
        (TransferRefused("unreachable"), 0),
        (TransferRefused("unavailable", rang=True), 0),
        (TransferRefused("busy"), 0),
        (TransferRefused("declined", rang=True), 0),
    ],
)
async def test_only_a_phone_that_rings_in_vain_is_a_missed_offer(parts, fault, missed):
    await refusal(parts.acd, ScriptedHold({}, refusal=fault))
    assert (await parts.presences.all())["zhang"].missed == missed


async def test_whoever_picks_up_and_presses_nothing_misses_the_offer(parts, monkeypatch):
    monkeypatch.setattr(call_offer, "ACCEPT_TIMEOUT_S", 0.05)
    hold = ScriptedHold({"1001": ScriptedPerson([]), "1002": person_who_leaves(["1"])})
    await parts.acd.hand_over(CALL, "hotline", "", hold)
    known = await parts.presences.all()
    assert (known["zhang"].missed, known["li"].missed) == (1, 0)


@pytest.mark.parametrize("key", ["2", "1"])
async def test_whoever_declines_or_takes_a_call_is_there(parts, key):
    await refusal(parts.acd, ScriptedHold({}))
    assert (await parts.presences.all())["zhang"].missed == 1
    await parts.acd.hand_over(
        CALL, "hotline", "", ScriptedHold({"1001": person_who_leaves([key]), "1002": person_who_leaves(["1"])})
    )
    assert (await parts.presences.all())["zhang"].missed == 0


async def test_a_caller_who_hangs_up_while_it_rings_was_not_missed(parts):
    hold = ScriptedHold({"1001": ScriptedPerson([])})
    transfer = asyncio.create_task(parts.acd.hand_over(CALL, "hotline", "", hold))
    await parts.shown("offered", "zhang")
    transfer.cancel()
    await asyncio.gather(transfer, return_exceptions=True)
    assert (await parts.presences.all())["zhang"] == Presence(here=True, reachable=True)


async def test_other_keys_are_ignored(parts):
    hold = ScriptedHold({"1001": person_who_leaves(["5", "*", "1"])})
    await parts.acd.hand_over(CALL, "hotline", "", hold)
    assert hold.people["1001"].log[-1] == "connected" and hold.rung == ["1001"]
    assert (await parts.presences.all())["zhang"].state == "wrap_up"


async def test_a_caller_in_another_language_goes_to_an_agent_who_speaks_it(parts):
    hold = ScriptedHold({"1002": person_who_leaves(["1"])})
    english = Call("call-2", "asterisk", "inbound", "1", "4000", "survey", "en-US")
    await parts.acd.hand_over(english, "hotline", "", hold)
    assert hold.rung == ["1002"]


async def test_every_step_is_published(parts):
    hold = ScriptedHold({"1002": person_who_leaves(["1"])})
    await parts.acd.hand_over(CALL, "hotline", "", hold)
    seen = []
    async with asyncio.timeout(5):
        async for _, event in parts.feed.follow("0"):
            seen.append((event.kind, event.agent, event.data.get("reason")))
            if event.kind == "ended":
                break
    assert seen == [
        ("offered", "zhang", None),
        ("not_taken", "zhang", "no_answer"),
        ("offered", "li", None),
        ("accepted", "li", None),
        ("ended", "li", None),
    ]


async def test_a_caller_passed_to_another_line_is_taken_there(parts):
    first, second = ScriptedPerson(["1"]), person_who_leaves(["1"])
    hold = ScriptedHold({"1001": first, "1002": second})
    async with parts.connected_to_zhang(hold) as transfer, asyncio.timeout(10):
        await command(parts, "onward", "supervision")
        await transfer
    assert hold.rung == ["1001", "1002"]
    assert (await parts.presences.all())["zhang"].state == "wrap_up"


@pytest.mark.parametrize("after", [0.0, 0.02, 0.1])
async def test_a_caller_who_hangs_up_leaves_nothing_behind(parts, server, after):
    hold = ScriptedHold({"1001": ScriptedPerson(["1"])})
    transfer = asyncio.create_task(parts.acd.hand_over(CALL, "hotline", "", hold))
    while not hold.rung:  # noqa: ASYNC110
        await asyncio.sleep(0)
    await asyncio.sleep(after)
    transfer.cancel()
    await asyncio.gather(transfer, return_exceptions=True)
    assert (await parts.presences.all())["zhang"].state in ("available", "wrap_up")
    async with connect(server.url) as redis:
        assert await redis.keys(f"{QUEUE}*") == []


async def test_without_redis_the_transfer_is_refused(parts, server):
    await server.close()
    assert await refusal(parts.acd, ScriptedHold({})) == "unavailable"


async def test_a_conversation_survives_the_loss_of_redis(parts, server):
    person = ScriptedPerson(["1"])
    transfer = asyncio.create_task(parts.acd.hand_over(CALL, "hotline", "", ScriptedHold({"1001": person})))
    async with asyncio.timeout(10):
        while "connected" not in person.log:  # noqa: ASYNC110
            await asyncio.sleep(0.01)
    await server.close()
    await asyncio.sleep(0.1)
    assert not transfer.done()
    person.leaves.set()
    await transfer


async def test_only_the_agent_who_took_the_call_is_recorded(parts):
    hold = ScriptedHold({"1001": person_who_leaves(["2"]), "1002": person_who_leaves(["1"])})
    await parts.acd.hand_over(CALL, "hotline", "", hold)
    assert parts.journal == [(CALL.id, "li", "hotline")]


async def test_a_damaged_entry_of_the_queue_does_not_keep_a_caller_from_an_agent(parts, server):
    async with connect(server.url) as redis:
        await redis.zadd(f"{QUEUE}hotline", {"foreign": -1, "empty": -1, "worse": -1})
        notes = {"foreign": "[]", "worse": '{"needs": [[]], "tried": [], "offered": false}'}
        await redis.hset(f"{QUEUE}hotline:notes", mapping=notes)
    hold = ScriptedHold({"1001": person_who_leaves(["1"])})
    await parts.acd.hand_over(CALL, "hotline", "", hold)
    assert hold.people["1001"].log[-1] == "connected"
    assert parts.acd._queues.damaged.count == 3


async def command(parts: AcdParts, what: CommandName, line: str = "") -> CommandReply:
    return await parts.commands.send(AgentCommand("zhang", what, line))


async def test_a_consulted_colleague_takes_over_the_caller(parts):
    first, second = ScriptedPerson(["1"]), ScriptedPerson(["1"])
    hold = ScriptedHold({"1001": first, "1002": second})
    async with parts.connected_to_zhang(hold) as transfer:
        await command(parts, "consult", "supervision")
        await parts.shown("talk", "zhang", state="consulting")
        await command(parts, "leave")
        await parts.shown("ended", "zhang")
        assert (await parts.presences.all())["li"].state == "busy"
        second.leaves.set()
        await transfer
    assert first.log == ["whispered", "connected", "disconnected", "ringback", "stepped aside"]
    assert second.log == ["whispered", "stepped aside", "connected"]
    assert hold.noted == [("caller", "zhang"), (), ("zhang", "li"), ("caller", "li")]


async def test_an_internal_fault_makes_the_colleague_unavailable(parts):
    hold = ScriptedHold({"1001": ScriptedPerson(["1"]), "1002": FailingPerson([])})
    async with parts.connected_to_zhang(hold):
        await command(parts, "consult", "supervision")
        await parts.shown("talk", "zhang", state="talking", reason="unavailable")
        assert {name: each.state for name, each in (await parts.presences.all()).items()} == {
            "zhang": "busy", "li": "available",
        }  # fmt: skip
    assert hold.people["1001"].log[-1] == "connected"


async def test_a_line_without_a_roster_has_no_colleague(parts):
    async with parts.connected_to_zhang(ScriptedHold({"1001": ScriptedPerson(["1"])})):
        await command(parts, "consult", "nowhere")
        await parts.shown("talk", "zhang", state="talking", reason="unavailable")


async def test_a_command_by_key_that_the_state_does_not_allow_is_reported_on_the_screen(parts):
    async with parts.connected_to_zhang(ScriptedHold({"1001": ScriptedPerson(["1", "*", "2"])})):
        refused = await parts.shown("refused", "zhang", wanted="conference")
        assert (refused.line, refused.data["reason"]) == ("hotline", "the agent cannot conference while talking")


async def test_both_agents_are_notified_when_the_caller_hangs_up(parts):
    hold = ScriptedHold({"1001": ScriptedPerson(["1"]), "1002": ScriptedPerson(["1"])})
    async with parts.connected_to_zhang(hold) as transfer:
        await command(parts, "consult", "supervision")
        await parts.shown("talk", "li", state="consulting")
        transfer.cancel()
        for agent in ("zhang", "li"):
            await parts.shown("ended", agent, by="caller")

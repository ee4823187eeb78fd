"""Agents' commands on their way to the call: accepted, refused, dropped, never executed twice."""

from __future__ import annotations

import asyncio
import os
import signal
from dataclasses import dataclass, field
from functools import partial

import pytest

from ivr.agents import presence
from ivr.agents.agent_command import CallCommand, CommandReply, CommandRequest, Refusal, encode_command
from ivr.agents.command_service import CommandService, CommandUnanswered, KeyReused
from ivr.agents.transfer_state import AgentCommand, CommandName
from ivr.live.embedded import EmbeddedRedis
from ivr.live.errors import LiveStateUnavailable
from tests.agents.acd import CALL, LONG_MS, AcdParts, ScriptedHold, ScriptedPerson, running_acd

CONSULT = AgentCommand("zhang", "consult", "supervision")
ACCEPTED = CommandReply(CALL.id)


def alone() -> ScriptedHold:
    """A caller for whom nobody but zhang answers."""
    return ScriptedHold({"1001": ScriptedPerson(["1"])})


def by_zhang(what: CommandName) -> AgentCommand:
    return AgentCommand("zhang", what)


@dataclass
class SlowPerson(ScriptedPerson):
    """An agent whom it takes long to put on hold."""

    begun: asyncio.Event = field(default_factory=asyncio.Event)
    done: asyncio.Event = field(default_factory=asyncio.Event)

    async def ringback(self) -> None:
        self.begun.set()
        await self.done.wait()
        await super().ringback()


async def connect(parts: AcdParts, agent: str, call: str, node: str) -> None:
    """Let the presence say that an agent has a call."""
    await parts.presences.move(agent, partial(presence.offer, call=call, line="hotline", node=node))
    await parts.presences.move(agent, partial(presence.accept, call=call))


async def is_taken(parts: AcdParts, command_id: str) -> None:
    """Wait until the node has taken a command."""
    async with asyncio.timeout(10):
        while await parts.live_commands._redis.hget(f"ivr:command:{command_id}", "state") != b"taken":  # noqa: ASYNC110
            await asyncio.sleep(0.01)


async def test_the_reply_says_that_the_call_has_accepted_the_command(parts: AcdParts) -> None:
    async with parts.connected_to_zhang(alone()):
        assert await parts.commands.send(CONSULT) == ACCEPTED
        await parts.shown("talk", "zhang", state="asking")


async def test_any_node_reaches_the_one_that_runs_the_call(parts: AcdParts) -> None:
    other = CommandService(parts.live_commands, parts.presences, "other")
    async with parts.connected_to_zhang(alone()):
        assert await other.send(CONSULT) == ACCEPTED


async def test_a_command_that_the_state_does_not_allow_is_refused(parts: AcdParts) -> None:
    async with parts.connected_to_zhang(alone()):
        reply = await parts.commands.send(by_zhang("conference"))
        assert reply == CommandReply(CALL.id, "not_possible", "the agent cannot conference while talking")


async def test_an_agent_without_a_call_is_told_so_at_once(parts: AcdParts) -> None:
    reply = await parts.commands.send(CONSULT)
    assert reply == CommandReply("", "not_on_call", "agent zhang is available, not on a call")


async def test_an_agent_who_is_on_another_call_is_refused_by_the_call(parts: AcdParts) -> None:
    await connect(parts, "li", CALL.id, "node")
    async with parts.connected_to_zhang(alone()):
        reply = await parts.commands.send(AgentCommand("li", "leave"))
        assert reply == CommandReply(CALL.id, "not_on_call", "li is not on this call")


async def test_a_command_for_a_call_that_has_just_ended_is_refused(parts: AcdParts) -> None:
    await connect(parts, "li", "ended", "node")
    async with parts.connected_to_zhang(alone()):
        reply = await parts.commands.send(AgentCommand("li", "leave"))
        assert reply == CommandReply("ended", "call_over", "no agent has call ended any more")


async def test_a_command_that_waits_while_the_call_ends_is_refused(parts: AcdParts) -> None:
    person = SlowPerson(["1"])
    async with parts.connected_to_zhang(ScriptedHold({"1001": person})) as transfer:
        assert await parts.commands.send(CONSULT) == ACCEPTED
        await person.begun.wait()
        waiting = asyncio.create_task(parts.commands.send(by_zhang("return"), key="second"))
        await is_taken(parts, "zhang:second")
        transfer.cancel()
        assert (await waiting).refused == "call_over"


async def test_a_call_goes_on_when_nobody_waits_for_its_reply_any_more(parts: AcdParts) -> None:
    person = SlowPerson(["1"])
    running = asyncio.create_task(parts.commands.run())
    transfer = asyncio.create_task(parts.acd.hand_over(CALL, "hotline", "", ScriptedHold({"1001": person})))
    await parts.shown("accepted", "zhang")
    assert await parts.commands.send(CONSULT) == ACCEPTED
    await person.begun.wait()
    waiting = asyncio.create_task(parts.commands.send(by_zhang("return"), key="second"))
    await is_taken(parts, "zhang:second")
    for task in (running, waiting):
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
    person.done.set()
    await parts.shown("talk", "zhang", state="talking")
    assert not transfer.done()
    transfer.cancel()
    await asyncio.gather(transfer, return_exceptions=True)


async def test_a_call_drops_a_command_that_it_comes_to_too_late(parts: AcdParts) -> None:
    refused: asyncio.Future[Refusal] = asyncio.get_running_loop().create_future()
    hold = alone()
    async with parts.connected_to_zhang(hold):
        post = parts.commands._mailboxes[CALL.id]
        post(CommandRequest(CONSULT, lambda: False, pytest.fail, lambda why, _: refused.set_result(why)))
        assert await asyncio.wait_for(refused, 10) == "too_late"
        assert (await parts.commands.send(by_zhang("conference"))).why == "the agent cannot conference while talking"


async def test_a_repeated_command_is_executed_once(parts: AcdParts) -> None:
    async with parts.connected_to_zhang(alone()) as transfer:
        sent = [asyncio.create_task(parts.commands.send(by_zhang("onward"), key="a-key")) for _ in range(5)]
        assert await asyncio.gather(*sent) == [ACCEPTED] * 5
        await parts.shown("ended", "zhang")
        assert await parts.commands.send(by_zhang("onward"), key="a-key") == ACCEPTED, "although the call is over"
        transfer.cancel()


async def test_a_key_belongs_to_one_command_of_one_agent(parts: AcdParts) -> None:
    async with parts.connected_to_zhang(alone()):
        assert await parts.commands.send(CONSULT, key="a-key") == ACCEPTED
        with pytest.raises(KeyReused):
            await parts.commands.send(by_zhang("return"), key="a-key")
        reply = await parts.commands.send(AgentCommand("li", "consult", "supervision"), key="a-key")
        assert reply.refused == "not_on_call"


async def test_a_command_to_a_dead_node_is_dropped_and_may_be_repeated(parts: AcdParts) -> None:
    impatient = CommandService(parts.live_commands, parts.presences, "other", timeout_s=0.05)
    transfer = asyncio.create_task(parts.acd.hand_over(CALL, "hotline", "", alone()))
    await parts.shown("accepted", "zhang")
    with pytest.raises(CommandUnanswered, match="dropped") as unanswered:
        await impatient.send(CONSULT, key="a-key")
    assert unanswered.value.dropped
    running = asyncio.create_task(parts.commands.run())
    reply = await parts.commands.send(by_zhang("conference"))
    assert reply.why == "the agent cannot conference while talking", "the consultation was not begun"
    assert await parts.commands.send(CONSULT, key="a-key") == ACCEPTED
    for task in (transfer, running):
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def test_it_is_not_known_what_a_node_did_that_died_with_the_command(parts: AcdParts) -> None:
    impatient = CommandService(parts.live_commands, parts.presences, "other", timeout_s=0.05)
    await connect(parts, "zhang", CALL.id, "dead")
    await parts.live_commands.send("dead", "zhang:a-key", encode_command(CallCommand(CALL.id, CONSULT)), LONG_MS)
    assert await parts.live_commands.take("zhang:a-key") is not None
    for _ in range(2):
        with pytest.raises(CommandUnanswered, match="not known") as unanswered:
            await impatient.send(CONSULT, key="a-key")
        assert not unanswered.value.dropped


async def test_a_damaged_command_is_skipped_and_the_next_one_is_obeyed(parts: AcdParts) -> None:
    async with parts.connected_to_zhang(alone()):
        await parts.live_commands.send("node", "zhang:a-key", b'{"call": 7}', LONG_MS)
        assert await parts.commands.send(CONSULT) == ACCEPTED
        assert parts.live_commands.damaged.count == 1


async def test_commands_survive_a_restart_of_redis(parts: AcdParts, server: EmbeddedRedis) -> None:
    async with running_acd(server.url, "patient") as patient, patient.connected_to_zhang(alone()):
        assert server.pid is not None
        os.kill(server.pid, signal.SIGKILL)
        async with asyncio.timeout(30):
            while True:
                try:
                    reply = await patient.commands.send(CONSULT, key="a-key")
                    break
                except (LiveStateUnavailable, CommandUnanswered):
                    continue
        assert reply == ACCEPTED


async def test_without_redis_the_sender_is_told(parts: AcdParts, server: EmbeddedRedis) -> None:
    async with parts.connected_to_zhang(alone()):
        await server.close()
        with pytest.raises(LiveStateUnavailable):
            await parts.commands.send(CONSULT)


async def test_it_is_not_known_what_becomes_of_a_command_when_redis_goes_away_after_it_was_sent(
    parts: AcdParts, server: EmbeddedRedis
) -> None:
    await connect(parts, "zhang", CALL.id, "dead")
    waiting = asyncio.create_task(CommandService(parts.live_commands, parts.presences, "other", 600).send(CONSULT, "k"))
    async with asyncio.timeout(10):
        while not await parts.live_commands.find("zhang:k"):  # noqa: ASYNC110
            await asyncio.sleep(0.01)
    await server.close()
    with pytest.raises(CommandUnanswered, match="not known"):
        await waiting


async def test_a_cancelled_node_takes_no_more_commands(parts: AcdParts) -> None:
    running = asyncio.create_task(parts.commands.run())
    await asyncio.sleep(0)
    running.cancel()
    await asyncio.wait({running}, timeout=10)
    assert running.cancelled()

"""No cancellation is lost in the Redis client, at any point of any command."""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import pytest
import uvloop
from redis.asyncio import Redis

from ivr.live import commands as live_commands
from ivr.live import feed
from ivr.live.agents import LiveAgents, StoredPresence
from ivr.live.calls import LiveCalls
from ivr.live.client import connect, translated_errors
from ivr.live.commands import LiveCommands
from ivr.live.embedded import EmbeddedRedis
from ivr.live.feed import EventFeed
from ivr.live.queues import LiveQueues
from tests.live.events import an_event

TICKS: Final = 7
"""A command is cancelled before the loop's first tick, and after each of the next six."""
ROUNDS: Final = 6
BLOCK_MS: Final = 50
"""How long a blocking read waits here; a cancellation that the client swallowed counts when it has returned."""
PATIENCE_S: Final = 10.0
"""Longer than a blocking read: a command that still runs by then has lost its cancellation."""
LONG_MS: Final = 600_000
NOTHING: Final = StoredPresence()

Command = Callable[[], Awaitable[object]]
Outcome = tuple[int, list[str]]


async def followed(events: EventFeed, after: str | None) -> object:
    """Wait for an event that never arrives: a blocking read."""
    return await anext(events.follow(after))


async def paged(events: EventFeed) -> object:
    return [each async for each in events.between("0-0", "9999999999999-0")]


async def received(commands: LiveCommands) -> object:
    """Wait for a command that never arrives: a blocking read."""
    return await anext(commands.follow("idle"))


async def popped(redis: Redis) -> object:
    """Wait for an item that never arrives: a blocking command that the service does not use yet."""
    with translated_errors():
        return await redis.blpop(["empty"], timeout=BLOCK_MS / 1000)


async def subscribed(redis: Redis) -> object:
    """Wait for a message that never arrives; the service does not subscribe to channels yet."""
    async with redis.pubsub() as channel:
        with translated_errors():
            await channel.subscribe("silent")
        while True:
            with translated_errors():
                await channel.get_message(timeout=BLOCK_MS / 1000)


@dataclass(frozen=True)
class Client:
    """One client of each kind, connected to the same Redis."""

    calls: LiveCalls
    agents: LiveAgents
    queues: LiveQueues
    events: EventFeed
    node: LiveCommands
    redis: Redis

    @classmethod
    @asynccontextmanager
    async def open(cls, url: str) -> AsyncIterator[Client]:
        async with AsyncExitStack() as stack:
            calls, agents = await LiveCalls.open(url), await LiveAgents.open(url)
            queues, events = await LiveQueues.open(url), await EventFeed.open(url)
            node = await LiveCommands.open(url)
            for each in (calls, agents, queues, events, node):
                stack.push_async_callback(each.close)
            yield cls(calls, agents, queues, events, node, await stack.enter_async_context(connect(url)))

    def commands(self) -> dict[str, Command]:
        """All commands of the service, by class and method, and two kinds of commands that it does not use yet."""
        calls, agents, queues, events, node = self.calls, self.agents, self.queues, self.events, self.node
        return {
            "LiveCalls.save": lambda: calls.save("a", 1, b"one", "n1"),
            "LiveCalls.load": lambda: calls.load("a"),
            "LiveCalls.drop": lambda: calls.drop("b"),
            "LiveCalls.claim": lambda: calls.claim("a", "n1", LONG_MS),
            "LiveCalls.take_over": lambda: calls.take_over("a", "n1", LONG_MS),
            "LiveCalls.taken_by": lambda: calls.taken_by("a"),
            "LiveCalls.renew": lambda: calls.renew({"a"}, "n1", LONG_MS),
            "LiveCalls.orphans": lambda: calls.orphans(),
            "LiveCalls.server": lambda: calls.server(),
            "LiveAgents.all": lambda: agents.all(),
            "LiveAgents.load": lambda: agents.load("zhang"),
            "LiveAgents.change": lambda: agents.change("zhang", NOTHING, NOTHING, LONG_MS),
            "LiveAgents.renew": lambda: agents.renew("li", b"busy", LONG_MS),
            "LiveAgents.report_reachable": lambda: agents.report_reachable("n1", ["zhang"], LONG_MS),
            "LiveQueues.renew": lambda: queues.renew("hotline", "a", b"", LONG_MS),
            "LiveQueues.leave": lambda: queues.leave("hotline", "b"),
            "EventFeed.publish": lambda: events.publish(an_event(1)),
            "EventFeed.newest": lambda: events.newest(),
            "EventFeed.follow": lambda: followed(events, "9999999999999-0"),
            "EventFeed.follow, new events only": lambda: followed(events, None),
            "EventFeed.between": lambda: paged(events),
            "LiveCommands.find": lambda: node.find("zhang:1"),
            "LiveCommands.send": lambda: node.send("n1", "zhang:1", b"leave", LONG_MS),
            "LiveCommands.reply_to": lambda: node.reply_to("zhang:1", 60),
            "LiveCommands.withdraw": lambda: node.withdraw("zhang:1"),
            "LiveCommands.follow": lambda: received(node),
            "LiveCommands.take": lambda: node.take("zhang:1"),
            "LiveCommands.reply": lambda: node.reply("zhang:2", b"done"),
            "a blocking pop": lambda: popped(self.redis),
            "a subscription": lambda: subscribed(self.redis),
        }


async def is_lost(command: Command, ticks: int) -> bool | None:
    """Return whether a command goes on that is cancelled after so many ticks; None if it was over before."""

    async def run() -> None:
        await command()

    task = asyncio.create_task(run())
    for _ in range(ticks):
        await asyncio.sleep(0)
    if not task.cancel():
        return None
    await asyncio.wait({task}, timeout=PATIENCE_S)
    if task.cancelled():
        return False
    task.cancel()
    return True


async def trial(folder: Path) -> tuple[int, list[str]]:
    """Cancel every command at every tick; return the number of cancellations and the commands that lost one."""
    outcomes: list[tuple[str, bool | None]] = []
    server = await EmbeddedRedis.start(folder)
    async with Client.open(server.url) as client:
        for name, command in client.commands().items():
            outcomes += [(name, await is_lost(command, ticks)) for ticks in [*range(TICKS)] * ROUNDS]
    await server.close()
    return sum(lost is not None for _, lost in outcomes), [name for name, lost in outcomes if lost]


@pytest.mark.slow
@pytest.mark.parametrize("run", [asyncio.run, uvloop.run], ids=["asyncio", "uvloop"])
def test_none_of_500_cancellations_is_lost(
    run: Callable[[Coroutine[None, None, Outcome]], Outcome], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for module in (feed, live_commands):
        monkeypatch.setattr(module, "_BLOCK_MS", BLOCK_MS)
    count, lost = run(trial(tmp_path))
    assert count >= 500 and lost == []


def test_the_trial_covers_every_command() -> None:
    names = {
        f"{store.__name__}.{name}"
        for store in (LiveCalls, LiveAgents, LiveQueues, EventFeed, LiveCommands)
        for name, _ in inspect.getmembers(store, inspect.isfunction)
        if not name.startswith("_") and name != "close"
    }
    none: Any = None
    assert names <= Client(none, none, none, none, none, none).commands().keys()

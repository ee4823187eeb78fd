"""`service.py agents …` with a running service, and without one."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer
from typer.testing import CliRunner

from ivr.agents import presence, presence_store
from ivr.agents.agent_services import AgentServices
from ivr.agents.announcements import Announcements
from ivr.agents.roster_store import RosterStore
from ivr.cli.app import app
from ivr.console.agents import AgentsApi
from ivr.live.embedded import EmbeddedRedis
from ivr.live.feed import EventFeed
from ivr.live.feed_reader import FeedReader
from ivr.prompts.library import PromptLibrary
from ivr.records.call_records import CallRecords
from ivr.resource_files import ROOT
from ivr.settings import Settings


@pytest.fixture
async def agents(tmp_path: Path) -> AsyncIterator[AgentServices]:
    """A web server with the agents of the shipped rosters."""
    sounds = Announcements(PromptLibrary.open(ROOT / "prompts", lambda: datetime.now(UTC)), lambda words, language: b"")
    store = RosterStore(ROOT / "rosters.yaml", None)
    async with AsyncExitStack() as stack:
        redis = await EmbeddedRedis.start(tmp_path / "redis")
        stack.push_async_callback(redis.close)
        feed = await EventFeed.open(redis.url)
        stack.push_async_callback(feed.close)
        opening = AgentServices.open(store, redis.url, FeedReader(feed), sounds, "node", lambda: datetime.now(UTC))
        yield await stack.enter_async_context(opening)


@pytest.fixture
async def server(tmp_path: Path, agents: AgentServices) -> AsyncIterator[TestServer]:
    """A web server that knows these agents."""
    async with AsyncExitStack() as stack:
        records = await CallRecords.open(f"sqlite:///{tmp_path / 'records.sqlite'}")
        stack.push_async_callback(records.close)
        app = web.Application()
        app.add_routes(AgentsApi(agents, records).routes())
        yield await stack.enter_async_context(TestServer(app))


async def service(port: int | None, *words: str) -> tuple[int, str]:
    """Run the command beside the server's event loop; return its exit status and output."""
    environment = {"HUIFANG_PORT": str(port), "COLUMNS": "200"}
    result = await asyncio.to_thread(CliRunner().invoke, app, list(words), env=environment)
    return result.exit_code, result.output


async def test_the_agents_are_listed_and_set(server: TestServer) -> None:
    assert await service(server.port, "agents", "set", "zhang", "available") == (0, "zhang is unreachable\n")
    status, said = await service(server.port, "agents", "list")
    rows = [line.split() for line in said.splitlines()]
    assert status == 0
    assert rows[1][:3] == ["zhang", "张伟", "1001"] and rows[1][-1] == "unreachable"
    assert rows[2][:3] == ["li", "李娜", "1002"] and rows[2][-1] == "away"
    assert "supervision" in next(row for row in rows if row[:1] == ["zhao"])


async def test_an_agent_who_missed_two_offers_is_listed_as_missed_until_set_available(
    server: TestServer, agents: AgentServices, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(presence_store, "REACHED_LEASE_MS", 600_000)
    await agents.presences.report_reachable("n", ["zhang"])
    await agents.presences.move("zhang", partial(presence.set_available, now=1.0))
    for _ in range(presence.MAX_MISSED):
        await agents.presences.move("zhang", partial(presence.offer, call="a", line="hotline", node="n"))
        await agents.presences.move("zhang", partial(presence.miss, call="a"))
    _, said = await service(server.port, "agents", "list")
    assert said.splitlines()[1].split()[-1] == "missed"
    assert await service(server.port, "agents", "set", "zhang", "available") == (0, "zhang is available\n")


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        (("set", "nobody", "away"), "there is no agent 'nobody'"),
        (("set", "zhang", "asleep"), "asleep"),
    ],
)
async def test_an_invalid_command_is_refused(server: TestServer, words: tuple[str, ...], reason: str) -> None:
    status, said = await service(server.port, "agents", *words)
    assert status == 2 and reason in said


def test_the_shipped_rosters_are_in_force_by_default(monkeypatch: pytest.MonkeyPatch) -> None:
    assert Settings().rosters == ROOT / "rosters.yaml"
    monkeypatch.setenv("HUIFANG_ROSTERS", "/srv/mine.yaml")
    assert Settings().rosters == Path("/srv/mine.yaml")
    monkeypatch.setenv("HUIFANG_ROSTERS", "")
    assert Settings().rosters is None


async def test_a_service_without_rosters_knows_no_agents() -> None:
    async with TestServer(web.Application()) as empty:
        status, said = await service(empty.port, "agents", "list")
    assert (status, said) == (2, "the service has no agents: HUIFANG_ROSTERS is empty\n")


async def test_a_missing_service_is_reported() -> None:
    status, said = await service(1, "agents", "list")
    assert status == 2 and said.startswith("the service at 127.0.0.1:1 does not answer: ")

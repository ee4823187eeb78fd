"""`/api/v1/agents` over HTTP: the reply to commands, and the event streams of many screens."""

from __future__ import annotations

import asyncio
import json
import socket
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from aiohttp import ClientResponse, ClientSession, ClientTimeout, web
from aiohttp.test_utils import TestServer

from ivr.agents import presence
from ivr.agents.agent_command import CallCommand, encode_command
from ivr.agents.agent_services import AgentServices
from ivr.agents.command_service import CommandService
from ivr.agents.roster_store import RosterStore
from ivr.agents.transfer_state import AgentCommand
from ivr.console.agents import AgentsApi
from ivr.live import feed_reader
from ivr.live.client import connect
from ivr.live.embedded import EmbeddedRedis
from ivr.live.feed import FEED
from ivr.live.feed_event import FeedEvent, encode
from ivr.live.feed_reader import FeedReader
from ivr.records.call_records import CallRecords
from tests.agents.acd import CALL, LONG_MS, AcdParts, ScriptedHold, ScriptedPerson, running_acd
from tests.live.events import an_event

SCREENS = 50
BURST = 4 * feed_reader.MAX_WAITING
ROSTERS = """
version: 1
agents:
  zhang: {name: 张伟, phone: "1001"}
  li: {name: 李娜, phone: "1002"}
lines:
  hotline:
    shifts: {always: {starts: "00:00", ends: "00:00", agents: [zhang]}}
  supervision:
    shifts: {always: {starts: "00:00", ends: "00:00", agents: [li]}}
"""


@dataclass
class Site:
    """The API of one node, and a client of it."""

    redis: EmbeddedRedis
    parts: AcdParts
    commands: CommandService
    reader: FeedReader
    address: str
    http: ClientSession

    async def post(self, path: str, body: object = None, **headers: str) -> tuple[int, Any]:
        async with self.http.post(f"{self.address}/{path}", json=body, headers=headers) as response:
            text = await response.text()
            return response.status, json.loads(text) if response.content_type == "application/json" else text

    async def events(self, stream: ClientResponse, last: str) -> list[tuple[str, dict[str, Any]]]:
        """The events of a stream, with the ids to resume after, up to the one with the id `last`."""
        return [each async for each in messages(stream, last)]


@pytest.fixture
async def site(tmp_path: Path) -> AsyncIterator[Site]:
    async with AsyncExitStack() as stack:
        redis = await EmbeddedRedis.start(tmp_path / "live")
        stack.push_async_callback(redis.close)
        parts = await stack.enter_async_context(running_acd(redis.url))
        records = await CallRecords.open(f"sqlite:///{tmp_path / 'records.sqlite'}")
        stack.push_async_callback(records.close)
        (tmp_path / "rosters.yaml").write_text(ROSTERS, encoding="utf-8")
        rosters = RosterStore(tmp_path / "rosters.yaml", None)
        reader = FeedReader(parts.feed)
        reading = asyncio.create_task(reader.run())
        stack.callback(reading.cancel)
        commands = CommandService(parts.live_commands, parts.presences, "other")
        services = AgentServices(rosters, parts.presences, reader, commands, parts.acd, lambda: datetime.now(UTC))
        api, app = AgentsApi(services, records), web.Application()
        app.add_routes(api.routes())
        app.on_shutdown.append(api.close)
        server = await stack.enter_async_context(TestServer(app))
        http = await stack.enter_async_context(ClientSession(timeout=ClientTimeout(total=60)))
        yield Site(redis, parts, commands, reader, str(server.make_url("/api/v1/agents")), http)


async def messages(stream: ClientResponse, last: str) -> AsyncIterator[tuple[str, dict[str, Any]]]:
    entry_id = ""
    async for line in stream.content:
        name, _, text = line.decode().rstrip("\n").partition(": ")
        if name == "id":
            entry_id = text
        elif name == "data" and (event := json.loads(text)).get("id"):
            yield entry_id, event
            if event["id"] == last:
                return


async def is_busy(site: Site, call: str, node: str) -> None:
    """Let the presence say that zhang has a call."""
    await site.parts.presences.move("zhang", partial(presence.offer, call=call, line="hotline", node=node))
    await site.parts.presences.move("zhang", partial(presence.accept, call=call))


# --- commands -------------------------------------------------------------------------------------------------------


async def test_the_answer_tells_what_the_call_has_replied(site: Site) -> None:
    assert await site.post("zhang/leave") == (
        409,
        {"refused": "not_on_call", "reason": "agent zhang is available, not on a call"},
    )
    async with site.parts.connected_to_zhang(ScriptedHold({"1001": ScriptedPerson(["1"])})):
        assert await site.post("zhang/consult", {"line": "nowhere"}) == (
            422,
            {"faults": [{"path": "line", "reason": "there is no line “nowhere”"}]},
        )
        status, answer = await site.post("zhang/conference")
        assert (status, answer["refused"]) == (409, "not_possible")
        status, answer = await site.post("zhang/consult", {"line": "supervision"})
        assert (status, answer) == (202, {"call": CALL.id, "line": "supervision"})
        await site.parts.shown("talk", "zhang", state="asking")


async def test_a_repeated_request_is_executed_once(site: Site) -> None:
    key = {"Idempotency-Key": "7e1b-4f_0"}
    async with site.parts.connected_to_zhang(ScriptedHold({"1001": ScriptedPerson(["1"])})):
        answers = [await site.post("zhang/transfer", {"line": "supervision"}, **key) for _ in range(3)]
        assert answers == [(202, {"call": CALL.id, "line": "supervision"})] * 3
        status, _ = await site.post("zhang/leave", **key)
        assert status == 422


@pytest.mark.parametrize("key", ["a b", "a:b", "x" * 101])
async def test_an_impossible_key_is_refused(site: Site, key: str) -> None:
    assert (await site.post("zhang/leave", **{"Idempotency-Key": key}))[0] == 400


async def test_a_dead_node_gives_503(site: Site) -> None:
    site.commands._timeout_s = 0.05
    await is_busy(site, CALL.id, "dead")
    status, answer = await site.post("zhang/leave")
    assert (status, answer) == (503, "the node that runs the call does not answer; the command was dropped\n")


async def test_a_node_that_died_with_the_command_gives_504(site: Site) -> None:
    site.commands._timeout_s = 0.05
    await is_busy(site, CALL.id, "dead")
    sent = encode_command(CallCommand(CALL.id, AgentCommand("zhang", "leave")))
    await site.parts.live_commands.send("dead", "zhang:a-key", sent, LONG_MS)
    assert await site.parts.live_commands.take("zhang:a-key") is not None
    assert await site.post("zhang/leave", **{"Idempotency-Key": "a-key"}) == (
        504,
        "the node that runs the call does not answer; whether the command was executed is not known\n",
    )


async def test_without_redis_a_command_gives_503(site: Site) -> None:
    await site.redis.close()
    assert (await site.post("zhang/leave"))[0] == 503


# --- streams --------------------------------------------------------------------------------------------------------


async def test_an_event_on_the_screen(site: Site) -> None:
    async with site.http.get(f"{site.address}/zhang/events") as stream:
        told = FeedEvent(
            "7", "ended", datetime(2026, 11, 29, tzinfo=UTC), "zhang", "call-1", "hotline", data={"by": "caller"}
        )
        await site.reader.feed.publish(an_event(1, "li"))
        await site.reader.feed.publish(told)
        [(_, event)] = await site.events(stream, "7")
    assert event == {
        "id": "7", "kind": "ended", "at": "2026-11-29T00:00:00+00:00", "agent": "zhang", "call": "call-1",
        "line": "hotline", "by": "caller",
    }  # fmt: skip


async def test_fifty_screens_are_served_by_one_reader_and_resume_where_they_were(site: Site) -> None:
    async with AsyncExitStack() as stack:
        streams = [
            await stack.enter_async_context(site.http.get(f"{site.address}/zhang/events")) for _ in range(SCREENS)
        ]
        for n in range(20):
            await site.reader.feed.publish(an_event(n, "zhang"))
        shown = await asyncio.gather(*(site.events(stream, "event-19") for stream in streams))
        assert [[event["n"] for _, event in each] for each in shown] == [[*range(20)]] * SCREENS
        async with connect(site.redis.url) as redis:
            assert sum(client["cmd"] == "xread" for client in await redis.client_list()) == 1
    for n in range(20, 40):
        await site.reader.feed.publish(an_event(n, "zhang"))
    last_id, last = shown[0][7]
    async with site.http.get(f"{site.address}/zhang/events", headers={"Last-Event-ID": last_id}) as stream:
        events = await site.events(stream, "event-39")
    assert [event["n"] for _, event in events] == [*range(last["n"] + 1, 40)]


async def test_a_burst_cuts_off_no_screen_that_keeps_up(site: Site) -> None:
    async with AsyncExitStack() as stack:
        streams = [
            await stack.enter_async_context(site.http.get(f"{site.address}/zhang/events")) for _ in range(SCREENS)
        ]
        reading = [asyncio.create_task(site.events(stream, f"event-{BURST - 1}")) for stream in streams]
        async with connect(site.redis.url) as redis, redis.pipeline(transaction=True) as pipe:
            for n in range(BURST):
                pipe.xadd(FEED, {"event": encode(an_event(n, "zhang"))})
            await pipe.execute()
        shown = await asyncio.gather(*reading)
    assert [[event["n"] for _, event in each] for each in shown] == [[*range(BURST)]] * SCREENS


async def test_a_screen_that_does_not_read_is_cut_off_and_resumes(
    site: Site, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(feed_reader, "MAX_WAITING", 4)
    host, port = site.address.split("/")[2].split(":")
    stuck = socket.socket()
    stuck.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    stuck.connect((host, int(port)))
    stuck.sendall(b"GET /api/v1/agents/zhang/events HTTP/1.1\r\nHost: here\r\n\r\n")
    async with site.http.get(f"{site.address}/zhang/events") as quick:
        async with asyncio.timeout(60):
            while len(site.reader._subscribers) < 2:  # noqa: ASYNC110
                await asyncio.sleep(0.01)
            reading = asyncio.create_task(site.events(quick, "event-end"))
            count = 0
            while "is disconnected" not in caplog.text:
                await site.reader.feed.publish(an_event(count, "zhang", text="x" * 200_000))
                count += 1
            await site.reader.feed.publish(an_event("end", "zhang"))
        assert [event["n"] for _, event in await reading] == [*range(count), "end"]
    got = await asyncio.to_thread(read_out, stuck)
    last_id, seen = last_event(got)
    async with site.http.get(f"{site.address}/zhang/events", headers={"Last-Event-ID": last_id}) as stream:
        rest = await site.events(stream, "event-end")
    assert [event["n"] for _, event in rest] == [*range(seen + 1, count), "end"]


def read_out(client: socket.socket) -> bytes:
    """All that the server had sent until it cut the connection."""
    content = b""
    client.settimeout(30)
    try:
        while got := client.recv(1 << 20):
            content += got
    except ConnectionResetError:
        pass
    client.close()
    return content


def last_event(content: bytes) -> tuple[str, int]:
    """The id and the number of the last event that arrived completely."""
    found = ("", -1)
    for message in content.split(b"\n\n")[:-1]:
        fields = dict(line.split(b": ", 1) for line in message.splitlines() if b": " in line)
        if b"id" in fields:
            found = fields[b"id"].decode(), json.loads(fields[b"data"])["n"]
    return found

"""Several nodes of the service, each a process of its own, on one Asterisk, one Redis and one database."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

from aiohttp import ClientError, ClientSession

from ivr.live.embedded import EmbeddedRedis
from ivr.records.call_records import CallRecords
from ivr.resource_files import ROOT
from tests.asterisk.system import SystemFixture, passwords_in_environment
from tests.ports import PORTS
from tests.precedence import leave_behind, prefer_children

READY_S = 240.0
NODES = 3
ANSWERED_S = 30.0


@dataclass
class Node:
    """One node; `port` tells it from the others in the records. After its end it can be started again."""

    data: Path
    environment: dict[str, str]
    port: int
    process: asyncio.subprocess.Process | None = None
    ended: list[int] = field(default_factory=list)
    """The exit statuses of its earlier processes."""
    killed: bool = False

    @property
    def address(self) -> str:
        """The address of the service."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def name(self) -> str:
        """The end of its name in the records; another one after each start."""
        assert self.process
        return f":{self.port}/{self.process.pid}"

    @property
    def running(self) -> bool:
        """Whether the process runs."""
        return self.process is not None and self.process.returncode is None and not self.killed

    async def start(self) -> None:
        """Start the process; return once it takes calls. Until then it does not compete with voices."""
        with (self.data / "log").open("ab") as output:
            self.process = await asyncio.create_subprocess_exec(
                sys.executable,
                str(ROOT / "service.py"),
                "run",
                env=self.environment,
                stdin=asyncio.subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                start_new_session=True,
            )
        leave_behind(self.process.pid)
        async with ClientSession() as http, asyncio.timeout(READY_S):
            while not await self._ready(http):
                assert self.process.returncode is None, (self.data / "log").read_text()
                await asyncio.sleep(0.1)
        prefer_children()

    async def _ready(self, http: ClientSession) -> bool:
        with contextlib.suppress(ClientError):
            async with http.get(f"{self.address}/ready") as answer:
                return answer.status == 200
        return False

    def kill(self) -> float:
        """Kill the process; return the moment."""
        assert self.process
        self.process.kill()
        self.killed = True
        return asyncio.get_running_loop().time()

    async def hands_over(self) -> None:
        """Ask the process to end, and to hand over at once the calls that it still has a second later."""
        assert self.process
        self.process.send_signal(signal.SIGTERM)
        await asyncio.sleep(1)
        async with ClientSession() as http:
            if await self._drains(http):
                self.process.send_signal(signal.SIGTERM)
        await self.wait()

    async def _drains(self, http: ClientSession) -> bool:
        with contextlib.suppress(ClientError):
            async with http.get(f"{self.address}/ready") as answer:
                return "draining" in await answer.text()
        return False

    async def wait(self) -> None:
        """Wait for the end of the process."""
        assert self.process
        self.ended.append(await self.process.wait())
        self.killed = False


@dataclass
class Cluster:
    """The nodes of one site; `system` is their Asterisk, its phones and the records."""

    system: SystemFixture
    nodes: list[Node]
    lock: asyncio.Lock = field(default_factory=asyncio.Lock)
    """Held while a node is chosen: one always stays."""
    restarting: set[asyncio.Task[None]] = field(default_factory=set)

    def leader(self, name: str) -> Node | None:
        """The running node of this name."""
        return next((node for node in self.nodes if node.running and name.endswith(node.name)), None)

    async def kills_leader(self, phone: str) -> float:
        """Kill the node that leads the call of a phone, and start it again; return the moment of its end."""
        async with self.lock:
            while len(self.restarting) > len(self.nodes) - 2:
                await asyncio.wait(self.restarting, return_when=asyncio.FIRST_COMPLETED)
            record = await self.system.record_when(phone, lambda record: self.leader(record.call.node) is not None)
            node = self.leader(record.call.node)
            assert node
            return self._kill(node)

    async def kills_answering(self, after_s: float) -> None:
        """Kill the node that next creates a media channel, `after_s` later, and start it again."""
        node = None
        async with asyncio.timeout(ANSWERED_S):
            while node is None:
                media = [channel for channel in await self.system.ari.channels() if ".voice." in channel]
                node = next((node for node in self.nodes if any(f"-{node.port}-" in name for name in media)), None)
        await asyncio.sleep(after_s)
        self._kill(node)

    def _kill(self, node: Node) -> float:
        killed = node.kill()
        self.restarting.add(task := asyncio.create_task(self._restart(node)))
        task.add_done_callback(self.restarting.discard)
        return killed

    async def place_call(self, number: str) -> None:
        """Ask a node to place a call."""
        await self.complete()
        body = {"number": number}
        async with ClientSession() as http, http.post(f"{self.nodes[0].address}/api/v1/calls", json=body) as answer:
            assert answer.status == 202, await answer.text()

    async def complete(self) -> None:
        """Wait until all nodes take calls."""
        await asyncio.gather(*self.restarting)

    async def _restart(self, node: Node) -> None:
        await node.wait()
        await node.start()


@asynccontextmanager
async def running_cluster(system: SystemFixture, count: int = NODES) -> AsyncIterator[Cluster]:
    """Start the nodes; end them at the end of the block."""
    shared = system.data / "shared"
    (shared / "graphs").mkdir(parents=True)
    async with AsyncExitStack() as stack:
        redis = await EmbeddedRedis.start(shared / "redis")
        stack.push_async_callback(redis.close)
        database = f"sqlite:///{shared}/records.sqlite"
        system.opened = await CallRecords.open(database)
        stack.push_async_callback(system.opened.close)
        nodes = []
        for number in range(count):
            data = system.data / f"node-{number}"
            data.mkdir()
            (data / "graphs").symlink_to(shared / "graphs")
            port = PORTS.one()
            own = {
                "HUIFANG_DATA": str(data),
                "HUIFANG_PORT": str(port),
                "HUIFANG_SITE": str(system.data / "site.yaml"),
                "HUIFANG_ROSTERS": "",
                "HUIFANG_DATABASE": database,
                "HUIFANG_REDIS": redis.url,
                "HUIFANG_RECORDINGS": str(shared / "recordings"),
                "ASTERISK_ARI_URL": system.site.ari_url,
            }
            nodes.append(Node(data, {**os.environ, **own, **passwords_in_environment(system.passwords)}, port))
        cluster = Cluster(system, nodes)
        stack.push_async_callback(_end, cluster)
        for node in nodes:
            await node.start()
        yield cluster


async def _end(cluster: Cluster) -> None:
    for restarting in tuple(cluster.restarting):
        restarting.cancel()
    await asyncio.gather(*cluster.restarting, return_exceptions=True)
    for node in cluster.nodes:
        if node.process and node.process.returncode is None:
            node.process.kill()
            await node.process.wait()

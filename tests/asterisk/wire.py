"""A TCP relay that can cut its connections."""

from __future__ import annotations

import asyncio
from typing import Self


class TcpRelay:
    """Listens on `port` and forwards to the port `to`; an async context manager."""

    def __init__(self, to: int) -> None:
        self.port = 0
        self.attempts = 0
        """The number of connection attempts so far."""
        self._to = to
        self._whole = True
        self._server: asyncio.Server | None = None
        self._ends: set[asyncio.StreamWriter] = set()

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._accept, "127.0.0.1", 0)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self._server
        self._server.close()
        self.cut()
        await self._server.wait_closed()
        await asyncio.sleep(0)

    def cut(self) -> None:
        """Cut all connections, and refuse new ones."""
        self._whole = False
        for end in list(self._ends):
            end.transport.abort()

    def restore(self) -> None:
        """Accept connections again."""
        self._whole = True

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.attempts += 1
        if not self._whole:
            writer.transport.abort()
            return
        there, onward = await asyncio.open_connection("127.0.0.1", self._to)
        self._ends |= {writer, onward}
        try:
            await asyncio.gather(_pass(reader, onward), _pass(there, writer))
        finally:
            for end in (writer, onward):
                self._ends.discard(end)
                end.transport.abort()


async def _pass(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    try:
        while data := await reader.read(65536):
            writer.write(data)
            await writer.drain()
    except ConnectionError:
        pass
    finally:
        writer.transport.abort()

"""Client of remote Vosk servers over their WebSocket protocol. Must not know: calls, flows.

The protocol (vosk-server's `asr_server.py`, alphacephei.com/vosk/server): after `{"config": {…}}` the server answers
every binary message of 16-bit audio with one JSON text: `{"partial": …}`, or a result at each of its endpoints
(`{"alternatives": […]}`, or `{"result": […], "text": …}` if no alternatives were requested). The text `{"eof" : 1}`,
with exactly these spaces, requests the final result, and the server closes the connection. A connection therefore
serves one decoding of one answer.

The server's vocabulary cannot be queried. In languages with spaces between words the grammar is sent along (a model
with a static graph ignores it); Chinese phrases are searched for in the transcript.
"""

from __future__ import annotations

import asyncio
import json
import logging
import weakref
from collections.abc import Mapping, Sequence
from typing import Any, Final
from urllib.parse import urlsplit

import aiohttp

from recognizer.audio import is_tone
from recognizer.base import SAMPLE_RATE_HZ, Grammar, Hypothesis, UnheardLanguage
from recognizer.grammar import distinct_fillers
from recognizer.graph import UNKNOWN
from recognizer.judging import Judge, transcript
from recognizer.pronounce import language as language_of
from recognizer.results import Results, alternatives, words

log = logging.getLogger(__name__)

TIMEOUT_S: Final = 4.0
"""Time limit for connecting and for the reply to each message."""
_ALTERNATIVES: Final = 8
_EOF: Final = '{"eof" : 1}'


def without_credentials(address: str) -> str:
    """Return a server's address without credentials."""
    parts = urlsplit(address)
    return parts._replace(netloc=parts.netloc.rpartition("@")[2]).geturl()


class ServerFailed(Exception):
    """A server could not be used; the message states which and why."""


class RemoteRecognizer:
    """A recognizer.base.Recognizer over Vosk servers, by language (`ws://host:2700`).

    If a server fails, its listeners return no hypotheses and log the reason; the next answer connects again.
    """

    def __init__(self, servers: Mapping[str, str], *, timeout_s: float = TIMEOUT_S) -> None:
        self._servers = dict(servers)
        self._timeout_s = timeout_s
        self._listeners: weakref.WeakSet[RemoteListener] = weakref.WeakSet()

    @property
    def languages(self) -> frozenset[str]:
        """The languages with a configured server, reachable or not."""
        return frozenset(self._servers)

    def listen(self, grammar: Grammar) -> RemoteListener:
        """Start a recognition, in a running event loop; the connection opens with the first audio.

        Raises:
            UnheardLanguage: no server is configured for the language.
        """
        if grammar.language not in self._servers:
            raise UnheardLanguage(f"no model for {grammar.language}")
        listener = RemoteListener(self._servers[grammar.language], grammar, self._timeout_s)
        self._listeners.add(listener)
        return listener

    def unheard(self, language: str, phrases: Sequence[str]) -> dict[str, str]:
        """Return no phrases, as a server's vocabulary is unknown; all of them if the language has no server."""
        return {} if language in self._servers else dict.fromkeys(phrases, f"no model for {language}")

    async def check(self, language: str) -> None:
        """Check the language's server by sending 100 ms of silence.

        Raises:
            ServerFailed: it does not respond like a Vosk server.
        """
        connection = _Connection(self._servers[language], {}, self._timeout_s)
        connection.send(bytes(SAMPLE_RATE_HZ // 5))
        await connection.results()

    def close(self) -> None:
        """Close all listeners."""
        for listener in tuple(self._listeners):
            listener.close()


class RemoteListener:
    """A recognizer.base.Listener that streams its audio to a server."""

    def __init__(self, server: str, grammar: Grammar, timeout_s: float) -> None:
        self._server, self._grammar, self._timeout_s = server, grammar, timeout_s
        self._audio = bytearray()
        self._connection: _Connection | None = None
        self._closed = False

    def feed(self, pcm: bytes) -> None:
        """Send the audio.

        Raises:
            ValueError: the listener is closed, or the audio ends in the middle of a sample.
        """
        if self._closed:
            raise ValueError("the listener is closed")
        if len(pcm) % 2:
            raise ValueError(f"{len(pcm)} bytes are not a whole number of 16-bit samples")
        self._audio += pcm
        if self._connection:
            self._connection.send(pcm)
        else:
            self._connection = self._connect()

    async def hypotheses(self) -> tuple[Hypothesis, ...]:
        """Return the server's hypotheses for all audio so far; empty if it fails. More audio opens a new connection."""
        if self._closed or not self._audio:
            return ()
        connection, self._connection = self._connection or self._connect(), None
        audio = bytes(self._audio)
        try:
            results = await connection.results()
        except ServerFailed as failure:
            log.warning("this answer is not recognised: %s", failure)
            return ()
        return () if self._closed else await asyncio.to_thread(self._read, audio, results)

    def close(self) -> None:
        """Close the connection; discard pending results."""
        self._closed = True
        if self._connection:
            self._connection.close()
            self._connection = None

    def _connect(self) -> _Connection:
        connection = _Connection(self._server, _config(self._grammar), self._timeout_s)
        connection.send(bytes(self._audio))
        return connection

    def _read(self, audio: bytes, results: Results) -> tuple[Hypothesis, ...]:
        if self._grammar.kind == "free":
            return transcript(words(results), language_of(self._grammar.language).separator)
        heard = alternatives(results)
        if not heard or is_tone(audio):
            return ()
        return Judge(self._grammar).hypotheses(heard, background=None)


def _config(grammar: Grammar) -> dict[str, Any]:
    config: dict[str, Any] = {"words": True, "max_alternatives": 0 if grammar.kind == "free" else _ALTERNATIVES}
    if grammar.kind != "free" and language_of(grammar.language).separator:
        config["phrase_list"] = [*grammar.phrases, *distinct_fillers(grammar.language, grammar.phrases), UNKNOWN]
    return config


class _Connection:
    """One connection: streams audio as fast as the server accepts it and collects the results."""

    def __init__(self, server: str, config: Mapping[str, Any], timeout_s: float) -> None:
        self._server, self._config, self._timeout_s = server, {"sample_rate": SAMPLE_RATE_HZ, **config}, timeout_s
        self._audio = bytearray()
        self._ended = False
        self._wake = asyncio.Event()
        self._results: Results = []
        self._running = asyncio.create_task(self._run(), name="speech server")

    def send(self, pcm: bytes) -> None:
        """Queue audio."""
        self._audio += pcm
        self._wake.set()

    async def results(self) -> Results:
        """End the audio and wait for the results.

        Raises:
            ServerFailed: the server failed at any time since the connection was opened.
        """
        self._ended = True
        self._wake.set()
        try:
            if failure := await self._running:
                raise failure
        finally:
            self.close()
        return self._results

    def close(self) -> None:
        """Close the connection."""
        self._running.cancel()

    async def _run(self) -> ServerFailed | None:
        try:
            await self._exchange()
        except TimeoutError:
            return self._failed(f"no answer within {self._timeout_s:g} s")
        except (aiohttp.ClientError, OSError, ValueError) as error:
            return self._failed(str(error) or type(error).__name__)
        return None

    async def _exchange(self) -> None:
        async with aiohttp.ClientSession() as session:
            async with asyncio.timeout(self._timeout_s):
                socket = await session.ws_connect(self._server, max_msg_size=2**20)
            async with socket:
                await socket.send_json({"config": self._config})
                while not (self._ended and not self._audio):
                    if self._audio:
                        chunk = bytes(self._audio)
                        self._audio.clear()
                        await socket.send_bytes(chunk)
                        await self._reply(socket)
                    else:
                        self._wake.clear()
                        await self._wake.wait()
                await socket.send_str(_EOF)
                await self._reply(socket)

    async def _reply(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        message = await socket.receive(self._timeout_s)
        if message.type is not aiohttp.WSMsgType.TEXT:
            raise ValueError("it closed the connection before the result")
        result = json.loads(message.data)
        if not isinstance(result, dict):
            raise ValueError(f"{message.data[:80]} is not a result")
        if "partial" not in result:
            self._results.append(result)

    def _failed(self, reason: str) -> ServerFailed:
        return ServerFailed(f"the speech server {without_credentials(self._server)}: {reason}")

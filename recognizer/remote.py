"""A recogniser on other machines: Vosk servers, spoken to by their WebSocket protocol. Must not know: calls, flows.

What it relies on (vosk-server's `asr_server.py`, alphacephei.com/vosk/server): after `{"config": {…}}` every binary
message of 16-bit audio is answered by one JSON text: `{"partial": …}`, or a result where the server ends a stretch of
speech (`{"alternatives": […]}`, or `{"result": […], "text": …}` where no alternatives are asked for). The text
`{"eof" : 1}`, with exactly these spaces, brings the last result, and the server hangs up. So a connection serves one
reading of one answer.

Which words the server's model has can't be asked. Where words stand between spaces the grammar is sent along (a model
with a fixed graph leaves it unused); Chinese phrases are looked for in whatever is heard.
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

PATIENCE_S: Final = 4.0
"""A server that takes longer to be reached, or to answer one message, is given up."""
_ALTERNATIVES: Final = 8
_EOF: Final = '{"eof" : 1}'


def public(address: str) -> str:
    """A server's address without the name and password that may be in it."""
    parts = urlsplit(address)
    return parts._replace(netloc=parts.netloc.rpartition("@")[2]).geturl()


class ServerFailed(Exception):
    """A server could not be used; the message says which and why."""


class RemoteRecognizer:
    """A recognizer.base.Recognizer over Vosk servers, by language (`ws://host:2700`).

    A server that fails is deaf, no more: its listeners hear nothing, the log says why, the next answer tries again.
    """

    def __init__(self, servers: Mapping[str, str], *, patience_s: float = PATIENCE_S) -> None:
        self._servers = dict(servers)
        self._patience_s = patience_s
        self._listeners: weakref.WeakSet[RemoteListener] = weakref.WeakSet()

    @property
    def languages(self) -> frozenset[str]:
        """The languages that a server is named for, whether it can be reached or not."""
        return frozenset(self._servers)

    def listen(self, grammar: Grammar) -> RemoteListener:
        """Start listening, in a running event loop; the server is called with the first audio.

        Raises:
            UnheardLanguage: no server is named for the language.
        """
        if grammar.language not in self._servers:
            raise UnheardLanguage(f"no model for {grammar.language}")
        listener = RemoteListener(self._servers[grammar.language], grammar, self._patience_s)
        self._listeners.add(listener)
        return listener

    def unheard(self, language: str, phrases: Sequence[str]) -> dict[str, str]:
        """None of the phrases, for a server's words are not known; all of them where there is no server."""
        return {} if language in self._servers else dict.fromkeys(phrases, f"no model for {language}")

    async def check(self, language: str) -> None:
        """Send the language's server a moment of silence.

        Raises:
            ServerFailed: it does not answer as a Vosk server does.
        """
        talk = _Talk(self._servers[language], {}, self._patience_s)
        talk.send(bytes(SAMPLE_RATE_HZ // 5))
        await talk.results()

    def close(self) -> None:
        """Close all listeners."""
        for listener in tuple(self._listeners):
            listener.close()


class RemoteListener:
    """A recognizer.base.Listener whose audio goes to a server as it comes in."""

    def __init__(self, server: str, grammar: Grammar, patience_s: float) -> None:
        self._server, self._grammar, self._patience_s = server, grammar, patience_s
        self._audio = bytearray()
        self._talk: _Talk | None = None
        self._closed = False

    def feed(self, pcm: bytes) -> None:
        """Send the audio.

        Raises:
            ValueError: the listener is closed, or the audio holds half a sample.
        """
        if self._closed:
            raise ValueError("the listener is closed")
        if len(pcm) % 2:
            raise ValueError(f"{len(pcm)} bytes are no whole number of 16-bit samples")
        self._audio += pcm
        if self._talk:
            self._talk.send(pcm)
        else:
            self._talk = self._call()

    async def hypotheses(self) -> tuple[Hypothesis, ...]:
        """What the server makes of all audio so far; nothing when it fails. More audio is heard by a new connection."""
        if self._closed or not self._audio:
            return ()
        talk, self._talk = self._talk or self._call(), None
        audio = bytes(self._audio)
        try:
            results = await talk.results()
        except ServerFailed as failure:
            log.warning("nothing is heard of this answer: %s", failure)
            return ()
        return () if self._closed else await asyncio.to_thread(self._read, audio, results)

    def close(self) -> None:
        """Hang up; what was not answered yet is dropped."""
        self._closed = True
        if self._talk:
            self._talk.close()
            self._talk = None

    def _call(self) -> _Talk:
        talk = _Talk(self._server, _config(self._grammar), self._patience_s)
        talk.send(bytes(self._audio))
        return talk

    def _read(self, audio: bytes, results: Results) -> tuple[Hypothesis, ...]:
        if self._grammar.kind == "free":
            return transcript(words(results), language_of(self._grammar.language).joint)
        heard = alternatives(results)
        if not heard or is_tone(audio):
            return ()
        return Judge(self._grammar).hypotheses(heard, background=None)


def _config(grammar: Grammar) -> dict[str, Any]:
    config: dict[str, Any] = {"words": True, "max_alternatives": 0 if grammar.kind == "free" else _ALTERNATIVES}
    if grammar.kind != "free" and language_of(grammar.language).joint:
        config["phrase_list"] = [*grammar.phrases, *distinct_fillers(grammar.language, grammar.phrases), UNKNOWN]
    return config


class _Talk:
    """One connection: audio goes out as the server takes it, results are kept until asked for."""

    def __init__(self, server: str, config: Mapping[str, Any], patience_s: float) -> None:
        self._server, self._config, self._patience_s = server, {"sample_rate": SAMPLE_RATE_HZ, **config}, patience_s
        self._audio = bytearray()
        self._ended = False
        self._news = asyncio.Event()
        self._results: Results = []
        self._running = asyncio.create_task(self._run(), name="speech server")

    def send(self, pcm: bytes) -> None:
        """Queue audio."""
        self._audio += pcm
        self._news.set()

    async def results(self) -> Results:
        """End the audio and wait for the results of all of it.

        Raises:
            ServerFailed: the server failed at any time since the start.
        """
        self._ended = True
        self._news.set()
        try:
            if failure := await self._running:
                raise failure
        finally:
            self.close()
        return self._results

    def close(self) -> None:
        """Hang up."""
        self._running.cancel()

    async def _run(self) -> ServerFailed | None:
        try:
            await self._talk()
        except TimeoutError:
            return self._failed(f"no answer within {self._patience_s:g} s")
        except (aiohttp.ClientError, OSError, ValueError) as error:
            return self._failed(str(error) or type(error).__name__)
        return None

    async def _talk(self) -> None:
        async with aiohttp.ClientSession() as session:
            async with asyncio.timeout(self._patience_s):
                socket = await session.ws_connect(self._server, max_msg_size=2**20)
            async with socket:
                await socket.send_json({"config": self._config})
                while not (self._ended and not self._audio):
                    if self._audio:
                        piece = bytes(self._audio)
                        self._audio.clear()
                        await socket.send_bytes(piece)
                        await self._reply(socket)
                    else:
                        self._news.clear()
                        await self._news.wait()
                await socket.send_str(_EOF)
                await self._reply(socket)

    async def _reply(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        message = await socket.receive(self._patience_s)
        if message.type is not aiohttp.WSMsgType.TEXT:
            raise ValueError("it hung up in the middle")
        result = json.loads(message.data)
        if not isinstance(result, dict):
            raise ValueError(f"{message.data[:80]} is no result")
        if "partial" not in result:
            self._results.append(result)

    def _failed(self, reason: str) -> ServerFailed:
        return ServerFailed(f"the speech server {public(self._server)}: {reason}")

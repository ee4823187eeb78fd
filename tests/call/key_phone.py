"""Somebody who takes the survey by keys, on a browser phone that neither sends nor hears sound: fifty cost little."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from random import Random
from typing import Final

from aiohttp import ClientSession, ClientWebSocketResponse, WSMsgType

from ivr.events import Value
from ivr.telephony.browser import wire
from ivr.telephony.media import FRAME_BYTES, SAMPLE_RATE_HZ

BYTES_PER_S: Final = 2 * SAMPLE_RATE_HZ
SIGN_OF_LIFE_S: Final = 4.0
"""Seconds between two silent frames: the service takes a phone that sends nothing for 10 s to be gone."""
THANKS: Final = "感谢"
QUESTIONS: Final[Mapping[str, tuple[str, Mapping[str, Value]]]] = {
    "方便吗": ("convenient", {"1": "yes"}),
    "解决了吗": ("resolved", {"1": "yes", "2": "no"}),
    "态度": ("attitude", {"1": "satisfied", "2": "neutral", "3": "dissatisfied"}),
    "收费了吗": ("charged", {"1": "yes", "2": "no"}),
    "打分": ("score", {str(score): score for score in range(2, 10)}),
    "建议": ("comments", {"2": None}),
}
"""Words of a question of the survey → its name, and its answers by key."""


class KeyCaller:
    """One call. `given` holds the answers so far, `ended` how the call ended.

    `before_key` is awaited before each answer, with the number of the question.
    """

    def __init__(self, random: Random, before_key: Callable[[int], object]) -> None:
        self.call = ""
        self.given: dict[str, Value] = {}
        self.heard: list[str] = []
        self.ended: wire.EndedMessage | None = None
        self._random, self._before_key = random, before_key
        self._marks: set[asyncio.Task[None]] = set()
        self._played_until_s = 0.0

    async def run(self, session: ClientSession, socket_url: str) -> None:
        """Call, answer every question by a key, hang up when thanked."""
        async with session.ws_connect(socket_url) as socket:
            request = wire.CallMessage(version=wire.VERSION, flow="survey", language="zh-CN", rate=SAMPLE_RATE_HZ)
            await socket.send_str(request.encode())
            answered = wire.decode_server((await socket.receive()).data)
            assert isinstance(answered, wire.AnsweredMessage)
            self.call = answered.call
            lines: asyncio.Queue[str] = asyncio.Queue()
            tasks = [
                asyncio.create_task(self._lives(socket)),
                asyncio.create_task(self._answers(socket, lines)),
            ]
            try:
                await self._receive(socket, lines)
            finally:
                for task in (*tasks, *self._marks):
                    task.cancel()
                await asyncio.gather(*tasks, *self._marks, return_exceptions=True)

    async def _receive(self, socket: ClientWebSocketResponse, lines: asyncio.Queue[str]) -> None:
        now = asyncio.get_running_loop().time
        async for message in socket:
            if message.type is WSMsgType.BINARY:
                self._played_until_s = max(self._played_until_s, now()) + len(message.data) / BYTES_PER_S
                continue
            match wire.decode_server(message.data):
                case wire.MarkMessage(name=name):
                    self._marks.add(asyncio.create_task(self._mark(socket, name, self._played_until_s - now())))
                case wire.ClearMessage():
                    self._played_until_s = 0.0
                    for mark in self._marks:
                        mark.cancel()
                case wire.TranscriptMessage(who="us", text=text):
                    self.heard.append(text)
                    lines.put_nowait(text)
                case wire.EndedMessage() as ended:
                    self.ended = ended

    async def _mark(self, socket: ClientWebSocketResponse, name: str, in_s: float) -> None:
        await asyncio.sleep(max(0.0, in_s))
        await socket.send_str(wire.MarkMessage(name=name).encode())

    async def _lives(self, socket: ClientWebSocketResponse) -> None:
        while True:
            await socket.send_bytes(bytes(FRAME_BYTES))
            await asyncio.sleep(SIGN_OF_LIFE_S)

    async def _answers(self, socket: ClientWebSocketResponse, lines: asyncio.Queue[str]) -> None:
        for number, (words, (question, answers)) in enumerate(QUESTIONS.items()):
            while words not in await lines.get():
                continue
            pausing = self._before_key(number)
            if asyncio.iscoroutine(pausing):
                await pausing
            key = self._random.choice(list(answers))
            await socket.send_str(wire.KeyPressMessage(digit=key).encode())
            self.given[question] = answers[key]
        while THANKS not in await lines.get():
            continue
        await socket.send_str(wire.HangUpMessage().encode())

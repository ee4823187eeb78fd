"""Keys pressed before a question is asked, on a phone at which every prompt is over as soon as it has begun."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import replace
from pathlib import Path

from ivr.actions import Prompt
from ivr.call.session import TYPE_AHEAD_MAX, Session
from ivr.events import EndedBy, Value
from ivr.flow.parse import parse
from ivr.lifecycle import AnsweringParty, Disposition
from ivr.live.calls import LiveCalls
from ivr.prompts.library import PromptLibrary
from ivr.records.record import CallRecord
from ivr.resource_files import ROOT
from ivr.telephony.media import FRAME_BYTES, KeyPressed, MarkReached, MediaClosed, MediaEvent
from ivr.telephony.port import Call, HoldWork, TransferRefused
from ivr.transcript import Speaker
from tests.call.orphan import a_node, a_redis

CALL = Call("call-1", "browser", "inbound", "", "", "survey", "zh-CN")
NOTICE_TURN = 2
"""The turn that begins when the notice has been heard, and asks the first question."""


class Keypad:
    """A media stream, and the leg it belongs to: presses `keys` while the first prompt, the notice, is played."""

    def __init__(self, keys: str) -> None:
        self._keys = keys
        self._events: asyncio.Queue[MediaEvent] = asyncio.Queue()
        self.interruptions: list[int] = []
        """The number of prompts begun at each time that playout was stopped."""
        self._prompts = 0

    @property
    def call(self) -> Call:
        return CALL

    @property
    def media(self) -> Keypad:
        return self

    async def events(self) -> AsyncIterator[MediaEvent]:
        while True:
            yield (event := await self._events.get())
            if isinstance(event, MediaClosed):
                return

    def press(self, keys: str) -> None:
        for key in keys:
            self._events.put_nowait(KeyPressed(key))

    def play(self, pcm: bytes) -> None:
        self._prompts += 1

    def mark(self, name: str) -> None:
        if self._prompts == 1:
            self.press(self._keys)
        self._events.put_nowait(MarkReached(name))

    def clear(self) -> None:
        self.interruptions.append(self._prompts)

    async def hang_up(self) -> None:
        self._events.put_nowait(MediaClosed("us", "normal"))

    def can_reach(self, name: str) -> bool:
        return False

    async def hold(self, work: HoldWork, *, overhear: bool = False) -> EndedBy:
        raise TransferRefused("unavailable")

    @property
    def answered_by(self) -> AnsweringParty:
        return "unknown"

    def show(self, who: Speaker, text: str, detail: Mapping[str, Value | float]) -> None:
        pass


class Clicks(PromptLibrary):
    """The shipped prompts, each as long as one frame."""

    def pcm(self, prompt: Prompt, language: str, said: bytes = b"") -> bytes:
        return bytes(FRAME_BYTES)


async def surveyed(data: Path, keypad: Keypad, meanwhile: Callable[[int], None] = lambda turn: None) -> CallRecord:
    """The record of a survey at which nobody speaks. `meanwhile` is called while a turn is being saved."""

    class Live(LiveCalls):
        async def save(self, call_id: str, turn: int, payload: bytes, node: str, state: bytes = b"") -> None:
            meanwhile(turn)
            await super().save(call_id, turn, payload, node, state)

    async with a_redis(data / "live") as server, a_node(f"sqlite:///{data}/records.db", server.url, data) as node:
        live = await Live.open(server.url)
        prompts = Clicks.open(ROOT / "prompts", node.now)
        flow_set = parse((ROOT / "callflows.yaml").read_text(encoding="utf-8"), "callflows.yaml")
        session = Session(keypad, flow_set, replace(node, live=live, prompts=prompts))
        await session.run()
        await session.finish()
        await live.close()
        return await node.records.call(CALL.id, "management")


async def test_keys_pressed_during_a_notice_answer_the_questions_after_it_and_do_not_cut_it_short(
    tmp_path: Path,
) -> None:
    keypad = Keypad("111292")
    record = await surveyed(tmp_path, keypad)
    assert record.values == {
        "convenient": "yes", "resolved": "yes", "attitude": "satisfied", "charged": "no", "score": 9, "comments": None,
    }  # fmt: skip
    assert {kept.answer.by for kept in record.answers} == {"key"}
    assert record.call.disposition is Disposition.COMPLETED
    assert record.transcript[0].text == "为了提高服务质量，本次通话将被录音。"
    assert record.call.consent_at is not None
    assert min(keypad.interruptions) > 1


async def test_keys_pressed_during_a_notice_come_before_those_pressed_just_after_it(tmp_path: Path) -> None:
    keypad = Keypad("1")
    record = await surveyed(tmp_path, keypad, lambda turn: keypad.press("21292") if turn == NOTICE_TURN else None)
    assert (record.values["convenient"], record.values["resolved"]) == ("yes", "no")


async def test_the_first_keys_are_kept_when_far_too_many_are_pressed(tmp_path: Path) -> None:
    keypad = Keypad("111292" + "2" * TYPE_AHEAD_MAX)
    assert (await surveyed(tmp_path, keypad)).values["convenient"] == "yes"

"""Recorded calls through the shipped survey, in a real database."""

from __future__ import annotations

import wave
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest

from ivr.actions import Fact
from ivr.call.journal.transcript_builder import TranscriptBuilder
from ivr.events import CallAnswered, CallEnded, DigitsPressed, Event, Heard, PromptsFinished, SpeechHeard
from ivr.flow import engine
from ivr.flow.parse import FlowSet, parse
from ivr.lifecycle import Disposition
from ivr.records.call_records import CallRecords
from ivr.resource_files import ROOT
from ivr.telephony.port import Call

START = datetime(2026, 11, 24, 8, tzinfo=UTC)
AUDIO = ROOT / "tests" / "recognizer" / "audio"
CONSENT_MS = 4000
STEP_MS = 5000
"""Time between the events of these calls."""


def voice(name: str) -> np.ndarray:
    """A recorded voice without the silence around it."""
    with wave.open(str(AUDIO / f"{name}.wav")) as file:
        samples = np.frombuffer(file.readframes(file.getnframes()), "<i2")
    loud = np.flatnonzero(np.abs(samples.astype(int)) > 500)
    return samples[loud[0] : loud[-1]]


class RecordedCall:
    """A call in progress that is recorded; its only sound is the caller's answers."""

    def __init__(self, records: CallRecords, flow_set: FlowSet, call: Call, folder: Path) -> None:
        self.records, self.flow_set, self.call = records, flow_set, call
        self.path = folder / f"{call.id}.wav"
        self.state = engine.begin(flow_set.flows, flow_set.version, call.flow, call.language, speech=True)
        self.script = TranscriptBuilder(lambda who, text, detail: None)
        self.at_ms = CONSENT_MS
        self.sound = np.zeros((8 * 100 * STEP_MS, 2), "<i2")

    @property
    def wait(self) -> str:
        assert self.state.wait
        return self.state.wait.id

    async def begin(self) -> None:
        await self.records.save_flow_source(self.flow_set.version, self.flow_set.source)
        await self.records.open_call(self.call, self.flow_set.version, START)
        await self.records.answer_call(self.call.id, START)
        await self.handle(CallAnswered())
        await self.handle(PromptsFinished(self.wait))

    async def handle(self, event: Event) -> None:
        at = START + timedelta(milliseconds=self.at_ms)
        turn = engine.step(self.flow_set.flows, self.state, event, at)
        lines = self.script.caller_lines(self.at_ms, event, turn)
        facts = [action for action in turn.actions if isinstance(action, Fact)]
        await self.records.save_turn(self.call.id, turn.state.turn, event, facts, lines, at)
        self.state = turn.state
        self.at_ms += STEP_MS

    async def says(self, name: str, *readings: tuple[str, float]) -> None:
        """Answer with a clip of tests/recognizer/audio; the answer ends 300 ms before it is heard."""
        samples = voice(name)
        end = 8 * (self.at_ms - 300 - CONSENT_MS)
        self.sound[end - len(samples) : end, 0] = samples
        await self.handle(SpeechHeard(self.wait, tuple(Heard(*reading) for reading in readings), len(samples) // 8))

    async def hears(self, *readings: tuple[str, float]) -> None:
        """Answer silently, where the audio of the answer does not matter."""
        await self.handle(SpeechHeard(self.wait, tuple(Heard(*reading) for reading in readings), 500))

    async def presses(self, digits: str) -> None:
        await self.handle(DigitsPressed(self.wait, digits))

    async def ends(self, *, kept: bool = True) -> None:
        await self.handle(CallEnded("caller"))
        with wave.open(str(self.path), "wb") as file:
            file.setnchannels(2)
            file.setsampwidth(2)
            file.setframerate(8000)
            file.writeframes(self.sound[: 8 * self.at_ms].tobytes())
        if kept:
            await self.records.add_recording(self.call.id, str(self.path), "wav", 60.0, CONSENT_MS, "ab" * 32)
        at = START + timedelta(milliseconds=self.at_ms)
        await self.records.close_call(self.call.id, Disposition.COMPLETED, "normal", "caller", at)


@pytest.fixture(scope="session")
def flow_set() -> FlowSet:
    return parse((ROOT / "callflows.yaml").read_text(encoding="utf-8"), "callflows.yaml")


@pytest.fixture
async def records(tmp_path: Path) -> AsyncIterator[CallRecords]:
    opened = await CallRecords.open(f"sqlite:///{tmp_path / 'var' / 'records.sqlite'}")
    yield opened
    await opened.close()


@pytest.fixture
def line(records: CallRecords, flow_set: FlowSet, tmp_path: Path) -> CallSource:
    return CallSource(records, flow_set, tmp_path)


class CallSource:
    """Makes calls of the survey."""

    def __init__(self, records: CallRecords, flow_set: FlowSet, folder: Path) -> None:
        self.records, self.flow_set, self.folder = records, flow_set, folder
        self.calls = 0

    async def call(self, number: str = "13812345678") -> RecordedCall:
        """A recorded call after the notice, at the question that follows “convenient”."""
        self.calls += 1
        call = Call(f"call-{self.calls}", "asterisk", "outbound", "4001", number, "survey", "zh-CN")
        recorded = RecordedCall(self.records, self.flow_set, call, self.folder)
        await recorded.begin()
        await recorded.hears(("方便", 0.95))
        return recorded

"""SIP phones through Asterisk: response, barge-in and key latency from the phone's recording, concurrent calls.

Asterisk, the service with its Redis, and the phones (this process) are separate processes on one machine.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

import numpy as np
import psutil
from aiohttp import ClientSession

from bench.figures import Figure, percentiles
from bench.prompts import steady_s
from bench.running import running_service
from ivr.devtools.timeline import CallTimeline, stop_ms
from tests.asterisk.caller import ANSWERS, Caller
from tests.asterisk.sound import RATE
from tests.asterisk.system import SystemFixture, passwords_in_environment, running_system

P50_MS: Final = 380
P95_MS: Final = 560
GOALS: Final = {
    "turn_response_ms.asterisk": f"p50 ≤ {P50_MS}, p95 ≤ {P95_MS}",
    "barge_in_ms.asterisk": "p95 ≤ 220",
    "key_stop_ms.asterisk": "p95 ≤ 120",
    "calls_held.asterisk": "≥ 40",
}
BASELINE_CALLS: Final = 8
CALL_COUNTS: Final = (20, 30, 40, 60)
STAGGER_S: Final = 0.37
QUIET_MS: Final = 100
"""Silence after which a prompt counts as stopped; shorter than any response."""
RECORD_S: Final = 20
KEYS_BEFORE_SCORE: Final = "1112"


@dataclass(frozen=True, slots=True)
class Survey:
    """One survey by voice: response times of closed questions (ms), and whether its record is complete and correct."""

    responses: tuple[float, ...]
    right: bool


async def measure() -> dict[str, Figure]:
    """Measure all figures of SIP phones."""
    async with _attached() as (system, processes):
        baseline = await _surveys(system, BASELINE_CALLS, rounds=1)
        barge_ins = await _stop_times(system, _speak)
        key_stops = await _stop_times(system, _press)
        calls_held, shares = 0, dict[str, float]()
        for count in CALL_COUNTS:
            before, began = _cpu_s(processes), asyncio.get_running_loop().time()
            concurrent = await _surveys(system, count, rounds=1)
            seconds = asyncio.get_running_loop().time() - began
            spent = {name: round(100 * (s - before[name]) / seconds, 1) for name, s in _cpu_s(processes).items()}
            responses = percentiles([ms for survey in concurrent for ms in survey.responses])
            right = sum(survey.right for survey in concurrent)
            print(f"{count} calls through Asterisk: {right} correct, response {responses}, CPU % {spent}", flush=True)
            if responses["p50"] > P50_MS or responses["p95"] > P95_MS or right < count:
                break
            calls_held, shares = count, spent
    return {
        "turn_response_ms.asterisk": percentiles([ms for survey in baseline for ms in survey.responses]),
        "barge_in_ms.asterisk": percentiles(barge_ins),
        "key_stop_ms.asterisk": percentiles(key_stops),
        "calls_held.asterisk": calls_held,
        **{f"cpu_percent.asterisk.{name}": share for name, share in shares.items()},
    }


@asynccontextmanager
async def _attached() -> AsyncIterator[tuple[SystemFixture, dict[str, psutil.Process]]]:
    """Run an Asterisk with a service attached; yield the system and the processes involved in a call."""
    with TemporaryDirectory(prefix="huifang-bench-") as folder:
        async with running_system(Path(folder)) as system:
            settings = passwords_in_environment(system.passwords) | {
                "HUIFANG_SITE": str(system.settings.site),
                "HUIFANG_PORT": str(system.settings.port),
            }
            with running_service(**settings) as service:
                await _ready(f"http://127.0.0.1:{system.settings.port}/ready")
                ours = psutil.Process(service.pid)
                asterisk = next(
                    each for each in psutil.Process().children() if str(system.pbx.site.app) in _command_line(each)
                )
                redis = next(each for each in ours.children(recursive=True) if "redis" in _command_line(each))
                yield system, {"service": ours, "asterisk": asterisk, "redis": redis, "phones": psutil.Process()}


def _command_line(process: psutil.Process) -> str:
    return " ".join(process.cmdline())


def _cpu_s(processes: dict[str, psutil.Process]) -> dict[str, float]:
    return {name: sum(process.cpu_times()[:2]) for name, process in processes.items()}


async def _ready(address: str) -> None:
    async with ClientSession() as http, asyncio.timeout(30):
        while True:
            async with http.get(address) as answer:
                if answer.status == 200:
                    return
            await asyncio.sleep(0.1)


async def _surveys(system: SystemFixture, at_once: int, rounds: int) -> list[Survey]:
    async def one(delay_s: float) -> Survey:
        await asyncio.sleep(delay_s)
        async with _answered_call(system) as (caller, call):
            try:
                await caller.takes_the_survey()
                right = await _is_correct(system, call)
            except TimeoutError:
                right = False
            return Survey(tuple(caller.responses_ms()), right)

    return [each for _ in range(rounds) for each in await asyncio.gather(*(one(n * STAGGER_S) for n in range(at_once)))]


@asynccontextmanager
async def _answered_call(system: SystemFixture) -> AsyncIterator[tuple[Caller, str]]:
    """Yield a phone that the service calls, answered immediately, and the call's id."""
    phone = await system.phone()
    try:
        call = await system.place_call(phone.account.name)
        ringing = await phone.called()
        ringing.answer()
        yield system.caller_on(ringing), call
        await ringing.hang_up()
    finally:
        system.release_phone(phone)


async def _is_correct(system: SystemFixture, call: str) -> bool:
    async with asyncio.timeout(RECORD_S):
        while True:
            _, record = await system.get_call(call)
            if isinstance(record, dict) and not record["open"]:
                return bool(record["disposition"] == "completed" and record["answers"].items() >= ANSWERS.items())
            await asyncio.sleep(0.2)


async def _speak(caller: Caller) -> float:
    """Speak an answer during a prompt and return its onset."""
    await caller.hears_onset()
    await asyncio.sleep(len(caller.detector.sound("survey.notice")) / RATE + steady_s("survey.opening"))
    return (await caller.says("方便")).began


async def _press(caller: Caller) -> float:
    """Press a key during a prompt and return when it goes down.

    It is pressed at the score, where 1 may become 10, so that silence follows. It is held for 100 ms, and a PBX accepts
    an RFC 4733 key only at its end.
    """
    await caller.hears_out("survey.opening")
    for key in KEYS_BEFORE_SCORE:
        await caller.presses(key)
        await caller.hears_onset()
        await asyncio.sleep(steady_s("survey.score"))
    return (await caller.presses("1")).began


async def _stop_times(system: SystemFixture, interrupt: Callable[[Caller], Awaitable[float]]) -> list[float]:
    """Measure the times from an interruption to the last sound of the prompt (ms)."""

    async def one(delay_s: float) -> float | None:
        await asyncio.sleep(delay_s)
        async with _answered_call(system) as (caller, _):
            onset = await interrupt(caller)
            await asyncio.sleep(1)
            heard = caller.heard
            timeline = CallTimeline(np.empty(0, np.int16), heard.samples)
            return stop_ms(timeline, round((onset - heard.start) * RATE), quiet_ms=QUIET_MS)

    found = [
        each for _ in range(3) for each in await asyncio.gather(*(one(n * STAGGER_S) for n in range(BASELINE_CALLS)))
    ]
    return [each for each in found if each is not None]

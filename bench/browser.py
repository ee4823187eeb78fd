"""Browser phone: response, barge-in and key latency, and the number of concurrent calls that keep them."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Final

from bench.figures import Figure, percentiles
from bench.prompts import steady_s
from bench.running import ROOT, Running, running_service
from ivr.cli.demo import EXPECTED, REPLIES
from ivr.devtools.scripted_caller import load_clips, run_script
from ivr.devtools.softphone import Softphone, dial
from ivr.devtools.timeline import response_ms, speech, stop_ms

GOALS: Final = {
    "turn_response_ms.browser": "p50 ≤ 330, p95 ≤ 480",
    "barge_in_ms.browser": "p95 ≤ 200",
    "key_stop_ms.browser": "p95 ≤ 100",
    "calls_held.browser": "≥ 20",
    "rss_mb": "≤ 350",
    "rss_mb_per_call": "≤ 3",
}
BASELINE_CALLS: Final = 8
CALL_COUNTS: Final = (20, 40)
FREE_QUESTION: Final = "建议"
"""Text in the prompt of the only free question; all others are closed."""
CLIPS: Final = ROOT / "prompts" / "caller" / "zh-CN"
STAGGER_S: Final = 0.37
"""Interval between the starts of concurrent calls."""
QUIET_MS: Final = 60
"""Silence after which a prompt counts as stopped; longer than a pause within a word, shorter than any response."""


@dataclass(frozen=True, slots=True)
class Survey:
    """One scripted survey: response times of closed questions (ms), whether all answers were right, underflows."""

    responses: tuple[float, ...]
    right: bool
    underflows: int


async def measure() -> dict[str, Figure]:
    """Measure all figures of the browser phone."""
    with running_service() as service:
        baseline = await surveys(service, BASELINE_CALLS, rounds=2)
        idle_mb = service.rss_mb
        barge_in_ms = await barge_ins(service, BASELINE_CALLS, rounds=3)
        key_stop_ms = await key_stops(service, BASELINE_CALLS, rounds=3)
        calls, per_call = 0, 0.0
        for count in CALL_COUNTS:
            concurrent, peak_mb = await _with_peak(service, count)
            right = sum(each.right for each in concurrent)
            responses = percentiles([ms for each in concurrent for ms in each.responses])
            print(f"{count} calls from browser phones: {right} correct, response {responses}", flush=True)
            per_call = per_call or (peak_mb - idle_mb) / count
            if not sustained(baseline, concurrent):
                break
            calls = count
    return {
        "turn_response_ms.browser": percentiles([ms for survey in baseline for ms in survey.responses]),
        "barge_in_ms.browser": percentiles(barge_in_ms),
        "key_stop_ms.browser": percentiles(key_stop_ms),
        "calls_held.browser": calls,
        "rss_mb": round(idle_mb, 1),
        "rss_mb_per_call": round(per_call, 2),
    }


async def _with_peak(service: Running, count: int) -> tuple[list[Survey], float]:
    calls = asyncio.create_task(surveys(service, count, rounds=1))
    peak_mb = service.rss_mb
    while not calls.done():
        await asyncio.sleep(0.5)
        peak_mb = max(peak_mb, service.rss_mb)
    return await calls, peak_mb


async def surveys(service: Running, at_once: int, rounds: int) -> list[Survey]:
    """Run `at_once` concurrent scripted voice calls, `rounds` times."""
    clips = load_clips(CLIPS)
    replies = {words: clips[clip] for words, clip in REPLIES.items()}

    async def one(delay_s: float) -> Survey:
        await asyncio.sleep(delay_s)
        understood: dict[str, object] = {}

        async with dial(service.socket, "survey", "zh-CN", {"fee_unpaid": True}) as phone:
            talk = await run_script(
                phone,
                replies,
                lambda line: understood.update({str(line.detail.get("question")): line.detail.get("understood")}),
            )
            timeline = phone.timeline
        closed = [response_ms(timeline, reply.said) for reply in talk.replies if FREE_QUESTION not in reply.prompt]
        return Survey(
            tuple(response for response in closed if response is not None),
            understood.items() >= EXPECTED.items(),
            phone.underflows,
        )

    return [each for _ in range(rounds) for each in await asyncio.gather(*(one(n * STAGGER_S) for n in range(at_once)))]


async def barge_ins(service: Running, at_once: int, rounds: int) -> list[float]:
    """Measure the times from the onset of an answer during a prompt to the last sample of the prompt (ms)."""
    answer = load_clips(CLIPS)["方便"]

    async def speak(phone: Softphone) -> int:
        await _wait_for_prompt(phone, "方便吗")
        await asyncio.sleep(steady_s("survey.opening"))
        said = await phone.say(answer)
        spoken = speech(phone.timeline.said, said)
        return spoken.start if spoken else said.start

    return await _stop_times(service, speak, at_once, rounds)


async def key_stops(service: Running, at_once: int, rounds: int) -> list[float]:
    """Measure the times from a key pressed during a prompt to the last sample of the prompt (ms).

    The key is pressed at the score, where 1 may become 10, so that silence follows; earlier questions get keys too.
    """

    async def press(phone: Softphone) -> int:
        for words in ("方便吗", "解决了吗", "态度", "收费了吗", "打分"):
            await _wait_for_prompt(phone, words)
            await asyncio.sleep(steady_s("survey.score"))
            onset = await phone.press("1")
        return onset

    return await _stop_times(service, press, at_once, rounds)


async def _wait_for_prompt(phone: Softphone, words: str) -> None:
    async for line in phone.transcript():
        if line.who == "us" and words in line.text:
            return


async def _stop_times(
    service: Running, interrupt: Callable[[Softphone], Awaitable[int]], at_once: int, rounds: int
) -> list[float]:
    async def one(delay_s: float) -> float | None:
        await asyncio.sleep(delay_s)
        async with dial(service.socket, "survey", "zh-CN") as phone:
            onset = await interrupt(phone)
            await asyncio.sleep(1)
            return stop_ms(phone.timeline, onset, quiet_ms=QUIET_MS)

    found = [
        each for _ in range(rounds) for each in await asyncio.gather(*(one(n * STAGGER_S) for n in range(at_once)))
    ]
    return [each for each in found if each is not None]


def sustained(single: Sequence[Survey], concurrent: Sequence[Survey]) -> bool:
    """Return whether all concurrent calls were right and without underflow, p95 within 1.5 times that of `single`."""
    alone = percentiles([response for each in single for response in each.responses])["p95"]
    crowded = percentiles([response for each in concurrent for response in each.responses])["p95"]
    return crowded <= 1.5 * alone and all(each.right and not each.underflows for each in concurrent)

"""Death of a node: how long until its callers hear that the call goes on, and the open question again.

Three nodes, Asterisk, Redis and the phones (this process) share one machine; times are of the phone's recording.
"""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

from bench.figures import Figure, percentiles
from tests.asterisk.cluster import Cluster, running_cluster
from tests.asterisk.system import running_system
from tests.asterisk.takeover import ALIKE, NOTICE, PROMPTS

ROUNDS: Final = 3
GOALS: Final = {
    "takeover_notice_ms": "(first sound)",
    "takeover_question_ms": "p95 ≤ 3000",
    "takeover_calls_lost": "0",
}


async def measure() -> dict[str, Figure]:
    """Kill the node of a call at each question, one after the other."""
    notices: list[float] = []
    questions: list[float] = []
    lost = 0
    with TemporaryDirectory(prefix="huifang-bench-") as folder:
        async with running_system(Path(folder)) as system, running_cluster(system) as cluster:
            for question in [*PROMPTS] * ROUNDS:
                times = await _interrupt(cluster, question)
                if times is None:
                    lost += 1
                    continue
                notices.append(times[0])
                questions.append(times[1])
    return {
        "takeover_notice_ms": percentiles(notices),
        "takeover_question_ms": percentiles(questions),
        "takeover_calls_lost": lost,
    }


async def _interrupt(cluster: Cluster, question: str) -> tuple[float, float] | None:
    """Return the times from the node's end to the notice and to the question (ms); None if the call is lost."""
    phone = await cluster.system.phone()
    caller = await cluster.system.caller(phone)
    try:
        await cluster.complete()
        await caller.takes_the_survey(voice={}, until=question)
        killed = await cluster.kills_leader(phone.account.name)
        await caller.hears_out(PROMPTS[question])
        heard = caller.heard.since(killed)
    except TimeoutError:
        return None
    finally:
        await caller.call.hang_up()
    found = [heard.find(caller.detector.sound(prompt)) for prompt in (NOTICE, PROMPTS[question])]
    if min(match.likeness for match in found) < ALIKE:
        return None
    return (found[0].at - killed) * 1000, (found[1].at - killed) * 1000

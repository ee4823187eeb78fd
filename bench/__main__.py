"""`make bench`: run all benchmarks and compare them with their goals; takes about 15 minutes.

`python -m bench browser` runs one part only: browser, asterisk, complaints, recovery, take-over, agents
or turn_taking.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from typing import Final

import uvloop

from bench import agents, asterisk, browser, complaints, recordings, recovery, takeover, turn_taking
from bench.figures import Figure, publish
from ivr.turntaking.timing import Timing
from recognizer.vosk import SHIPPED


def turn_taking_figures() -> dict[str, Figure]:
    """Measure turn-taking on recordings of speech and noise, if available."""
    if not recordings.FOLDER.is_dir():
        print(f"turn-taking is not measured: the recordings are missing ({recordings.FOLDER})")
        return {}
    return {f"turn_taking.{name}": figure for name, figure in turn_taking.measure(Timing()).items()}


PARTS: Final[dict[str, tuple[Mapping[str, str], Callable[[], dict[str, Figure]]]]] = {
    "browser": (browser.GOALS, lambda: uvloop.run(browser.measure())),
    "asterisk": (asterisk.GOALS, lambda: uvloop.run(asterisk.measure())),
    "complaints": (complaints.GOALS, lambda: uvloop.run(complaints.measure())),
    "recovery": (recovery.GOALS, lambda: uvloop.run(recovery.measure())),
    "take-over": (takeover.GOALS, lambda: uvloop.run(takeover.measure())),
    "agents": (agents.GOALS, lambda: uvloop.run(agents.measure())),
    "turn_taking": ({}, turn_taking_figures),
}

if __name__ == "__main__":
    for part in sys.argv[1:] or PARTS:
        goals, measure = PARTS[part]
        publish(measure(), goals, [folder.name for folder in SHIPPED.values()])

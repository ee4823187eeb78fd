"""`make bench`: all measurements in one run, against goals; takes about a quarter of an hour.

`python -m bench browser` takes one part alone: browser, asterisk, agents, complaints or turn_taking.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from typing import Final

import uvloop

from bench import agents, asterisk, browser, complaints, recordings, turn_taking
from bench.figures import Figure, publish
from ivr.turntaking.timing import Timing
from recognizer.vosk import SHIPPED


def turn_taking_figures() -> dict[str, Figure]:
    """Turn-taking on recordings of people and noises, where these are."""
    if not recordings.FOLDER.is_dir():
        print(f"turn-taking on recordings is not measured: {recordings.FOLDER} is absent")
        return {}
    return {f"turn_taking.{name}": figure for name, figure in turn_taking.measure(Timing()).items()}


PARTS: Final[dict[str, tuple[Mapping[str, str], Callable[[], dict[str, Figure]]]]] = {
    "browser": (browser.GOALS, lambda: uvloop.run(browser.measure())),
    "asterisk": (asterisk.GOALS, lambda: uvloop.run(asterisk.measure())),
    "complaints": (complaints.GOALS, lambda: uvloop.run(complaints.measure())),
    "agents": (agents.GOALS, lambda: uvloop.run(agents.measure())),
    "turn_taking": ({}, turn_taking_figures),
}

if __name__ == "__main__":
    for part in sys.argv[1:] or PARTS:
        goals, measure = PARTS[part]
        publish(measure(), goals, [folder.name for folder in SHIPPED.values()])

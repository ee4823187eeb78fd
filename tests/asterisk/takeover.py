"""Three nodes on one Asterisk, and calls that outlive the node that led them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Coroutine, Iterable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Final, TypeVar

from ivr.events import CallResumed
from ivr.records.record import CallRecord
from tests.asterisk.cluster import Cluster, running_cluster
from tests.asterisk.phone import Phone
from tests.asterisk.system import FALLBACK, running_system

T = TypeVar("T")
NOTICE: Final = "common.resumed"
PROMPTS: Final = {
    "convenient": "survey.opening",
    "resolved": "survey.resolved",
    "attitude": "survey.attitude",
    "charged": "survey.charged",
    "score": "survey.score",
    "comments": "survey.comments",
}
"""Question → the prompt that asks it."""
LINES: Final = {"4000": {"flow": "survey"}, "4001": {"flow": "hotline"}}
TARGETS: Final = {"hotline": f"PJSIP/{FALLBACK}"}
ALIKE: Final = 0.75
"""Likeness of a prompt, even if a busy machine makes it stumble."""
STAGGER_S: Final = 1.0
STORED_S: Final = 180.0
"""Time for the restarted nodes to find the recordings in their spools."""


@asynccontextmanager
async def three_nodes(folder: Path) -> AsyncIterator[Cluster]:
    """Three nodes with a survey line and a hotline."""
    async with running_system(folder, lines=LINES, targets=TARGETS) as system, running_cluster(system) as cluster:
        yield cluster


async def recorded(cluster: Cluster, phone: Phone) -> CallRecord:
    """The record of a call, once each part of its recording is in it."""

    def complete(record: CallRecord) -> bool:
        consent_at = record.call.consent_at
        later = [turn for turn in record.turns if isinstance(turn.event, CallResumed)]
        parts = 1 + sum(turn.at > consent_at for turn in later) if consent_at else 0
        return record.call.ended_at is not None and len(record.recordings) >= parts

    return await cluster.system.record_when(phone.account.name, complete, STORED_S)


async def one_by_one(stories: Iterable[Coroutine[None, None, T]]) -> list[T]:
    """Begin the stories one after the other; they go on side by side."""

    async def begin(number: int, story: Coroutine[None, None, T]) -> T:
        await asyncio.sleep(number * STAGGER_S)
        return await story

    return await asyncio.gather(*(begin(number, story) for number, story in enumerate(stories)))

"""A node sweeps only when every node has had the time to renew its leases."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import Any, cast

import pytest

from ivr.call import manager
from ivr.call.manager import CallManager
from ivr.call.node import ServiceNode
from ivr.database.errors import RecordsUnavailable
from ivr.errors import HuifangError
from ivr.live.errors import LiveStateUnavailable


@dataclass
class Node:
    """A node whose stores give `answers`, one a round: a server of Redis, or a fault."""

    answers: list[str | HuifangError]
    name: str = "node"
    trouble: str = ""
    over: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def live(self) -> Node:
        return self

    @property
    def records(self) -> Node:
        return self

    @property
    def journal(self) -> Node:
        return self

    async def ping(self) -> None:
        if not self.answers:
            self.over.set()
            await asyncio.Event().wait()
        if isinstance(self.answers[0], RecordsUnavailable):
            raise self.answers.pop(0)  # type: ignore[misc]

    async def server(self) -> str:
        answer = self.answers.pop(0)
        if isinstance(answer, HuifangError):
            raise answer
        return answer


AWAY = LiveStateUnavailable("Redis: away")
LOCKED = RecordsUnavailable("locked")


@pytest.mark.parametrize(
    ("answers", "swept"),
    [
        (["one"] * 6, [4, 5, 6]),
        (["one"] * 4 + ["two"] * 5, [4, 8, 9]),
        (["one"] * 4 + [AWAY] + ["one"] * 4, [4, 9]),
        (["one"] * 4 + [LOCKED] + ["one"] * 2, [4, 6, 7]),
        ([""] * 4, [4]),
    ],
    ids=["started", "another server", "redis away", "database away", "server unknown"],
)
async def test_orphans_are_swept_when_leases_can_be_trusted(
    answers: list[str | HuifangError], swept: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    rounds, done = 0, list[int]()
    node = Node(list(answers))

    async def sweep(*_: object) -> None:
        done.append(rounds)

    class Calls(CallManager):
        async def _renew_leases(self) -> None:
            nonlocal rounds
            rounds += 1

        def _now_s(self) -> float:
            return rounds * 5.0

    monkeypatch.setattr(manager, "sweep", sweep)
    monkeypatch.setattr(manager, "LEASE_RENEWAL_S", 0)
    running = asyncio.create_task(Calls(cast("ServiceNode", node), cast("Any", None)).run())
    await asyncio.wait_for(node.over.wait(), 10)
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
    assert done == swept

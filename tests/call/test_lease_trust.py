"""A node takes calls without a lease for orphans only when every node has had the time to renew its leases."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from ivr.call import manager
from ivr.call.manager import CallManager
from ivr.call.node import ServiceNode
from ivr.errors import HuifangError
from ivr.live.calls import LiveCalls
from ivr.live.errors import LiveStateUnavailable
from tests.call.orphan import a_redis

ROUND_S = manager.LEASE_RENEWAL_S
AWAY = LiveStateUnavailable("Redis: away")


class Rounds:
    """A node whose Redis answers `answers`, one a round: the identity of its server, or a fault."""

    def __init__(self, answers: list[str | HuifangError]) -> None:
        self._answers = answers
        self.number = 0

    async def server(self) -> str:
        answer = self._answers[self.number - 1]
        if isinstance(answer, HuifangError):
            raise answer
        return answer

    async def ping(self) -> None:
        return

    async def flow_source(self, version: str) -> str | None:
        return None


@pytest.mark.parametrize(
    ("answers", "swept"),
    [
        (["one"] * 6, [4, 5, 6]),
        (["one"] * 4 + ["two"] * 5, [4, 8, 9]),
        (["one"] * 4 + [AWAY] + ["one"] * 4, [4, 9]),
        ([""] * 4, [4]),
    ],
    ids=["started", "another server", "Redis away", "server unknown"],
)
async def test_orphans_are_swept_when_leases_can_be_trusted(
    answers: list[str | HuifangError], swept: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    rounds, done = Rounds(answers), list[int]()
    node = SimpleNamespace(live=rounds, records=rounds, journal=SimpleNamespace(trouble=""))
    calls = CallManager(cast("ServiceNode", node), cast("Any", None))

    async def sweep(*_: object) -> None:
        done.append(rounds.number)

    async def next_round(_: float) -> None:
        if rounds.number == len(answers):
            raise EOFError
        rounds.number += 1

    monkeypatch.setattr(manager, "sweep", sweep)
    monkeypatch.setattr(manager.asyncio, "sleep", next_round)
    monkeypatch.setattr(
        manager.asyncio, "get_running_loop", lambda: SimpleNamespace(time=lambda: rounds.number * ROUND_S)
    )
    rounds.number = 1
    with pytest.raises(EOFError):
        await calls._repeat("sweep of orphaned calls", calls._sweep)
    assert done == swept


async def test_the_identity_of_a_server_changes_with_a_restart(tmp_path: Path) -> None:
    seen = []
    for _ in range(2):
        async with a_redis(tmp_path) as redis:
            live = await LiveCalls.open(redis.url)
            seen += [await live.server(), await live.server()]
            await live.close()
    assert seen[0] == seen[1] != seen[2] == seen[3]

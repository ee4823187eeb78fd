"""Health and readiness checks, for process supervisors and load balancers.

Must not know: what may keep the service from taking calls.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field

from aiohttp import web


@dataclass(frozen=True, slots=True)
class ServiceHealth:
    """The health of the service. `trouble` is the reason why it takes no calls; empty if it does.

    Counters since the start: `restarts` of each background worker, entries of Redis that were `skipped` because they
    are foreign or damaged, entries of the journal that the database has `refused`. `backlog` is the number of entries
    that wait for the database now.
    """

    trouble: str = ""
    restarts: Mapping[str, int] = field(default_factory=dict)
    skipped: int = 0
    refused: int = 0
    backlog: int = 0


def routes(health: Callable[[], ServiceHealth]) -> list[web.AbstractRouteDef]:
    """Return the routes: GET /health (the process is up), GET /ready (it takes calls, else 503 and the reason)."""

    async def up(_: web.Request) -> web.Response:
        return _response("up", health())

    async def ready(_: web.Request) -> web.Response:
        now = health()
        return _response(now.trouble or "up", now, 503 if now.trouble else 200)

    return [web.get("/health", up), web.get("/ready", ready)]


def _response(status: str, health: ServiceHealth, code: int = 200) -> web.Response:
    counters = asdict(health)
    del counters["trouble"]
    return web.json_response({"status": status, **counters}, status=code)

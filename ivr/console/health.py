"""Is the service there, and does it take calls: for supervisors of processes and load balancers.

Must not know: what may be in the way.
"""

from __future__ import annotations

from collections.abc import Callable

from aiohttp import web


def routes(blocker: Callable[[], str]) -> list[web.AbstractRouteDef]:
    """GET /health: the process is up. GET /ready: it takes calls, or 503 and what `trouble` says is in the way."""

    async def ready(_: web.Request) -> web.Response:
        reason = blocker()
        return web.json_response({"status": reason or "up"}, status=503 if reason else 200)

    return [web.get("/health", _up), web.get("/ready", ready)]


async def _up(_: web.Request) -> web.Response:
    return web.json_response({"status": "up"})

"""Health and readiness checks, for process supervisors and load balancers.

Must not know: what may keep the service from taking calls.
"""

from __future__ import annotations

from collections.abc import Callable

from aiohttp import web


def routes(blocker: Callable[[], str]) -> list[web.AbstractRouteDef]:
    """Return the routes: GET /health (the process is up), GET /ready (it takes calls, else 503 and a reason).

    `blocker` returns the reason why no calls are taken; empty if they are.
    """

    async def ready(_: web.Request) -> web.Response:
        reason = blocker()
        return web.json_response({"status": reason or "up"}, status=503 if reason else 200)

    return [web.get("/health", _up), web.get("/ready", ready)]


async def _up(_: web.Request) -> web.Response:
    return web.json_response({"status": "up"})

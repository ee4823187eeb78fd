"""`/health` and `/ready` over HTTP."""

from __future__ import annotations

from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer

from ivr.console.health import ServiceHealth, routes


async def test_both_show_the_counters_and_only_ready_the_trouble() -> None:
    health = ServiceHealth(restarts={"leases": 2}, skipped=3, refused=1, backlog=7)
    counters = {"restarts": {"leases": 2}, "skipped": 3, "refused": 1, "backlog": 7}
    app = web.Application()
    app.add_routes(routes(lambda: health))
    async with TestClient(TestServer(app)) as client:
        for path in ("/health", "/ready"):
            async with client.get(path) as response:
                assert (response.status, await response.json()) == (200, {"status": "up", **counters})
        health = ServiceHealth("draining", {"leases": 2}, 3, 1, 7)
        async with client.get("/health") as response:
            assert (response.status, await response.json()) == (200, {"status": "up", **counters})
        async with client.get("/ready") as response:
            assert (response.status, await response.json()) == (503, {"status": "draining", **counters})

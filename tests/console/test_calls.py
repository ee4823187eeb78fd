"""The API of calls where no network places any, as with browser phones alone."""

from __future__ import annotations

from pathlib import Path

from aiohttp import ClientSession

from ivr.service.process import serving
from ivr.settings import Settings


async def test_a_call_that_no_network_can_place_is_refused_with_the_reason(tmp_path: Path) -> None:
    said = []
    async with serving(Settings(data=tmp_path, port=0)) as listening, ClientSession() as session:
        calls = listening.phone.removesuffix("/phone") + "/api/v1/calls"
        for body in ({"number": "1001"}, {"number": "1001", "network": "browser"}):
            async with session.post(calls, json=body) as response:
                said.append((response.status, await response.json()))
        async with session.get(f"{calls}/unheard-of") as response:
            assert response.status == 404
    reason = "no network “{}” places calls; those that do: none"
    assert said == [(422, {"faults": [{"path": "network", "reason": reason.format(name)}]}) for name in ("", "browser")]

"""What the web application refuses at whatever address."""

from __future__ import annotations

from pathlib import Path

from aiohttp import ClientSession
from yarl import URL

from ivr.service.process import serving
from ivr.settings import Settings


async def test_an_address_with_nul_is_refused_before_a_database_sees_it(tmp_path: Path) -> None:
    async with serving(Settings(data=tmp_path, port=0)) as listening, ClientSession() as http:
        here = URL(listening.phone).origin()
        for address in ("/api/v1/calls/%00", "/api/v1/complaints/x%00", "/api/v1/complaints?customer=%00"):
            async with http.get(URL(f"{here}{address}", encoded=True)) as response:
                assert response.status == 400
                assert "must not contain the character NUL" in await response.text()

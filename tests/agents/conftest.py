from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from ivr.live.embedded import EmbeddedRedis
from tests.agents.acd import AcdParts, running_acd


@pytest.fixture
async def server(tmp_path: Path) -> AsyncIterator[EmbeddedRedis]:
    started = await EmbeddedRedis.start(tmp_path / "live")
    yield started
    await started.close()


@pytest.fixture
async def parts(server: EmbeddedRedis) -> AsyncIterator[AcdParts]:
    async with running_acd(server.url) as running:
        yield running

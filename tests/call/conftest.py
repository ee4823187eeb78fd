from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from tests.call.caller import ServiceSite, running_site
from tests.records.conftest import postgres, server, sqlite, url

__all__ = ["postgres", "server", "sqlite", "url"]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def site(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[ServiceSite]:
    """One service for all tests of a module."""
    async with running_site(tmp_path_factory.mktemp("service")) as running:
        yield running

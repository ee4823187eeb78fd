"""The shipped lines, and databases for cases."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from ivr.complaints.rulebook import load
from ivr.complaints.rules.intake import Rules
from ivr.records.call_records import CallRecords
from ivr.resource_files import ROOT
from tests.records.conftest import postgres, server, sqlite, url

__all__ = ["postgres", "server", "sqlite", "url"]


@pytest.fixture(scope="session")
def rules() -> Rules:
    return load(ROOT / "lines.yaml", ROOT / "calendar.yaml")


@pytest.fixture
async def records(url: str, rules: Rules) -> AsyncIterator[CallRecords]:
    opened = await CallRecords.open(url, node="node-1", rules=rules)
    yield opened
    await opened.close()

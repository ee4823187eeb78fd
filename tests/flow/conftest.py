"""Fixtures: the shipped flows, and the time at which every conversation begins."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from ivr.flow.parse import FlowSet, parse

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="session")
def flow_set() -> FlowSet:
    return parse((ROOT / "callflows.yaml").read_text(encoding="utf-8"), "callflows.yaml")


@pytest.fixture(scope="session")
def now() -> datetime:
    return datetime(2026, 11, 19, 10, 0, tzinfo=ZoneInfo("Asia/Shanghai"))

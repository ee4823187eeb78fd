"""What tests need: by that they are chosen, spread over the workers of pytest-xdist, and kept from disturbing calls."""

from __future__ import annotations

import ctypes
import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from typing import Final

import pytest
from coverage import Coverage
from hypothesis import HealthCheck, settings
from xdist.scheduler import LoadScopeScheduling

from tests.places import places
from tests.precedence import run_as_usual, yield_precedence

NEEDS: Final = {"pbx": "pbx", "chromium": "browser", "engine": "container", "postgres": "postgres"}
"""Fixture → the marker of the tests that need it."""
PRIVATE_PBX: Final = {"Pbx", "running_system", "running_acd"}
"""Names that a module has whose tests start an Asterisk of their own."""
UNTRACED: Final = {"slow", "postgres", "calls"}
"""Markers of tests that coverage is not measured in."""
PR_SET_PDEATHSIG: Final = 1
"""See prctl(2)."""
LONGEST: Final = (
    "tests/asterisk/test_takeover.py",
    "tests/asterisk/test_hotline.py",
    "tests/asterisk/test_survey.py",
    "tests/docker/test_service_image.py",
    "tests/asterisk/test_takeover_of_transfers.py",
    "tests/asterisk/test_rolling_restart.py",
    "tests/call/test_stores_away.py",
    "tests/call/test_intake.py",
    "tests/call/test_session.py",
    "tests/asterisk/test_survey_trouble.py",
    "tests/asterisk/test_warm_transfer.py",
    "tests/asterisk/test_consult.py",
    "tests/browser/test_survey.py",
    "tests/browser/test_page.py",
    "tests/asterisk/test_trouble.py",
    "tests/asterisk/test_survey_ends.py",
    "tests/asterisk/test_english.py",
    "tests/test_install.py",
    "tests/recognizer/test_accuracy.py",
    "tests/callbacks/test_scheduler.py",
    "tests/campaigns/test_contact_scheduler.py",
    "tests/complaints/test_sla_worker.py",
)
"""The modules that take longest begin first, so that no worker is still busy long after the others."""
SPREAD: Final = {
    *(f"tests/asterisk/test_{name}.py" for name in ("survey_trouble", "trouble", "trunk")),
    "tests/call/test_stores_away.py",
    "tests/browser/test_page.py",
    "tests/callbacks/test_scheduler.py",
}
"""Modules whose tests have nothing costly in common: each goes to the next worker that is free."""


settings.register_profile("any machine", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("any machine")


def pytest_configure(config: pytest.Config) -> None:
    """A worker has a session of its own, for its share of the processors, and ends with its controller all the same."""
    if hasattr(config, "workerinput"):
        os.setsid()
        run_as_usual()
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGTERM)


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark each test by what it needs; put the longest first."""
    for item in items:
        assert isinstance(item, pytest.Function)
        for need in _needs(item):
            item.add_marker(need)
    order = {file: place for place, file in enumerate(LONGEST)}
    items.sort(key=lambda item: order.get(item.nodeid.partition("::")[0], len(order)))


def _needs(item: pytest.Function) -> set[str]:
    needs = {marker for fixture, marker in NEEDS.items() if fixture in item.fixturenames}
    if PRIVATE_PBX & vars(item.module).keys():
        needs.add("pbx")
    if hasattr(item, "callspec") and item.callspec.params.get("url") == "postgresql":
        needs.add("postgres")
    return needs


class Scheduling(LoadScopeScheduling):
    """The tests of a module stay together, in the order of the modules, unless they are to be spread."""

    def _split_scope(self, nodeid: str) -> str:
        file = nodeid.partition("::")[0]
        return nodeid if file in SPREAD else file


def pytest_xdist_make_scheduler(config: pytest.Config, log: object) -> LoadScopeScheduling:
    """How tests are given to workers."""
    config.option.loadscopereorder = False
    return Scheduling(config, log)


@pytest.fixture(scope="module", autouse=True)
def _places(request: pytest.FixtureRequest) -> Iterator[None]:
    """Places for the calls of a module, and precedence for their voices."""
    marker = request.node.get_closest_marker("calls")
    with places(*marker.args) if marker else nullcontext():
        yield
        yield_precedence()


@pytest.fixture(scope="module", autouse=True)
def _coverage_of_module(request: pytest.FixtureRequest) -> Iterator[None]:
    """Coverage is measured by quick tests alone: it doubles the time of the others."""
    with _untraced() if _untraceable(request.node) else nullcontext():
        yield


@pytest.fixture(autouse=True)
def _coverage_of_test(request: pytest.FixtureRequest) -> Iterator[None]:
    """A slow test may stand in a module of quick ones."""
    slow = _untraceable(request.node) and not _untraceable(request.node.getparent(pytest.Module))
    with _untraced() if slow else nullcontext():
        yield


def _untraceable(node: pytest.Module | pytest.Item) -> bool:
    return any(marker.name in UNTRACED for marker in node.iter_markers())


@contextmanager
def _untraced() -> Iterator[None]:
    """Coverage is not measured within the block."""
    if (measuring := Coverage.current()) is None:
        yield
        return
    measuring.stop()
    try:
        yield
    finally:
        measuring.start()

"""What tests need, by which they are chosen and spread over the workers."""

from __future__ import annotations

from typing import Final

import pytest

NEEDS: Final = {"pbx": "pbx", "chromium": "browser", "engine": "container", "postgres": "postgres"}
"""Fixture → the marker of the tests that need it."""
PRIVATE_PBX: Final = {"Pbx", "a_house", "an_office"}
"""Names that a module has whose tests start an Asterisk of their own."""


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark each test by what it needs, and keep those that share something costly on one worker."""
    for item in items:
        assert isinstance(item, pytest.Function)
        for need in _needs(item):
            item.add_marker(need)
        if item.get_closest_marker("xdist_group") is None:
            item.add_marker(pytest.mark.xdist_group(str(item.path)))


def _needs(item: pytest.Function) -> set[str]:
    needs = {marker for fixture, marker in NEEDS.items() if fixture in item.fixturenames}
    if PRIVATE_PBX & vars(item.module).keys():
        needs.add("pbx")
    if hasattr(item, "callspec") and item.callspec.params.get("url") == "postgresql":
        needs.add("postgres")
    return needs

"""Entries that are skipped."""

from __future__ import annotations

import pytest

from ivr.live.damage import MAX_REMEMBERED, DamagedEntries


def test_an_entry_is_counted_once_and_again_when_it_changes(caplog: pytest.LogCaptureFixture) -> None:
    damaged = DamagedEntries()
    for content in (b"13812345678", b"13812345678", b"other", b"13812345678"):
        damaged.skip("agents", "zhang", content, "not a presence")
    damaged.skip("agents", "li", b"other", "not a presence")
    assert damaged.count == 3
    assert "agents: entry zhang is skipped: not a presence" in caplog.text and "1381" not in caplog.text


def test_the_number_of_entries_remembered_is_limited() -> None:
    damaged = DamagedEntries()
    for number in range(2 * MAX_REMEMBERED):
        damaged.skip("feed", f"{number}-0", b"", "no event")
    assert damaged.count == 2 * MAX_REMEMBERED and len(damaged._seen) == MAX_REMEMBERED

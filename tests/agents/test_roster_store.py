"""The rosters in force."""

from __future__ import annotations

from pathlib import Path

import pytest

from ivr.agents.roster_store import RosterStore, TransferTargets
from ivr.errors import FaultyFile

ROSTER = 'version: 1\nagents: {{a: {{name: A, phone: "1001"}}}}\nlines: {{{line}: {{shifts: {{s: {shift}}}}}}}\n'
ALWAYS = '{starts: "00:00", ends: "00:00", agents: [a]}'


def write(file: Path, line: str, shift: str = ALWAYS) -> None:
    file.write_text(ROSTER.format(line=line, shift=shift), encoding="utf-8")


def test_a_reload_takes_the_new_file_unless_it_is_faulty(tmp_path, caplog):
    file = tmp_path / "rosters.yaml"
    write(file, "hotline")
    book = RosterStore(file, ("1001",))
    targets = TransferTargets(["person"], book)
    assert sorted(targets) == ["hotline", "person"]
    write(file, "orders")
    assert book.reload() and sorted(targets) == ["orders", "person"] and len(targets) == 2
    write(file, "repairs", "{}")
    assert not book.reload() and "orders" in targets
    assert "lines.repairs.shifts.s" in caplog.text


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(FaultyFile, match="cannot be read"):
        RosterStore(tmp_path / "rosters.yaml", None)


def test_without_rosters_only_the_sites_targets_exist():
    assert list(TransferTargets({"person": "PJSIP/1"}, None)) == ["person"]

"""The file for what the database does not take: complete after every write, whatever happens next."""

from __future__ import annotations

import multiprocessing
import os
import signal
import stat
from pathlib import Path

import pytest

from ivr.records.journal.entries import ContactEntry, FlowSourceEntry, JournalEntry
from ivr.records.journal.local_journal import RESERVED_BYTES, LocalJournal, leftovers
from tests.records.journal.test_entries import ALL


def left(folder: Path) -> list[JournalEntry]:
    """Everything that ended processes have left, which is removed."""
    found: list[JournalEntry] = []
    for each in leftovers(folder):
        with each:
            found += each.entries
            each.remove()
    return found


def test_entries_are_found_by_the_next_process_and_then_removed(tmp_path: Path) -> None:
    journal = LocalJournal(tmp_path)
    journal.append(ALL[:4])
    journal.append(ALL[4:])
    assert journal.entries == len(ALL)
    journal.close()
    (file,) = tmp_path.iterdir()
    assert stat.S_IMODE(file.stat().st_mode) == 0o600 and file.stat().st_size < RESERVED_BYTES
    assert left(tmp_path) == list(ALL)
    assert list(tmp_path.iterdir()) == []


def test_a_process_without_entries_leaves_no_file(tmp_path: Path) -> None:
    LocalJournal(tmp_path).close()
    assert list(tmp_path.iterdir()) == []


def test_the_file_of_a_process_that_lives_is_left_alone(tmp_path: Path) -> None:
    journal = LocalJournal(tmp_path)
    journal.append(ALL)
    assert left(tmp_path) == []
    journal.close()
    assert left(tmp_path) == list(ALL)


def _writes_and_dies(folder: Path) -> None:
    LocalJournal(folder).append(ALL)
    os.kill(os.getpid(), signal.SIGKILL)


def test_a_process_that_is_killed_leaves_what_it_wrote(tmp_path: Path) -> None:
    process = multiprocessing.get_context("spawn").Process(target=_writes_and_dies, args=(tmp_path,))
    process.start()
    process.join()
    assert process.exitcode == -signal.SIGKILL
    assert left(tmp_path) == list(ALL)


def test_files_are_read_in_the_order_of_their_processes(tmp_path: Path) -> None:
    for entry in ALL:
        journal = LocalJournal(tmp_path)
        journal.append([entry])
        journal.close()
    assert left(tmp_path) == list(ALL)


@pytest.mark.parametrize(
    "damage", [b"", b"\xff\xfe", b'["TurnEntry", {"call_id": "call-1", "tu', b"[" * 9999, b"\0" * 5000]
)
def test_a_damaged_tail_does_not_hide_the_entries_before_it(
    tmp_path: Path, damage: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    journal = LocalJournal(tmp_path)
    journal.append(ALL)
    journal.close()
    (file,) = tmp_path.iterdir()
    with file.open("ab") as tail:
        tail.write(damage)
    assert left(tmp_path) == list(ALL)
    kept = [path.suffix for path in tmp_path.iterdir()]
    torn = bool(damage.strip(b"\0"))
    assert kept == ([".damaged"] if torn else []) and ("not an entry" in caplog.text) is torn
    assert left(tmp_path) == []


def test_a_damaged_line_in_the_middle_does_not_hide_the_entries_after_it(tmp_path: Path) -> None:
    journal = LocalJournal(tmp_path)
    journal.append(ALL[:1])
    journal.append(ALL[1:])
    journal.close()
    (file,) = tmp_path.iterdir()
    lines = file.read_bytes().splitlines(keepends=True)
    file.write_bytes(b"".join([lines[0], b"nonsense\n", *lines[1:]]))
    assert left(tmp_path) == list(ALL)


def test_a_disk_that_refuses_a_write_is_asked_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    journal, write, full = LocalJournal(tmp_path), os.pwrite, [True]

    def pwrite(descriptor: int, data: bytes, offset: int) -> int:
        if full[0]:
            write(descriptor, data[: len(data) // 2], offset)
            raise OSError(28, "No space left on device")
        return write(descriptor, data, offset)

    monkeypatch.setattr(os, "pwrite", pwrite)
    journal.append(ALL[:2])
    assert journal.entries == 0
    full[0] = False
    journal.append(ALL[2:])
    journal.close()
    assert left(tmp_path) == list(ALL)


def test_a_file_can_be_written_when_the_disk_has_filled_up_meanwhile(tmp_path: Path) -> None:
    """The space is reserved at the start: the blocks are there before anything is written."""
    journal = LocalJournal(tmp_path)
    (file,) = tmp_path.iterdir()
    before = file.stat().st_blocks
    assert before * 512 >= RESERVED_BYTES
    journal.append([ContactEntry("call-1", "zhang", "hotline", ALL[1].at)] * 1000)  # type: ignore[union-attr]
    assert file.stat().st_blocks == before
    journal.close()


def test_the_source_of_a_flow_is_kept_once(tmp_path: Path) -> None:
    journal, source = LocalJournal(tmp_path), FlowSourceEntry("v1", "x" * 1000)
    journal.append([source, ALL[1]])
    journal.append([source, ALL[2]])
    journal.close()
    assert left(tmp_path) == [source, ALL[1], ALL[2]]

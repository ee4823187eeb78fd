"""Reads the rules of complaints from their files, lines.yaml and calendar.yaml. Must not know: what they say."""

from __future__ import annotations

from pathlib import Path

from ivr import calendar
from ivr.calendar import Calendar
from ivr.complaints import lines
from ivr.complaints.intake import Rules
from ivr.errors import Fault, FaultyFile


def load(lines_file: Path, calendar_file: Path) -> Rules:
    """The rules, checked.

    Raises:
        FaultyFile: a file cannot be read, or must not be used; all its faults are in it.
    """
    return Rules(lines.parse(_text(lines_file), str(lines_file)), load_calendar(calendar_file))


def load_calendar(file: Path) -> Calendar:
    """The working days, with the overrides of the file.

    Raises:
        FaultyFile: as `load`.
    """
    return calendar.parse(_text(file), str(file))


def _text(file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise FaultyFile([Fault(str(file), "", f"cannot be read: {error}")]) from error

"""Reads the rules of complaints from their files; a faulty one never replaces a good one.

Must not know: what they say.
"""

from __future__ import annotations

import asyncio
import logging
from pathlib import Path

from ivr import calendar
from ivr.calendar import Calendar
from ivr.complaints.rules import lines
from ivr.complaints.rules.intake import Rules
from ivr.complaints.rules.model import Lines
from ivr.errors import Fault, FaultyFile

log = logging.getLogger(__name__)


def load(lines_file: Path, calendar_file: Path) -> Rules:
    """The rules, checked.

    Raises:
        FaultyFile: a file cannot be read, or must not be used; all its faults are in it.
    """
    return Rules(load_lines(lines_file), load_calendar(calendar_file))


async def reload(rules: Rules, lines_file: Path) -> bool:
    """Judge by the lines file as it is now; keep the old lines, and say why, when it is faulty."""
    try:
        rules.lines = await asyncio.to_thread(load_lines, lines_file)
    except FaultyFile as faulty:
        log.error("the lines stay as they were:\n%s", faulty)
        return False
    return True


def load_lines(file: Path) -> Lines:
    """Who answers complaints, and where they go.

    Raises:
        FaultyFile: as `load`.
    """
    return lines.parse(_text(file), str(file))


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

"""Loads the complaint rules from their files; a faulty file never replaces valid rules.

Must not know: what the rules say.
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
    """Load and validate the rules.

    Raises:
        FaultyFile: a file cannot be read or is invalid; the error lists all faults of the file.
    """
    return Rules(load_lines(lines_file), load_calendar(calendar_file))


async def reload(rules: Rules, lines_file: Path) -> bool:
    """Reload the lines file into `rules`; if it is faulty, keep the current lines, log the faults and return False."""
    try:
        rules.lines = await asyncio.to_thread(load_lines, lines_file)
    except FaultyFile as faulty:
        log.error("the lines file is faulty, so the current lines stay in force:\n%s", faulty)
        return False
    return True


def load_lines(file: Path) -> Lines:
    """Load the lines: who answers complaints, and the routing rules.

    Raises:
        FaultyFile: see `load`.
    """
    return lines.parse(_text(file), str(file))


def load_calendar(file: Path) -> Calendar:
    """Load the calendar of working days with the overrides of the file.

    Raises:
        FaultyFile: see `load`.
    """
    return calendar.parse(_text(file), str(file))


def _text(file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise FaultyFile([Fault(str(file), "", f"cannot be read: {error}")]) from error

"""DTMF commands of agents during a call: `*`, then a digit. Pure. Must not know: who may give which command."""

from __future__ import annotations

from typing import Final

from ivr.agents.transfer_state import CommandName

PREFIX: Final = "*"
COMMANDS: Final[dict[str, CommandName]] = {"1": "return", "2": "conference", "3": "leave"}


class KeyCommands:
    """The command parser for one phone's keypad."""

    def __init__(self) -> None:
        self._last = ""

    def press(self, key: str) -> CommandName | None:
        """Return the command that this key completes, if any."""
        last, self._last = self._last, key
        return COMMANDS.get(key) if last == PREFIX else None

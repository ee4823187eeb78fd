"""What agents press on their phones while they talk: `*`, then what they want. Pure. Must not know: who may want it."""

from __future__ import annotations

from typing import Final

from ivr.agents.transfer_state import CommandName

PREFIX: Final = "*"
COMMANDS: Final[dict[str, CommandName]] = {"1": "return", "2": "conference", "3": "leave"}


class KeyCommands:
    """One phone's."""

    def __init__(self) -> None:
        self._last = ""

    def press(self, key: str) -> CommandName | None:
        """What is wanted with this key, if anything."""
        last, self._last = self._last, key
        return COMMANDS.get(key) if last == PREFIX else None

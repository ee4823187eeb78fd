"""The project's exceptions; each message says where and why."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


class HuifangError(Exception):
    """Base class of the project's own errors."""


@dataclass(frozen=True, slots=True, order=True)
class Fault:
    """One fault in a file: `line` (from 1; 0 if unknown) and `path` (`survey.charged.answer.yes`) locate it.

    `reason` explains it in a sentence.
    """

    file: str
    path: str
    reason: str
    line: int = 0

    def __str__(self) -> str:
        place = f"{self.file}:{self.line}" if self.line else self.file
        return f"{place}: {self.path}: {self.reason}" if self.path else f"{place}: {self.reason}"


class FaultyFile(HuifangError):
    """An unusable file, with all its faults."""

    def __init__(self, faults: Sequence[Fault]) -> None:
        super().__init__("\n".join(map(str, faults)))
        self.faults = tuple(faults)


class IllegalMove(HuifangError):
    """A transition that the current state does not allow; nothing was changed."""


class StaleTurn(HuifangError):
    """Another node, or a retry, has already saved this turn of the call."""

"""The project's errors: each says where and why."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


class HuifangError(Exception):
    """Base of all errors that are the project's own."""


@dataclass(frozen=True, slots=True, order=True)
class Fault:
    """One fault of a file: `path` leads to it (`survey.charged.answers.yes`), `reason` says why in a sentence."""

    file: str
    path: str
    reason: str

    def __str__(self) -> str:
        return f"{self.file}: {self.path}: {self.reason}" if self.path else f"{self.file}: {self.reason}"


class FaultyFile(HuifangError):
    """A file that must not be used, with everything that is wrong with it."""

    def __init__(self, faults: Sequence[Fault]) -> None:
        super().__init__("\n".join(map(str, faults)))
        self.faults = tuple(faults)


class IllegalMove(HuifangError):
    """A move that the present state does not allow; nothing was changed."""


class StaleTurn(HuifangError):
    """Another node, or a retry, has already saved this turn of the call."""

"""Paths in a flows file as authors read them: `survey.charged.answer.yes`. Must not know: what is at a path."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

LAYERS: Final = frozenset({"flows", "nodes", "values"})
"""Keys that paths leave out: the flows of a file, the nodes of a flow, the values of a choice."""


def format_path(steps: Sequence[str | int]) -> str:
    """Return the path of a part; list items count from 1."""
    kept = (step for depth, step in enumerate(steps) if not _omitted(steps, depth))
    return ".".join(str(step + 1) if isinstance(step, int) else step for step in kept)


def _omitted(steps: Sequence[str | int], depth: int) -> bool:
    match steps[: depth + 1]:
        case ["flows", *inner] if depth == 2:
            return inner[-1] == "nodes"
        case ["flows"]:
            return True
        case [*_, "answer", "values"]:
            return depth + 1 < len(steps)
    return False

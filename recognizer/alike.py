"""Answers easily confused over the telephone. Must not know: decoders, confidence, which question was asked."""

from __future__ import annotations

from typing import Final

_PAIRS: Final = frozenset(map(frozenset, ("二八", "六九", "一七", "四十")))
"""Words that differ only in tone or a sibilant, which the telephone band removes."""


def alike(one: str, other: str) -> bool:
    """Return whether two answers differ in exactly one word, and the words are a confusable pair (“八分”, “二分”)."""
    if len(one) != len(other):
        return False
    different = [frozenset(pair) for pair in zip(one, other, strict=True) if pair[0] != pair[1]]
    return len(different) == 1 and different[0] in _PAIRS

"""Answers that a telephone makes sound alike. Must not know: decoders, confidence, which question was asked."""

from __future__ import annotations

from typing import Final

_PAIRS: Final = frozenset(map(frozenset, ("二八", "六九", "一七", "四十")))
"""Words that keep only their tone or a hiss apart, which a telephone takes away."""


def alike(one: str, other: str) -> bool:
    """Whether two answers differ in one word only, and that is one of a pair (“八分”, “二分”)."""
    if len(one) != len(other):
        return False
    different = [frozenset(pair) for pair in zip(one, other, strict=True) if pair[0] != pair[1]]
    return len(different) == 1 and different[0] in _PAIRS

"""Suggestions for misspelt names. Must not know: what the names stand for."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches


def suggestion(name: str, known: Iterable[str]) -> str:
    """Return `; did you mean “…”?` with the known name nearest to a misspelt one; empty if none is near."""
    spelt = {each.casefold(): each for each in sorted(known)}
    near = get_close_matches(name.casefold(), spelt, n=1)
    return f"; did you mean “{spelt[near[0]]}”?" if near else ""

"""What is wrong with what a client sent. Must not know: what was asked for."""

from __future__ import annotations

from pydantic import ValidationError


def faults(invalid: ValidationError) -> list[dict[str, str]]:
    """Every fault with its path, for an answer with status 422."""
    return [{"path": ".".join(map(str, one["loc"])), "reason": one["msg"]} for one in invalid.errors()]

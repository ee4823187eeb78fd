"""The faults of an invalid request. Must not know: what was requested."""

from __future__ import annotations

from pydantic import ValidationError


def faults(invalid: ValidationError) -> list[dict[str, str]]:
    """Return every fault with its path and reason, for a response with status 422."""
    return [
        {"path": ".".join(map(str, one["loc"])), "reason": one["msg"].removeprefix("Value error, ")}
        for one in invalid.errors()
    ]

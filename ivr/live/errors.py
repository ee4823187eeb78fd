"""What can go wrong with the live state, beside ivr.errors.StaleTurn."""

from __future__ import annotations

from ivr.errors import HuifangError


class LiveStateUnavailable(HuifangError):
    """Redis cannot be started, or does not answer, or refuses."""

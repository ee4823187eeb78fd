"""The errors of the live state, besides ivr.errors.StaleTurn."""

from __future__ import annotations

from ivr.errors import HuifangError


class LiveStateUnavailable(HuifangError):
    """Redis cannot be started, does not respond, or rejects the command."""

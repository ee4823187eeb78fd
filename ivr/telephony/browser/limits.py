"""Limits imposed on browser phones: sizes, rates, timeouts. Must not know: sockets."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class PhoneLimits:
    """Limits on the server's side of the socket; times are in seconds."""

    first_message_s: float = 10
    """Timeout for the `call` message after the socket opens."""
    silence_s: float = 10
    """Time without any message from the client after which the connection counts as lost."""
    stalled_s: float = 10
    """Time for which the client may leave a message unread before the connection counts as lost."""
    closing_s: float = 2
    """Timeout for the last message and the closing handshake."""
    heartbeat_s: float = 10
    """Interval between pings; the pong must arrive within half of it."""
    messages_per_s: float = 75
    """Sustained message rate: real time is 50 frames a second, plus keys and marks."""
    burst_messages: int = 500
    """Messages that may arrive at once after a network stall: 10 s of frames."""
    unread_events: int = 1500
    """Maximum events queued for a stalled session: 30 s of frames."""
    unplayed_bytes: int = 16_000 * 600
    """Maximum audio queued for a stalled client: 10 minutes."""


class RateAllowance:
    """Token bucket for messages: `burst` at once, `per_s` in the long run."""

    def __init__(self, burst: int, per_s: float, now: float) -> None:
        self._burst, self._per_s = burst, per_s
        self._left, self._at = float(burst), now

    def take(self, now: float) -> bool:
        """Spend one message at `now` (s); return False if none is left."""
        self._left = min(self._burst, self._left + (now - self._at) * self._per_s)
        self._at = now
        if self._left < 1:
            return False
        self._left -= 1
        return True

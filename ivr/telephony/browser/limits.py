"""What a browser phone may ask of the server: sizes, rates, patience. Must not know: sockets."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class PhoneLimits:
    """Times in seconds, on the server's side of the socket."""

    first_message_s: float = 10
    """From the opened socket to the `call` message."""
    silence_s: float = 10
    """Without any message from the client: the call counts as cut."""
    stalled_s: float = 10
    """Without the client taking a message off the socket: the call counts as cut."""
    closing_s: float = 2
    """For the last words and the closing handshake."""
    heartbeat_s: float = 10
    """Between pings; an answer must come within half of it."""
    messages_per_s: float = 75
    """Real time is 50 frames a second, and keys and marks beside them."""
    burst_messages: int = 500
    """What may come at once after a hold-up on the way: 10 s of frames."""
    unread_events: int = 1500
    """Events that wait for a session that does not read them: 30 s of frames."""
    unplayed_bytes: int = 16_000 * 600
    """Audio queued for a client that does not take it: 10 minutes."""


class RateAllowance:
    """Counts messages: `burst` at once, `per_s` in the long run."""

    def __init__(self, burst: int, per_s: float, now: float) -> None:
        self._burst, self._per_s = burst, per_s
        self._left, self._at = float(burst), now

    def take(self, now: float) -> bool:
        """Use one message at `now` (s); False when none is left."""
        self._left = min(self._burst, self._left + (now - self._at) * self._per_s)
        self._at = now
        if self._left < 1:
            return False
        self._left -= 1
        return True

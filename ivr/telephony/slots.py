"""Slots of concurrent calls: each call in progress or being placed takes one. Must not know: any single call."""

from __future__ import annotations

from ivr.errors import HuifangError


class AtCapacity(HuifangError):
    """No slot is free: the call must not be placed or accepted."""


class CallSlots:
    """At most `capacity` slots; set it to 0 to drain: slots already taken are kept until their calls are over."""

    def __init__(self, capacity: int) -> None:
        self.capacity = capacity
        self.taken = 0

    @property
    def full(self) -> bool:
        """Whether no slot is free."""
        return self.taken >= self.capacity

    def take(self) -> CallSlot:
        """Take a slot.

        Raises:
            AtCapacity: none is free.
        """
        if self.full:
            limit = f"it carries {self.taken} of at most {self.capacity} calls" if self.capacity else "it is draining"
            raise AtCapacity(f"the service takes no more calls now: {limit}")
        return CallSlot(self)


class CallSlot:
    """One taken slot."""

    def __init__(self, slots: CallSlots) -> None:
        self._slots: CallSlots | None = slots
        slots.taken += 1

    def release(self, _: object = None) -> None:
        """Release the slot; only the first time counts."""
        if self._slots:
            self._slots.taken -= 1
            self._slots = None

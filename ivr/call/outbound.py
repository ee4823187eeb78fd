"""Outbound calls: dialled, handed to the call manager when a person answers, and recorded either way.

Must not know: networks, why a call is placed, how many attempts preceded it.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Final

from ivr.call.manager import CallManager
from ivr.call.node import ServiceNode
from ivr.flow_store import FlowStore
from ivr.lifecycle import Disposition
from ivr.phone_number import UnreadableNumber, is_withheld
from ivr.records.journal.entries import ClosingEntry
from ivr.telephony.port import Call, CallLeg, Unanswered
from ivr.telephony.slots import CallSlot, CallSlots

Dial = Callable[[Call, CallSlot], Awaitable[CallLeg]]
"""Dials a call on a slot, which it releases once the call is over; raises Unanswered."""

UNANSWERED_DISPOSITIONS: Final = {
    "busy": Disposition.BUSY,
    "no_answer": Disposition.NO_ANSWER,
    "rejected": Disposition.NO_ANSWER,
    "unwanted": Disposition.REFUSED,
    "spam": Disposition.NO_ANSWER,
    "unallocated": Disposition.UNREACHABLE,
    "unreachable": Disposition.UNREACHABLE,
}
"""Disposition of an unanswered call by its hangup cause. Any other cause is a service or network failure."""


class OutboundCaller:
    """Places outbound calls over one network."""

    def __init__(
        self, node: ServiceNode, flow_store: FlowStore, call_manager: CallManager, slots: CallSlots, dial: Dial
    ) -> None:
        self._node, self._flow_store, self._call_manager = node, flow_store, call_manager
        self._slots, self._dial = slots, dial

    async def place(self, call: Call, on_opened: Callable[[], None] = lambda: None) -> None:
        """Place a call and run it to its end; the outcome is in its record. `on_opened` runs once the record exists.

        Raises:
            UnreadableNumber: the number to call is withheld; no record was written.
            AtCapacity: the node carries as many calls as it may; the call was not placed, and has no record.
            RecordsUnavailable: the record could not be opened; the call was not placed.
        """
        if is_withheld(call.called):
            raise UnreadableNumber("a withheld number cannot be called")
        slot = self._slots.take()
        try:
            async with self._call_manager.ringing(call.id):
                await self._place(call, slot, on_opened)
        finally:
            slot.release()

    async def _place(self, call: Call, slot: CallSlot, on_opened: Callable[[], None]) -> None:
        await self._node.records.open_call(call, self._flow_store.current.version, self._node.now())
        on_opened()
        try:
            leg = await self._dial(call, slot)
        except Unanswered as unanswered:
            disposition = UNANSWERED_DISPOSITIONS.get(unanswered.cause, Disposition.FAILED)
            self._node.journal.add(
                call.id,
                ClosingEntry(call.id, disposition, unanswered.cause, "network", self._node.now(), rang=unanswered.rang),
            )
            await self._node.journal.written(call.id)
            return
        if leg.answered_by == "machine":
            await leg.hang_up()
            await self._node.records.close_call(call.id, Disposition.MACHINE, "normal", "us", self._node.now())
            return
        await self._call_manager.answer(leg)

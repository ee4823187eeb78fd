"""Calls that we place: dialled, led when answered, and written down either way.

Must not know: networks, why a call is placed, how often it was tried.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Final

from ivr.call.manager import CallManager
from ivr.call.node import ServiceNode
from ivr.flow_store import FlowStore
from ivr.lifecycle import Disposition
from ivr.telephony.port import Call, CallLeg, Unanswered

Dial = Callable[[Call], Awaitable[CallLeg]]

UNANSWERED_DISPOSITIONS: Final = {
    "busy": Disposition.BUSY,
    "no_answer": Disposition.NO_ANSWER,
    "rejected": Disposition.NO_ANSWER,
    "unreachable": Disposition.UNREACHABLE,
}
"""What a call becomes that was not answered, by its cause; any other cause is a failure of ours or of the network."""


class OutboundCaller:
    """Places calls over one network."""

    def __init__(self, node: ServiceNode, flow_store: FlowStore, call_manager: CallManager, dial: Dial) -> None:
        self._node, self._flow_store, self._call_manager, self._dial = node, flow_store, call_manager, dial

    async def place(self, call: Call, on_opened: Callable[[], None] = lambda: None) -> None:
        """Place a call and lead it to its end; its record tells what became of it. `on_opened`: the record is there.

        Raises:
            RecordsUnavailable: it could not be written down, so it was not placed.
        """
        async with self._call_manager.ringing(call.id):
            await self._node.records.open_call(call, self._flow_store.current.version, self._node.now())
            on_opened()
            try:
                leg = await self._dial(call)
            except Unanswered as unanswered:
                disposition = UNANSWERED_DISPOSITIONS.get(unanswered.cause, Disposition.FAILED)
                await self._node.records.close_call(call.id, disposition, unanswered.cause, "network", self._node.now())
                return
            await self._call_manager.answer(leg, lambda who, text, detail: None)

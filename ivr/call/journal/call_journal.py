"""What is kept of one call: its record in the database, its state in Redis. Must not know: flows' contents, audio."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from datetime import datetime
from functools import partial
from typing import Final

from ivr import actions
from ivr.call.audio.stereo_recorder import StereoRecording
from ivr.call.journal.write_queue import WriteQueue
from ivr.call.node import ServiceNode
from ivr.database.errors import RecordsUnavailable
from ivr.errors import HuifangError
from ivr.events import CallEnded, Event
from ivr.flow.parse import FlowSet
from ivr.flow.state import FlowTurn, dump
from ivr.lifecycle import Disposition
from ivr.telephony.port import Call
from ivr.transcript import TranscriptLine

log = logging.getLogger(__name__)

STORES_S: Final = 6.0
"""A caller waits no longer than this for both stores, whatever patience they have."""


class CallJournal:
    """One call's; what the database does not take at once stays in the ledger."""

    def __init__(self, node: ServiceNode, call: Call) -> None:
        self._node, self._call = node, call
        self._writes = WriteQueue(call.id)

    async def open(self, flow_set: FlowSet, now: datetime) -> None:
        """The call is answered."""
        records = self._node.records
        self._writes.note(partial(records.save_flow_source, flow_set.version, flow_set.source))
        self._writes.note(partial(records.open_call, self._call, flow_set.version, now))
        self._writes.note(partial(records.answer_call, self._call.id, now))
        async with asyncio.timeout(STORES_S):
            await self._writes.settle()

    def note(self, event: Event, turn: FlowTurn, lines: Sequence[TranscriptLine], now: datetime) -> None:
        """A turn has come about; it is in the ledger from here on, even when a store is away."""
        facts = [action for action in turn.actions if isinstance(action, actions.Fact)]
        save = self._node.records.save_turn
        self._writes.note(partial(save, self._call.id, turn.state.turn, event, facts, lines, now))

    async def save(self, turn: FlowTurn) -> None:
        """Keep the turn in both stores at once: while one is away, the other has it."""
        live = self._node.live.save(self._call.id, turn.state.turn, dump(turn), self._node.name)
        async with asyncio.timeout(STORES_S):
            for fault in await asyncio.gather(self._writes.settle(), live, return_exceptions=True):
                if fault:
                    raise fault

    async def close(
        self, ended: CallEnded, disposition: Disposition, audio: tuple[StereoRecording, int] | None
    ) -> None:
        """The call is over. `audio` is its recording with the ms from the answer of the call to its beginning."""
        records, call_id = self._node.records, self._call.id
        if audio:
            kept, from_ms = audio
            recording = (str(kept.path), "wav", kept.seconds, from_ms, kept.sha256)
            self._writes.note(partial(records.add_recording, call_id, *recording))
        self._writes.note(partial(records.close_call, call_id, disposition, ended.cause, ended.by, self._node.now()))
        try:
            await self._writes.settle()
        except RecordsUnavailable as away:
            log.warning("call %s: its record is written later: %s", call_id, away)
        except Exception:
            log.exception("call %s: an entry cannot be written down", call_id)

    async def finish(self) -> None:
        """Return when all is written down, however long the database is away; the live state is let go of."""
        await self._writes.settle_at_last()
        try:
            await self._node.live.drop(self._call.id)
        except HuifangError as away:
            log.warning("call %s: its live state is left to the sweep: %s", self._call.id, away)

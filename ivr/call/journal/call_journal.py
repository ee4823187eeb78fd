"""Persistence of one call: its record in the database, its state in Redis. Must not know: flows' contents, audio."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from datetime import datetime
from functools import partial
from typing import Final

from ivr import actions
from ivr.call.journal.write_queue import WriteQueue
from ivr.call.node import ServiceNode
from ivr.database.errors import RecordsUnavailable
from ivr.errors import HuifangError
from ivr.events import CallEnded, Event
from ivr.flow.parse import FlowSet
from ivr.flow.state import FlowTurn, dump
from ivr.lifecycle import Disposition
from ivr.recordings.store import StoredRecording
from ivr.telephony.port import Call
from ivr.transcript import TranscriptLine

log = logging.getLogger(__name__)

SAVE_TIMEOUT_S: Final = 6.0
"""Maximum time a caller waits for both stores, whatever the stores' own timeouts."""


class CallJournal:
    """Journal of one call; writes that the database does not accept at once stay in the write queue."""

    def __init__(self, node: ServiceNode, call: Call) -> None:
        self._node, self._call = node, call
        self._writes = WriteQueue(call.id)

    async def open(self, flow_set: FlowSet, now: datetime) -> None:
        """Record that the call is answered, with its flow version."""
        records = self._node.records
        self._writes.add(partial(records.save_flow_source, flow_set.version, flow_set.source))
        self._writes.add(partial(records.open_call, self._call, flow_set.version, now))
        self._writes.add(partial(records.answer_call, self._call.id, now, self._call.external_id))
        async with asyncio.timeout(SAVE_TIMEOUT_S):
            await self._writes.flush()

    def add_turn(self, event: Event, turn: FlowTurn, lines: Sequence[TranscriptLine], now: datetime) -> None:
        """Queue a turn for writing; the queue keeps it even if the database is unavailable."""
        facts = [action for action in turn.actions if isinstance(action, actions.Fact)]
        save = self._node.records.save_turn
        self._writes.add(partial(save, self._call.id, turn.state.turn, event, facts, lines, now))

    async def save(self, turn: FlowTurn) -> None:
        """Save the turn in both stores concurrently, so that one has it if the other is unavailable.

        Raises:
            TimeoutError: the stores took longer than SAVE_TIMEOUT_S.
            Exception: the first failure of a store.
        """
        live = self._node.live.save(self._call.id, turn.state.turn, dump(turn), self._node.name)
        async with asyncio.timeout(SAVE_TIMEOUT_S):
            for fault in await asyncio.gather(self._writes.flush(), live, return_exceptions=True):
                if fault:
                    raise fault

    async def close(
        self, ended: CallEnded, disposition: Disposition, audio: tuple[StoredRecording, int] | None
    ) -> None:
        """Record the end of the call. `audio` is its recording and the recording's offset from the answer (ms)."""
        records, call_id = self._node.records, self._call.id
        if audio:
            file, from_ms = audio
            recording = (file.url, "wav", file.seconds, from_ms, file.sha256)
            self._writes.add(partial(records.add_recording, call_id, *recording))
        self._writes.add(partial(records.close_call, call_id, disposition, ended.cause, ended.by, self._node.now()))
        try:
            await self._writes.flush()
        except RecordsUnavailable as error:
            log.warning("call %s: record not yet complete, will retry: %s", call_id, error)
        except Exception:
            log.exception("call %s: a journal write failed", call_id)

    async def finish(self) -> None:
        """Wait until everything is written, however long the database is unavailable, then drop the live state."""
        await self._writes.flush_with_retries()
        try:
            await self._node.live.drop(self._call.id)
        except HuifangError as error:
            log.warning("call %s: live state left for the next sweep: %s", self._call.id, error)

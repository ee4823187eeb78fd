"""Persistence of one call: its record in the database, its state in Redis. Must not know: flows' contents, audio."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from datetime import datetime
from typing import Final

from ivr import actions
from ivr.call.journal import live_state
from ivr.call.journal.live_state import LiveState
from ivr.call.node import ServiceNode
from ivr.errors import HuifangError, StaleTurn
from ivr.events import CallEnded, Event
from ivr.flow.parse import FlowSet
from ivr.flow.state import FlowTurn
from ivr.lifecycle import Disposition
from ivr.recordings.store import StoredRecording
from ivr.records.journal import entries
from ivr.telephony.port import Call
from ivr.transcript import TranscriptLine

log = logging.getLogger(__name__)

SAVE_TIMEOUT_S: Final = 6.0
"""Maximum time a caller waits for a store to take a turn, whatever the stores' own timeouts."""
SECOND_STORE_S: Final = 1.0
"""Maximum time a caller waits for the other store once one has taken the turn."""


class NoStoreAvailable(HuifangError):
    """Neither the database nor Redis has taken a turn in time."""


class CallJournal:
    """Journal of one call. Its entries wait in the journal of the records until the database takes them.

    Until then Redis holds them too, with the state of the call, so that another node can write them and go on with the
    call if this one dies.
    """

    def __init__(self, node: ServiceNode, call: Call) -> None:
        self._node, self._call = node, call
        self._saved_turn = 0
        self._state: LiveState | None = None
        self._answered_at: datetime | None = None
        self._consent_at: datetime | None = None

    def open(self, flow_set: FlowSet, now: datetime) -> None:
        """Record that the call is answered, with its flow version."""
        self._add(entries.FlowSourceEntry(flow_set.version, flow_set.source))
        self._add(entries.OpeningEntry(self._call, flow_set.version, now))
        self._add(entries.PickUpEntry(self._call.id, now, self._call.external_id))
        self._answered_at = now

    def resume(self, state: LiveState) -> None:
        """Go on with the journal of a call that another node has led up to `state`."""
        self._answered_at, self._consent_at, self._state = state.answered_at, state.consent_at, state

    def add_turn(self, event: Event, turn: FlowTurn, lines: Sequence[TranscriptLine], now: datetime) -> None:
        """Add a turn; the journal keeps it even if the database is unavailable."""
        facts = tuple(action for action in turn.actions if isinstance(action, actions.Fact))
        self._add(entries.TurnEntry(self._call.id, turn.state.turn, event, facts, tuple(lines), now))
        if actions.StartRecording() in facts:
            self._consent_at = self._consent_at or now
        if self._answered_at:
            self._state = LiveState(self._call, self._answered_at, self._consent_at, turn.state)

    async def save(self, turn: int) -> None:
        """Save everything up to this turn in both stores; one is enough if the other is unavailable.

        Raises:
            NoStoreAvailable: neither has it after SAVE_TIMEOUT_S; the journal goes on trying.
            StaleTurn: another node runs the call.
        """
        self._saved_turn = turn
        stores = {
            asyncio.create_task(self._node.journal.written(self._call.id), name="database"),
            asyncio.create_task(self._save_live(turn), name="Redis"),
        }
        try:
            await self._wait_for(stores)
        finally:
            for store in stores:
                store.cancel()
            await asyncio.gather(*stores, return_exceptions=True)

    async def written(self) -> None:
        """Wait until the database has everything so far, at most for SAVE_TIMEOUT_S.

        Raises:
            TimeoutError: it has not.
        """
        async with asyncio.timeout(SAVE_TIMEOUT_S):
            await self._node.journal.written(self._call.id)

    async def close(
        self, ended: CallEnded, disposition: Disposition, audio: tuple[StoredRecording, int] | None
    ) -> None:
        """Record the end of the call. `audio` is its recording and the recording's offset from the answer (ms)."""
        self._add_recording(audio)
        self._add(entries.ClosingEntry(self._call.id, disposition, ended.cause, ended.by, self._node.now()))
        try:
            await self.save(self._saved_turn + 1)
        except HuifangError as error:
            log.warning("call %s: record not yet complete: %s", self._call.id, error)

    async def taken_over(self) -> bool:
        """Return whether another node goes on with the call, as far as Redis knows."""
        try:
            return await self._node.live.taken_by(self._call.id) not in ("", self._node.name)
        except HuifangError:
            return False

    def release(self, audio: tuple[StoredRecording, int] | None) -> None:
        """Record this node's part of a call with which another node goes on; see `close`."""
        self._add_recording(audio)

    async def finish(self, *, released: bool) -> None:
        """Wait until everything is written, however long the database is unavailable, then drop the live state.

        The state of a `released` call is kept.
        """
        await self._node.journal.written(self._call.id)
        if released:
            return
        try:
            await self._node.live.drop(self._call.id)
        except HuifangError as error:
            log.warning("call %s: live state left for the next sweep: %s", self._call.id, error)

    def _add_recording(self, audio: tuple[StoredRecording, int] | None) -> None:
        if audio:
            file, from_ms = audio
            self._add(entries.RecordingEntry(self._call.id, file.url, "wav", file.seconds, from_ms, file.sha256))

    def _add(self, entry: entries.JournalEntry) -> None:
        self._node.journal.add(self._call.id, entry)

    async def _save_live(self, turn: int) -> None:
        pending = entries.dump_all(self._node.journal.pending(self._call.id))
        state = live_state.dump(self._state) if self._state else b""
        await self._node.live.save(self._call.id, turn, pending, self._node.name, state)

    async def _wait_for(self, stores: set[asyncio.Task[None]]) -> None:
        """Wait until both stores are done, or one has succeeded and the other has had SECOND_STORE_S more."""
        clock = asyncio.get_running_loop().time
        until, waiting, saved = clock() + SAVE_TIMEOUT_S, set(stores), False
        while waiting and clock() < until:
            done, waiting = await asyncio.wait(waiting, timeout=until - clock(), return_when=asyncio.FIRST_COMPLETED)
            for store in done:
                fault = store.exception()
                if isinstance(fault, StaleTurn):
                    raise fault
                if fault:
                    unexpected = None if isinstance(fault, HuifangError) else fault
                    name = store.get_name()
                    log.warning("call %s: not saved in %s: %s", self._call.id, name, fault, exc_info=unexpected)
                else:
                    saved, until = True, min(until, clock() + SECOND_STORE_S)
        if not saved:
            raise NoStoreAvailable("neither the database nor Redis is available")
        for store in waiting:
            log.warning("call %s: %s has not taken the turn yet; the call goes on", self._call.id, store.get_name())

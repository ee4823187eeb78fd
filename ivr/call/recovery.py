"""Recovery of orphaned calls: saved answers are kept, the flow processes the end of the call, the record is closed.

An orphaned call is closed, not resumed: its media ended with the node that owned it. Resuming would need a network
that can attach another node to a live call, and none of the supported networks offers that for the caller's leg.

Must not know: why a node died.
"""

from __future__ import annotations

import asyncio
import hashlib
import logging
import wave
from collections.abc import Collection
from pathlib import Path
from typing import Final

from ivr.actions import Fact
from ivr.call.node import ServiceNode
from ivr.database.errors import RecordsUnavailable, UnknownCall
from ivr.events import CallEnded
from ivr.flow import engine
from ivr.flow.parse import FlowSet, parse
from ivr.flow.state import FlowState
from ivr.lifecycle import Disposition
from ivr.live.errors import LiveStateUnavailable
from ivr.records.journal import entries
from ivr.records.record import CallRecord, CallSummary

log = logging.getLogger(__name__)

LEASE_MS: Final = 15_000
"""Lease duration. A call whose lease was not renewed for this long is orphaned."""
NODE_LOST: Final = CallEnded("us", "failed")
"""The event that ends an orphaned call."""


async def sweep(node: ServiceNode, owned: Collection[str]) -> int:
    """Close all calls that no node owns, and return their number. `owned` holds the ids of this node's calls.

    The node that obtains a call's lease closes it, so several nodes may sweep at the same time.

    Raises:
        RecordsUnavailable, LiveStateUnavailable: a store is unreachable; the next sweep finds the remaining calls.
    """
    open_calls = {call.id: call for call in await node.records.open_calls()}
    closed = 0
    for call_id in sorted({*open_calls, *await node.live.orphans()} - set(owned)):
        if call_id in owned or not await node.live.claim(call_id, node.name, LEASE_MS):
            continue
        try:
            closed += await _close(node, call_id)
        except (RecordsUnavailable, LiveStateUnavailable):
            raise
        except Exception:
            log.exception("call %s: the orphaned call could not be closed", call_id)
        else:
            await node.live.drop(call_id)
    return closed


async def _close(node: ServiceNode, call_id: str) -> bool:
    """Close a call; return False if it is already closed or was never opened."""
    await _write_pending(node, call_id)
    try:
        record = await node.records.call(call_id, "management")
    except UnknownCall:
        return False
    if record.call.ended_at:
        return False
    disposition = Disposition.FAILED
    try:
        disposition = await _end_flow(node, record)
        await _index_recording(node, record.call)
    except (RecordsUnavailable, LiveStateUnavailable):
        raise
    except Exception:
        log.exception("call %s: the flow could not process the end of the call", call_id)
    await node.records.close_call(call_id, disposition, NODE_LOST.cause, NODE_LOST.by, node.now())
    log.warning("call %s: orphaned by its node; closed with disposition %s", call_id, disposition)
    return True


async def _write_pending(node: ServiceNode, call_id: str) -> None:
    """Write what the lost node had saved in Redis but perhaps not in the database."""
    if (live := await node.live.load(call_id)) is None:
        return
    try:
        pending = entries.load_all(live[1])
    except ValueError:
        node.live.damaged.skip("live calls", call_id, live[1], "not entries of a journal")
        return
    for entry in pending:
        await node.journal.write(entry)


async def _end_flow(node: ServiceNode, record: CallRecord) -> Disposition:
    """Run the flow to its end from the last recorded turn."""
    call = record.call
    source = await node.records.flow_source(call.flow_version)
    if source is None:
        return Disposition.FAILED
    flow_set = parse(source, call.flow_version)
    state = _replay(flow_set, record)
    last = engine.step(flow_set.flows, state, NODE_LOST, node.now())
    if last.state is not state:
        facts = [action for action in last.actions if isinstance(action, Fact)]
        await node.records.save_turn(call.id, last.state.turn, NODE_LOST, facts, (), node.now())
    return last.state.disposition or Disposition.FAILED


def _replay(flow_set: FlowSet, record: CallRecord) -> FlowState:
    """Replay the recorded events and return the resulting state.

    A recorded turn that its event does not reproduce was an apology for a fault.
    """
    call = record.call
    state = engine.begin(flow_set.flows, flow_set.version, call.flow, call.language, speech=True)
    for turn in record.turns:
        try:
            reached = engine.step(flow_set.flows, state, turn.event, turn.at).state
        except engine.EngineFault:
            reached = state
        state = reached if reached.turn == turn.turn else engine.fail(flow_set.flows, state, turn.at, turn.event).state
    return state


async def _index_recording(node: ServiceNode, call: CallSummary) -> None:
    """Add the recording left by the lost node to the records, if the file is on this machine."""
    if not call.consent_at or not call.answered_at:
        return
    path = node.recording_path(call.id, call.consent_at)
    measured = await asyncio.to_thread(_measure, path)
    if measured:
        offset_ms = int((call.consent_at - call.answered_at).total_seconds() * 1000)
        await node.records.add_recording(call.id, str(path), "wav", measured[0], offset_ms, measured[1])


def _measure(path: Path) -> tuple[float, str] | None:
    """Return a recording's length in seconds and its SHA-256, or None if there is no playable file."""
    try:
        with path.open("rb") as file, wave.open(file) as sound:
            seconds = sound.getnframes() / sound.getframerate()
            file.seek(0)
            return seconds, hashlib.file_digest(file, "sha256").hexdigest()
    except (OSError, EOFError, wave.Error):
        return None

"""Recovery of orphaned calls: saved answers are kept, the flow processes the end of the call, the record is closed.

No node has gone on with an orphaned call (ivr/call/resumption.py): its caller has hung up, or is with a person.

Must not know: why a node died.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Final

from ivr.actions import Fact
from ivr.call.flow_versions import FlowVersions
from ivr.call.node import ServiceNode
from ivr.database.errors import RecordsUnavailable, UnknownCall
from ivr.errors import IllegalMove
from ivr.events import CallEnded
from ivr.flow import engine
from ivr.flow.parse import FlowSet
from ivr.flow.state import FlowState
from ivr.lifecycle import Disposition
from ivr.live.errors import LiveStateUnavailable
from ivr.records.journal import entries
from ivr.records.journal.entries import JournalEntry
from ivr.records.record import CallRecord

log = logging.getLogger(__name__)

LEASE_MS: Final = 15_000
"""Lease duration. A call whose lease was not renewed for this long is orphaned."""
NODE_LOST: Final = CallEnded("us", "failed")
"""The event that ends an orphaned call."""
PARTY_GONE: Final = CallEnded("caller", "normal")
"""The event that ends a call whose party has hung up before another node could go on with it."""


async def sweep(node: ServiceNode, flow_versions: FlowVersions, owns: Callable[[str], bool]) -> int:
    """Close all calls that no node holds, and return their number. Several nodes may sweep at the same time.

    `owns` returns whether a call is this node's at that moment: calls may begin during the sweep.

    Raises:
        RecordsUnavailable, LiveStateUnavailable: a store is unreachable; the next sweep finds the remaining calls.
    """
    closed = 0
    for call_id in sorted(await node.live.orphans(await node.records.open_calls())):
        if owns(call_id) or not await node.live.claim(call_id, node.name, LEASE_MS):
            continue
        try:
            closed += await close(node, flow_versions, call_id, NODE_LOST)
        except (RecordsUnavailable, LiveStateUnavailable):
            raise
        except IllegalMove:
            log.info("call %s: closed by its own node in the meantime", call_id)
        except Exception:
            log.exception("call %s: the orphaned call could not be closed", call_id)
            continue
        await node.live.drop(call_id)
    return closed


async def close(node: ServiceNode, flow_versions: FlowVersions, call_id: str, ended: CallEnded) -> bool:
    """Close a call that has lost its node; return False if it is already closed or was never opened.

    Raises:
        IllegalMove: another node closes it at the same time.
    """
    await _write_pending(node, call_id)
    try:
        record = await node.records.call(call_id, "management")
    except UnknownCall:
        return False
    if record.call.ended_at:
        return False
    disposition = Disposition.FAILED
    try:
        disposition = await _end_flow(node, flow_versions, record, ended)
    except (RecordsUnavailable, LiveStateUnavailable, IllegalMove):
        raise
    except Exception:
        log.exception("call %s: the flow could not process the end of the call", call_id)
    await node.records.close_call(call_id, disposition, ended.cause, ended.by, node.now())
    log.warning("call %s: orphaned by its node; closed with disposition %s", call_id, disposition)
    node.recordings.look_for(call_id)
    return True


async def _write_pending(node: ServiceNode, call_id: str) -> None:
    """Write what the lost node had saved in Redis but perhaps not in the database."""
    if (live := await node.live.load(call_id)) is None:
        return
    for entry in read_pending(node, call_id, live[1]):
        await node.journal.write(entry)


def read_pending(node: ServiceNode, call_id: str, payload: bytes) -> list[JournalEntry]:
    """Return the entries that a lost node had saved in Redis; none if they are damaged."""
    try:
        return entries.load_all(payload)
    except ValueError:
        node.live.damaged.skip("live calls", call_id, payload, "not entries of a journal")
        return []


async def _end_flow(
    node: ServiceNode, flow_versions: FlowVersions, record: CallRecord, ended: CallEnded
) -> Disposition:
    """Run the flow to its end from the last recorded turn."""
    call = record.call
    flow_set = await flow_versions.get(call.flow_version)
    if flow_set is None:
        return Disposition.FAILED
    state = replay(flow_set, record)
    last = engine.step(flow_set.flows, state, ended, node.now())
    if last.state is not state:
        facts = [action for action in last.actions if isinstance(action, Fact)]
        await node.records.save_turn(call.id, last.state.turn, ended, facts, (), node.now())
    return last.state.disposition or Disposition.FAILED


def replay(flow_set: FlowSet, record: CallRecord) -> FlowState:
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

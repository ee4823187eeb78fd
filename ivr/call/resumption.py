"""Going on with a call that another node has led: takes the call over, and finds out where it was.

Redis has the state after the last turn; without it, the recorded turns are replayed. Must not know: networks, media.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import Final

from ivr.call.flow_versions import FlowVersions
from ivr.call.journal import live_state
from ivr.call.journal.live_state import LiveState
from ivr.call.node import ServiceNode
from ivr.call.recovery import LEASE_MS, read_pending, replay
from ivr.database.errors import UnknownCall
from ivr.errors import HuifangError
from ivr.flow.parse import FlowSet
from ivr.live.calls import SavedCall
from ivr.live.errors import LiveStateUnavailable
from ivr.records.record import CallRecord
from ivr.telephony.port import Call, NeverBegun, NotResumable

log = logging.getLogger(__name__)

UNKNOWN: Final = SavedCall(b"", b"")


@dataclass(frozen=True, slots=True)
class TakenCall:
    """A call that this node now leads, the flows it goes by, and where it was; None if nothing has been said yet."""

    call: Call
    flow_set: FlowSet
    state: LiveState | None


async def take_over(node: ServiceNode, flow_versions: FlowVersions, current: FlowSet, call_id: str) -> TakenCall:
    """Take a call over from the node that has led it, together with what that node had not yet written.

    Raises:
        NeverBegun: no store knows of the call.
        NotResumable: the call has ended, another node leads or closes it, or its state cannot be read now.
    """
    try:
        saved = await node.live.take_over(call_id, node.name, LEASE_MS)
    except LiveStateUnavailable as away:
        log.warning("call %s: taken over without Redis: %s", call_id, away)
        saved = UNKNOWN
    if saved is None:
        raise NotResumable("another node leads or closes it")
    for entry in read_pending(node, call_id, saved.payload):
        node.journal.add(call_id, entry)
    try:
        state = _read(node, call_id, saved.state)
        if state is not None:
            return TakenCall(state.call, await _flows(flow_versions, current, state.flow.version), state)
        record = await node.records.call(call_id, "management")
        flow_set = await _flows(flow_versions, current, record.call.flow_version)
    except UnknownCall as unknown:
        raise NeverBegun("it was never opened") from unknown
    except HuifangError as fault:
        raise NotResumable(str(fault)) from fault
    return _recorded(flow_set, record)


def _read(node: ServiceNode, call_id: str, data: bytes) -> LiveState | None:
    if not data:
        return None
    try:
        return live_state.load(data)
    except ValueError:
        node.live.damaged.skip("live calls", call_id, data, "not the state of a call")
        return None


async def _flows(flow_versions: FlowVersions, current: FlowSet, version: str) -> FlowSet:
    if version == current.version:
        return current
    flow_set = await flow_versions.get(version)
    if flow_set is None:
        raise NotResumable(f"version {version} of the flows cannot be read")
    return flow_set


def _recorded(flow_set: FlowSet, record: CallRecord) -> TakenCall:
    summary = record.call
    if summary.ended_at:
        raise NotResumable("it has ended")
    call = Call(
        summary.id,
        summary.network,
        summary.direction,
        summary.caller,
        summary.called,
        summary.flow,
        summary.language,
        summary.variables,
        external_id=summary.external_id,
    )
    if summary.answered_at is None or not record.turns:
        return TakenCall(call, flow_set, None)
    state = LiveState(call, summary.answered_at, summary.consent_at, replay(flow_set, record))
    return TakenCall(call, flow_set, state)

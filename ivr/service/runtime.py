"""The running service: answers calls, runs the background workers, drains and reloads.

Must not know: HTTP, signals, the command line, how its parts are opened.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

from ivr.agents.agent_services import AgentServices
from ivr.call.manager import CallManager
from ivr.call.node import ServiceNode
from ivr.call.outbound import OutboundCaller
from ivr.callbacks.dialer import CallbackDialer
from ivr.callbacks.scheduler import CallbackScheduler
from ivr.complaints.rulebook import reload as reload_lines
from ivr.complaints.rules.case import ReaderRole
from ivr.complaints.rules.intake import Rules
from ivr.complaints.sla_worker import SlaWorker
from ivr.console.health import ServiceHealth
from ivr.errors import HuifangError
from ivr.flow_store import FlowStore
from ivr.live.feed_reader import FeedReader
from ivr.service.supervisor import Supervisor, Worker
from ivr.telephony.port import CallLeg, Network, ResumedCall

log = logging.getLogger(__name__)


class Service:
    """One node. `lines` is the file that `rules` are read from; `readers` read the event feeds, by whom they are for.

    `networks` are the attached networks by name; callbacks go over the first that places calls. `agents` is None
    without rosters.
    """

    def __init__(
        self,
        node: ServiceNode,
        flow_store: FlowStore,
        rules: Rules,
        lines: Path,
        readers: Mapping[ReaderRole, FeedReader],
        agents: AgentServices | None,
    ) -> None:
        self.node, self.flow_store, self.rules, self.readers = node, flow_store, rules, readers
        self._lines = lines
        self.call_manager = CallManager(node, flow_store, self._carried)
        self.networks: dict[str, Network] = {}
        self.agents = agents
        self._supervisor = Supervisor()
        self._sla = SlaWorker(node.records.database, rules)
        self._callbacks: CallbackDialer | None = None
        self._reloading = asyncio.Lock()

    @property
    def trouble(self) -> str:
        """Why the service takes no calls now; empty when it does."""
        callbacks = self._callbacks.trouble if self._callbacks else ""
        recordings = self.node.recordings.trouble
        return "; ".join(filter(None, (self._call_trouble, self._sla.trouble, callbacks, recordings)))

    @property
    def _call_trouble(self) -> str:
        """Why no call can be led or placed now; empty when calls can."""
        networks = (network.state.trouble for network in self.networks.values())
        return "; ".join(filter(None, (self.call_manager.trouble, self._supervisor.trouble, *networks)))

    @property
    def health(self) -> ServiceHealth:
        """The health of the service, for its supervisor."""
        journal = self.node.journal
        return ServiceHealth(
            trouble=self.trouble,
            restarts=self._supervisor.restarts,
            skipped=self.node.live.damaged.count,
            refused=journal.kept_locally,
            backlog=journal.backlog,
        )

    def attach(self, network: Network) -> None:
        """Attach a network; to be called before `run`."""
        self.networks[network.name] = network

    async def answer(self, leg: CallLeg) -> None:
        """Lead an inbound call to its end."""
        await self.call_manager.answer(leg)

    async def resume(self, call: ResumedCall) -> None:
        """Go on with a call that another node has led; see CallManager.resume."""
        await self.call_manager.resume(call)

    async def _carried(self) -> frozenset[str]:
        """Return the calls whose party is still connected with somebody; none of a network that does not answer."""
        carried = frozenset[str]()
        for network in self.networks.values():
            with suppress(HuifangError):
                carried |= await network.carried()
        return carried

    async def run(self) -> None:
        """Run the background workers until cancelled.

        Raises:
            WorkerFailed: a worker keeps failing; the process should end.
        """
        if year := self.rules.calendar.unknown_year(self.node.now().date()):
            log.warning("no holiday notice for %d yet: weekdays and calendar.yaml apply", year)
        await self._supervisor.run(self._workers())

    def _workers(self) -> dict[str, Worker]:
        sla, staff, management = self._sla, self.readers["staff"], self.readers["management"]
        workers: dict[str, Worker] = {
            "leases": self.call_manager.run,
            "recordings": self.node.recordings.run,
            "deadlines": lambda: sla.run(staff.feed, management.feed, self.node.now),
            "feed": staff.run,
            "management feed": management.run,
        }
        workers |= {name: network.run for name, network in self.networks.items()}
        if dialling := next((each for each in self.networks.values() if each.places_calls), None):
            self._callbacks = self._callback_dialer(dialling)
            workers["callbacks"] = self._callbacks.run
        if agents := self.agents:
            workers["agents"] = lambda: agents.run(self._reachable_phones)
        return workers

    @property
    def outbound(self) -> dict[str, OutboundCaller]:
        """Return what places calls, by network."""
        return {
            name: OutboundCaller(self.node, self.flow_store, self.call_manager, network.slots, network.dial)
            for name, network in self.networks.items()
            if network.places_calls
        }

    def _callback_dialer(self, network: Network) -> CallbackDialer:
        async def ready() -> bool:
            return not self._call_trouble and not network.slots.full and await network.free_lines() != 0

        scheduler = CallbackScheduler(self.node.records.database, self.rules, network.known_phones)
        place = self.outbound[network.name].place
        return CallbackDialer(scheduler, network.name, place, self.flow_store, ready, self.node.now)

    async def _reachable_phones(self) -> frozenset[str] | None:
        """Return the phones reachable over any network, None if phones register with none of them."""
        known = [await network.phones() for network in self.networks.values()]
        registered = [phones for phones in known if phones is not None]
        return frozenset[str]().union(*registered) if registered else None

    async def drain(self, within_s: float) -> None:
        """Refuse new calls and end those in progress; see CallManager.drain."""
        for network in self.networks.values():
            network.slots.capacity = 0
        await self.call_manager.drain(within_s)

    async def reload(self) -> None:
        """Reload lines, rosters and flows; a file with faults changes nothing."""
        async with self._reloading:
            try:
                await reload_lines(self.rules, self._lines)
                if self.agents:
                    await asyncio.to_thread(self.agents.roster_store.reload)
                await asyncio.to_thread(self.flow_store.reload)
            except Exception:
                log.exception("the reload failed; earlier versions stay in force")

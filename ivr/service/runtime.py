"""The running service: answers calls, runs the background workers, drains and reloads.

Must not know: HTTP, signals, the command line, how its parts are opened.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping
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
from ivr.flow_store import FlowStore
from ivr.live.feed import EventFeed
from ivr.service.supervisor import Supervisor, Worker
from ivr.telephony.asterisk.adapter import Asterisk
from ivr.telephony.asterisk.call_leg import AsteriskCallLeg
from ivr.telephony.browser.stream import BrowserCallLeg

log = logging.getLogger(__name__)


class Service:
    """One node. `lines` is the file that `rules` are read from; `feeds` are the event feeds by who reads them.

    `asterisk` is None without a site file, `agents` None without rosters.
    """

    def __init__(
        self, node: ServiceNode, flow_store: FlowStore, rules: Rules, lines: Path, feeds: Mapping[ReaderRole, EventFeed]
    ) -> None:
        self.node, self.flow_store, self.rules, self.feeds = node, flow_store, rules, feeds
        self._lines = lines
        self.call_manager = CallManager(node, flow_store)
        self.asterisk: Asterisk | None = None
        self.agents: AgentServices | None = None
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
        attachment = self.asterisk.trouble if self.asterisk else ""
        return "; ".join(filter(None, (self.call_manager.trouble, self._supervisor.trouble, attachment)))

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

    async def answer_browser(self, leg: BrowserCallLeg) -> None:
        """Lead a call from the browser phone to its end."""
        await self.call_manager.answer(leg, leg.show)

    async def answer_telephone(self, leg: AsteriskCallLeg) -> None:
        """Lead a telephone call to its end."""
        await self.call_manager.answer(leg, lambda who, text, detail: None)

    async def run(self) -> None:
        """Run the background workers until cancelled.

        Raises:
            WorkerFailed: a worker keeps failing; the process should end.
        """
        if year := self.rules.calendar.unknown_year(self.node.now().date()):
            log.warning("no holiday notice for %d yet: weekdays and calendar.yaml apply", year)
        await self._supervisor.run(self._workers())

    def _workers(self) -> dict[str, Worker]:
        sla = self._sla
        workers: dict[str, Worker] = {
            "leases": self.call_manager.run,
            "recordings": self.node.recordings.run,
            "deadlines": lambda: sla.run(self.feeds["staff"], self.feeds["management"], self.node.now),
        }
        if asterisk := self.asterisk:
            self._callbacks = self._callback_dialer(asterisk)
            workers |= {"asterisk": asterisk.run, "callbacks": self._callbacks.run}
        if agents := self.agents:
            workers["agents"] = lambda: agents.run(asterisk.phones if asterisk else None)
        return workers

    def outbound(self, asterisk: Asterisk) -> OutboundCaller:
        """Return what places calls through Asterisk."""
        return OutboundCaller(self.node, self.flow_store, self.call_manager, asterisk.slots, asterisk.dial)

    def _callback_dialer(self, asterisk: Asterisk) -> CallbackDialer:
        scheduler = CallbackScheduler(self.node.records.database, self.rules, asterisk.known_phones)
        place = self.outbound(asterisk).place

        def ready() -> bool:
            return not self._call_trouble and not asterisk.slots.full

        return CallbackDialer(scheduler, "asterisk", place, self.flow_store, ready, self.node.now)

    async def drain(self, within_s: float) -> None:
        """Refuse new calls (Asterisk offers them to a person) and end those in progress; see CallManager.drain."""
        if self.asterisk:
            self.asterisk.slots.capacity = 0
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

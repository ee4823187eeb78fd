"""Huifang's command line, and the only place where its parts are put together."""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import socket
from collections.abc import AsyncIterator, Callable, Coroutine, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import datetime
from ipaddress import ip_address
from pathlib import Path
from typing import Annotated, Final, TypeVar

import typer
import uvloop
from aiohttp import web

from ivr.agents.agent_services import AgentServices
from ivr.agents.announcements import Announcements
from ivr.agents.roster_store import RosterStore, TransferTargets
from ivr.call.manager import CallManager
from ivr.call.node import ServiceNode
from ivr.call.outbound import OutboundCaller
from ivr.callbacks.dialer import CallbackDialer
from ivr.callbacks.scheduler import CallbackScheduler
from ivr.cli import agents, calls, complaints, demo, dialplan, flows, lines, models, prompts, speech
from ivr.cli.console import out, refuse, refuse_faults
from ivr.cli.doctor import doctor
from ivr.cli.pbx import private_pbx
from ivr.complaints.case_queries import CaseQueries
from ivr.complaints.case_service import CaseService
from ivr.complaints.rulebook import load as load_rules
from ivr.complaints.rulebook import reload as reload_lines
from ivr.complaints.rules.case import ReaderRole
from ivr.complaints.rules.intake import Rules
from ivr.complaints.sla_worker import SlaWorker
from ivr.console import health
from ivr.console.access import access, load_token
from ivr.console.agents import AgentsApi
from ivr.console.calls import CallsApi
from ivr.console.complaints import CasesApi
from ivr.errors import FaultyFile, HuifangError
from ivr.flow_store import FlowStore
from ivr.live.calls import LiveCalls
from ivr.live.embedded import EmbeddedRedis
from ivr.live.feed import MANAGEMENT, EventFeed
from ivr.privacy import configure_logging
from ivr.prompts.announce import Announcer
from ivr.prompts.library import PromptLibrary
from ivr.records.call_records import CallRecords
from ivr.settings import ROOT, Settings
from ivr.telephony.asterisk.adapter import Asterisk
from ivr.telephony.asterisk.ari import Ari
from ivr.telephony.asterisk.call_leg import AsteriskCallLeg
from ivr.telephony.asterisk.site import load_site as load_site
from ivr.telephony.asterisk.site import own_secrets
from ivr.telephony.browser.server import FlowChoice, routes
from ivr.telephony.browser.stream import BrowserCallLeg
from ivr.turntaking.timing import Timing
from recognizer.endpoint import VoiceActivity
from recognizer.router import RecognizerRouter
from recognizer.vosk import SHIPPED

log = logging.getLogger("service")

T = TypeVar("T")

DRAIN_S: Final = 180.0
"""Calls going on at SIGTERM may last so long still: more than a survey. Supervisors must wait a little longer."""
CLOSING_S: Final = 5.0

app = typer.Typer(no_args_is_help=True, pretty_exceptions_enable=False, help="Huifang: the telephone callback survey.")
app.add_typer(flows.app, name="flows")
app.add_typer(calls.app, name="calls")
app.add_typer(complaints.app, name="complaints")
app.add_typer(lines.app, name="lines")
app.add_typer(agents.app, name="agents")
app.add_typer(prompts.app, name="prompts")
app.add_typer(models.app, name="models")
app.add_typer(speech.app, name="speech")
app.add_typer(dialplan.app, name="dialplan")
app.command()(doctor)


@asynccontextmanager
async def open_service(settings: Settings) -> AsyncIterator[Service]:
    """Everything that calls need, from the settings; closed again at the end of the block.

    Raises:
        FaultyFile: the flows, the prompts or the lines are not fit to take calls.
        HuifangError: the database or Redis cannot be used.
    """
    async with AsyncExitStack() as stack:
        settings.data.mkdir(parents=True, exist_ok=True)
        site = load_site(settings.site) if settings.site else None
        rules = load_rules(settings.lines, settings.calendar)
        library = PromptLibrary.open(settings.prompts, lambda: datetime.now(settings.zone))
        recognizer = RecognizerRouter(settings.data / "graphs", {**SHIPPED, **settings.models})
        stack.callback(recognizer.close)
        lines = {(line.flow, line.language) for line in site.lines.values()} if site else set()
        flow_set = RosterStore(settings.rosters, site.phones if site else None) if settings.rosters else None
        targets = TransferTargets(site.targets if site else (), flow_set)
        flow_store = FlowStore(
            settings.flows, library.catalog, recognizer, lines=lines, targets=targets if site else None
        )
        redis = settings.redis.get_secret_value()
        if not redis:
            server = await EmbeddedRedis.start(settings.data / "redis")
            stack.push_async_callback(server.close)
            redis = server.url
        live = await LiveCalls.open(redis)
        stack.push_async_callback(live.close)
        feed, of_management = await EventFeed.open(redis), await EventFeed.open(redis, stream=MANAGEMENT)
        stack.push_async_callback(feed.close)
        stack.push_async_callback(of_management.close)
        name = f"{socket.gethostname()}:{settings.port}/{os.getpid()}"
        records = await CallRecords.open(settings.database_url, name, rules=rules)
        stack.push_async_callback(records.close)
        node = ServiceNode(
            name=name,
            recognizer=recognizer,
            activity=VoiceActivity,
            prompts=library,
            records=records,
            live=live,
            recordings=settings.data / "recordings",
            timezone=settings.zone,
            timing=Timing(),
            calendar=rules.calendar,
        )
        feeds: dict[ReaderRole, EventFeed] = {"staff": feed, "management": of_management}
        service = Service(node, flow_store, rules, settings.lines, feeds)
        announcer = Announcer(library.catalog)
        if flow_set:
            sounds = Announcements(library, announcer)
            journal = CaseService(records.database, rules).put_through
            service.agents = await stack.enter_async_context(
                AgentServices.open(flow_set, redis, sounds, name, node.now, journal)
            )
        if site:
            own = own_secrets()
            address = os.environ.get("ASTERISK_ARI_URL", site.ari_url)
            ari = await stack.enter_async_context(Ari(address, site.ari_user, own.ari, site.app))
            service.asterisk = Asterisk(
                site,
                own,
                ari,
                service.answer_telephone,
                settings.capacity,
                announcer,
                service.agents.acd if service.agents else None,
            )
        yield service


class Service:
    """The parts put together. `lines` is the file that the rules are read from again.

    `asterisk` is None where no Asterisk is attached, `staff` where there are no rosters.
    """

    def __init__(
        self, node: ServiceNode, flow_store: FlowStore, rules: Rules, lines: Path, feeds: Mapping[ReaderRole, EventFeed]
    ) -> None:
        self.node, self.flow_store, self.rules, self.feeds = node, flow_store, rules, feeds
        self._lines = lines
        self.call_manager = CallManager(node, flow_store)
        self.asterisk: Asterisk | None = None
        self.agents: AgentServices | None = None
        self._reloading = asyncio.Lock()

    @property
    def trouble(self) -> str:
        """Why no calls should be sent here now; empty when they may."""
        unattached = self.asterisk is not None and not self.asterisk.connected.is_set()
        return self.call_manager.trouble or ("Asterisk is not connected" if unattached else "")

    async def answer_browser(self, line: BrowserCallLeg) -> None:
        """Lead one call from the browser phone to its end."""
        await self.call_manager.answer(line, line.show)

    async def answer_telephone(self, line: AsteriskCallLeg) -> None:
        """Lead one telephone call to its end."""
        await self.call_manager.answer(line, lambda who, text, detail: None)

    async def run(self) -> None:
        """Until cancelled: keep the calls' leases, the complaints' clocks, and the telephone network attached."""
        if year := self.rules.calendar.unknown_year(self.node.now().date()):
            log.warning("%d has no notice of days off yet: weekdays and calendar.yaml count", year)
        async with asyncio.TaskGroup() as group:
            group.create_task(self.call_manager.keep())
            sla_worker = SlaWorker(self.node.records.database, self.rules)
            group.create_task(sla_worker.run(self.feeds["staff"], self.feeds["management"], self.node.now))
            if self.asterisk:
                group.create_task(self.asterisk.run())
                group.create_task(self._callback_dialer(self.asterisk).run())
            if self.agents:
                group.create_task(self.agents.run(self.asterisk.phones if self.asterisk else None))

    def _outbound(self, asterisk: Asterisk) -> OutboundCaller:
        return OutboundCaller(self.node, self.flow_store, self.call_manager, asterisk.dial)

    def _callback_dialer(self, asterisk: Asterisk) -> CallbackDialer:
        scheduler = CallbackScheduler(self.node.records.database, self.rules)
        place, ready = self._outbound(asterisk).place, lambda: not self.trouble
        return CallbackDialer(scheduler, "asterisk", place, self.flow_store, ready, self.node.now)

    async def drain(self, within_s: float) -> None:
        """Take no more calls (new ones from Asterisk go to a person) and end those going on, see Switchboard.drain."""
        if self.asterisk:
            self.asterisk.capacity = 0
        await self.call_manager.drain(within_s)

    async def reload(self) -> None:
        """Take lines, rosters and flows as they are now; a file that cannot be used changes nothing."""
        async with self._reloading:
            try:
                await reload_lines(self.rules, self._lines)
                if self.agents:
                    await asyncio.to_thread(self.agents.flow_set.reload)
                await asyncio.to_thread(self.flow_store.reload)
            except Exception:
                log.exception("what was not reloaded stays as it was")

    def choices(self) -> list[FlowChoice]:
        """The flows as the browser phone offers them."""
        flow_set = self.flow_store.current.flows
        return [FlowChoice(name, flow.title, flow_set.languages) for name, flow in flow_set.flows.items()]

    def web(self, token: str | None, management: str) -> web.Application:
        """The service's pages and sockets, for who shows the token, and the management's own."""
        public = ("/health", "/ready", "/asterisk")
        site = web.Application(middlewares=[access(token, public, management)])
        database = self.node.records.database
        cases = CasesApi(CaseService(database, self.rules), CaseQueries(database), self.feeds, self.node.now)
        site.add_routes(cases.routes())
        site.on_shutdown.append(cases.close)
        site.add_routes(routes(self.answer_browser, self.choices))
        site.add_routes(health.routes(lambda: self.trouble))
        if self.asterisk:
            outbound = self._outbound(self.asterisk)
            site.add_routes(self.asterisk.routes())
            site.add_routes(CallsApi(outbound, self.flow_store.has, self.node.records).routes())
        if self.agents:
            screens = AgentsApi(self.agents, self.node.records)
            site.add_routes(screens.routes())
            site.on_shutdown.append(screens.close)
        return site


@asynccontextmanager
async def serving(settings: Settings) -> AsyncIterator[tuple[Service, str]]:
    """The service listening; gives it with the address of its browser phone. Calls still going on are ended with it."""
    async with open_service(settings) as service:
        token = None if ip_address(settings.host).is_loopback else load_token(settings.data)
        pages = service.web(token, load_token(settings.data, "management-token"))
        runner = web.AppRunner(pages, access_log=None, shutdown_timeout=CLOSING_S)
        await runner.setup()
        keeping = asyncio.create_task(service.run())
        try:
            site = web.TCPSite(runner, settings.host, settings.port)
            await site.start()
            port = runner.addresses[0][1]
            yield service, f"http://{settings.host}:{port}/phone" + (f"?token={token}" if token else "")
        finally:
            await service.drain(0)
            await runner.cleanup()
            keeping.cancel()
            await asyncio.gather(keeping, return_exceptions=True)


async def serve(settings: Settings, once: bool, scripted_caller: bool) -> int:
    """See `run_until_signal`."""
    stop, stop_now, loop = asyncio.Event(), asyncio.Event(), asyncio.get_running_loop()
    reloads: set[asyncio.Task[None]] = set()

    def end() -> None:
        (stop_now if stop.is_set() else stop).set()

    async with serving(settings) as (service, address):

        def reload() -> None:
            reloads.add(task := asyncio.create_task(service.reload()))
            task.add_done_callback(reloads.discard)

        loop.add_signal_handler(signal.SIGHUP, reload)
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, end)
        status = 0
        if scripted_caller:
            call = demo.scripted_call(address, settings.prompts / "caller", service.node)
            status = await _unless(stop, call) or 0
        if not once:
            out.print(f"\nThe browser phone: [bold]{address}[/]   (stop with Ctrl-C)")
            await stop.wait()
        await _unless(stop_now, service.drain(DRAIN_S))
        return status


async def _unless(event: asyncio.Event, work: Coroutine[None, None, T]) -> T | None:
    """Do the work, or as much of it as can be done before the event."""
    doing, happening = asyncio.create_task(work), asyncio.create_task(event.wait())
    await asyncio.wait({doing, happening}, return_when=asyncio.FIRST_COMPLETED)
    happening.cancel()
    if doing.done():
        return doing.result()
    doing.cancel()
    await asyncio.gather(doing, return_exceptions=True)
    return None


def run_until_signal(settings: Settings, once: bool = False, scripted_caller: bool = False) -> int:
    """Serve until SIGTERM or SIGINT, reloading flows, lines and rosters on SIGHUP; returns the exit status.

    Calls going on are then given DRAIN_S to end, and no more come in; a second signal ends them at once. With
    `scripted_caller` a call is made first; with `once` that is all.
    """
    return run_to_end(lambda: serve(settings, once, scripted_caller), settings)


def run_to_end(work: Callable[[], Coroutine[None, None, int]], settings: Settings) -> int:
    """Run it with logging set up; what an operator can mend is said plainly, with status 2."""
    configure_logging(settings.log_level)
    try:
        status: int = uvloop.run(work())
    except FaultyFile as faulty:
        refuse_faults(faulty.faults)
    except (HuifangError, OSError) as fault:
        refuse(fault)
    return status


@app.command()
def run() -> None:
    """Take calls until SIGTERM; SIGHUP reloads flows, lines and rosters."""
    raise typer.Exit(run_until_signal(Settings()))


@app.command()
def pbx() -> None:
    """Run a private Asterisk beside the service, and say how any softphone gets in."""
    settings = Settings()
    site = settings.site or ROOT / "dialplans" / "site.yaml"

    async def beside() -> int:
        async with private_pbx(load_site(site), settings.data):
            return await serve(settings.model_copy(update={"site": site}), once=False, scripted_caller=False)

    raise typer.Exit(run_to_end(beside, settings))


@app.command("demo")
def demo_(
    once: Annotated[bool, typer.Option(help="End after the scripted call; status 0 if its record is right.")] = False,
) -> None:
    """Let a scripted caller take the survey by voice, show what was said and kept, then stay up for you to call."""
    raise typer.Exit(run_until_signal(Settings(log_level="WARNING"), once, scripted_caller=True))


if __name__ == "__main__":
    app()

"""The composition root: opens everything that calls need, from the settings, and closes it again.

Must not know: HTTP, signals, the command line.
"""

from __future__ import annotations

import logging
import os
import socket
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import datetime
from functools import partial

from ivr.agents.agent_services import AgentServices
from ivr.agents.announcements import Announcements
from ivr.agents.roster_store import RosterStore, TransferTargets
from ivr.agents.transfer_service import TransferService
from ivr.call.node import ServiceNode
from ivr.call.recording_archive import RecordingArchive
from ivr.complaints.rulebook import load as load_rules
from ivr.complaints.rules.case import ReaderRole
from ivr.flow.parse import FlowSet
from ivr.flow_store import FlowStore
from ivr.live.calls import LiveCalls
from ivr.live.damage import DamagedEntries
from ivr.live.embedded import EmbeddedRedis
from ivr.live.feed import FEED, MANAGEMENT, EventFeed
from ivr.live.feed_reader import FeedReader
from ivr.prompts.announce import Announcer
from ivr.prompts.library import PromptLibrary
from ivr.recordings.fsspec_store import FsspecStore
from ivr.records.call_records import CallRecords
from ivr.records.journal.entries import ContactEntry
from ivr.records.journal.records_journal import RecordsJournal
from ivr.service.runtime import Service
from ivr.settings import Settings
from ivr.telephony.asterisk.adapter import Asterisk
from ivr.telephony.asterisk.ari import Ari
from ivr.telephony.asterisk.names import application
from ivr.telephony.asterisk.site import Site, load_site, own_secrets
from ivr.telephony.browser.server import BrowserNetwork, FlowChoice
from ivr.turntaking.timing import Timing
from recognizer.endpoint import VoiceActivity
from recognizer.router import RecognizerRouter
from recognizer.vosk import SHIPPED

log = logging.getLogger(__name__)


@asynccontextmanager
async def open_service(settings: Settings) -> AsyncIterator[Service]:
    """Open a service; close it at the end of the block.

    Raises:
        FaultyFile: the flows, the prompts or the complaint lines have faults.
        HuifangError: the database, Redis or the place for recordings cannot be used.
    """
    async with AsyncExitStack() as stack:
        settings.data.mkdir(parents=True, exist_ok=True)
        site = load_site(settings.site) if settings.site else None
        rules = load_rules(settings.lines, settings.calendar)
        library = PromptLibrary.open(settings.prompts, lambda: datetime.now(settings.zone))
        recognizer = RecognizerRouter(settings.data / "graphs", {**SHIPPED, **settings.models})
        stack.callback(recognizer.close)
        rosters = RosterStore(settings.rosters, site.phones if site else None) if settings.rosters else None
        flow_store = FlowStore(
            settings.flows,
            library.catalog,
            recognizer,
            lines={(line.flow, line.language) for line in site.lines.values()} if site else set(),
            targets=TransferTargets(site.targets, rosters) if site else None,
        )
        redis, damaged = await _redis_url(settings, stack), DamagedEntries()
        live = await LiveCalls.open(redis, damaged=damaged)
        stack.push_async_callback(live.close)
        readers: dict[ReaderRole, FeedReader] = {
            "staff": await _open_feed(stack, redis, FEED, damaged),
            "management": await _open_feed(stack, redis, MANAGEMENT, damaged),
        }
        name = f"{socket.gethostname()}:{settings.port}/{os.getpid()}"
        records = await CallRecords.open(settings.database_url, name, rules=rules)
        stack.push_async_callback(records.close)
        journal = RecordsJournal(records, settings.data / "journal")
        stack.push_async_callback(journal.close)
        if replayed := await journal.replay():
            log.warning("%d entries of an earlier process were written to the database", replayed)
        store = FsspecStore(settings.recordings_url)
        stack.callback(store.close)
        announcer = Announcer(library.catalog)
        agents = None
        if rosters:
            sounds = Announcements(library, announcer)
            contacts = partial(_journal_contact, journal)
            opening = AgentServices.open(
                rosters, redis, readers["staff"], sounds, name, lambda: datetime.now(settings.zone), contacts, damaged
            )
            agents = await stack.enter_async_context(opening)
        node = ServiceNode(
            name=name,
            recognizer=recognizer,
            activity=VoiceActivity,
            prompts=library,
            records=records,
            journal=journal,
            live=live,
            recordings=RecordingArchive(settings.data / "spool", store, records, settings.zone),
            timezone=settings.zone,
            timing=Timing(),
            calendar=rules.calendar,
            transfers=TransferService(agents.acd if agents else None, announcer),
        )
        service = Service(node, flow_store, rules, settings.lines, readers, agents)
        capacity = settings.capacity
        service.attach(
            BrowserNetwork(
                service.answer, lambda: flow_choices(flow_store.current), flow_store.refused_values, capacity
            )
        )
        if site:
            service.attach(await _asterisk(stack, site, name, service, capacity))
        yield service


def flow_choices(flow_set: FlowSet) -> list[FlowChoice]:
    """Return the flows that the browser phone offers."""
    callflows = flow_set.flows
    return [FlowChoice(name, flow.title, callflows.languages) for name, flow in callflows.flows.items()]


async def _redis_url(settings: Settings, stack: AsyncExitStack) -> str:
    """Return the URL of the configured Redis, or start the embedded one."""
    if url := settings.redis.get_secret_value():
        return url
    server = await EmbeddedRedis.start(settings.data / "redis")
    stack.push_async_callback(server.close)
    return server.url


def _journal_contact(journal: RecordsJournal, call_id: str, agent: str, line: str, at: datetime) -> None:
    journal.add(call_id, ContactEntry(call_id, agent, line, at))


async def _open_feed(stack: AsyncExitStack, redis: str, stream: str, damaged: DamagedEntries) -> FeedReader:
    feed = await EventFeed.open(redis, stream=stream, damaged=damaged)
    stack.push_async_callback(feed.close)
    return FeedReader(feed)


async def _asterisk(stack: AsyncExitStack, site: Site, node: str, service: Service, capacity: int) -> Asterisk:
    address = os.environ.get("ASTERISK_ARI_URL", site.ari_url)
    ari = await stack.enter_async_context(Ari(address, site.ari_user, own_secrets().ari, application(site.app, node)))
    return Asterisk(site, ari, service.answer, service.resume, capacity, lambda: not service.call_manager.store_trouble)

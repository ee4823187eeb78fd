"""The web application of a service: which pages and sockets there are, and who may open them.

Must not know: calls, how the service is opened.
"""

from __future__ import annotations

from typing import Final

from aiohttp import web

from ivr.complaints.case_queries import CaseQueries
from ivr.complaints.case_service import CaseService
from ivr.console import health
from ivr.console.access import access
from ivr.console.agents import AgentsApi
from ivr.console.calls import CallsApi
from ivr.console.complaints import CasesApi
from ivr.service.runtime import Service
from ivr.telephony.browser.server import FlowChoice, routes

PUBLIC: Final = ("/health", "/ready", "/asterisk")
"""Paths that need no token; Asterisk's sockets carry passwords of their own."""


def web_application(service: Service, token: str | None, management: str) -> web.Application:
    """Return the application; `token` is everybody's (None: loopback needs none), `management` the management's."""
    site = web.Application(middlewares=[access(token, PUBLIC, management)])
    database = service.node.records.database
    cases = CasesApi(CaseService(database, service.rules), CaseQueries(database), service.feeds, service.node.now)
    site.add_routes(cases.routes())
    site.on_shutdown.append(cases.close)
    site.add_routes(routes(service.answer_browser, lambda: flow_choices(service), service.flow_store.refused_values))
    site.add_routes(health.routes(lambda: service.health))
    if service.asterisk:
        site.add_routes(service.asterisk.routes())
        outbound = service.outbound(service.asterisk)
        phones = service.asterisk.known_phones
        site.add_routes(CallsApi(outbound, service.flow_store, service.node.records, phones).routes())
    if service.agents:
        agents = AgentsApi(service.agents, service.node.records)
        site.add_routes(agents.routes())
        site.on_shutdown.append(agents.close)
    return site


def flow_choices(service: Service) -> list[FlowChoice]:
    """Return the flows that the browser phone offers."""
    callflows = service.flow_store.current.flows
    return [FlowChoice(name, flow.title, callflows.languages) for name, flow in callflows.flows.items()]

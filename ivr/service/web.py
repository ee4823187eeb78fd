"""The web application of a service: which pages and sockets there are, and who may open them.

Must not know: calls, how the service is opened.
"""

from __future__ import annotations

from typing import Final

from aiohttp import web
from aiohttp.typedefs import Handler

from ivr.complaints.case_queries import CaseQueries
from ivr.complaints.case_service import CaseService
from ivr.console import health
from ivr.console.access import access
from ivr.console.agents import AgentsApi
from ivr.console.calls import CallsApi
from ivr.console.complaints import CasesApi
from ivr.service.runtime import Service

PUBLIC: Final = ("/health", "/ready")
"""Paths that need no token."""


@web.middleware
async def _refuse_nul(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Refuse an address with the character NUL, which PostgreSQL cannot even compare."""
    if "\0" in request.path or "\0" in request.rel_url.query_string:
        raise web.HTTPBadRequest(text="The address must not contain the character NUL.\n")
    return await handler(request)


def web_application(service: Service, token: str | None, management: str) -> web.Application:
    """Return the application; `token` is everybody's (None: loopback needs none), `management` the management's."""
    site = web.Application(middlewares=[access(token, PUBLIC, management), _refuse_nul])
    database = service.node.records.database
    cases = CasesApi(CaseService(database, service.rules), CaseQueries(database), service.readers, service.node.now)
    site.add_routes(cases.routes())
    site.on_shutdown.append(cases.close)
    phones = {phone for network in service.networks.values() for phone in network.known_phones}
    site.add_routes(CallsApi(service.outbound, service.flow_store, service.node.records, phones).routes())
    site.add_routes(health.routes(lambda: service.health))
    for network in service.networks.values():
        site.add_routes(network.routes())
    if service.agents:
        agents = AgentsApi(service.agents, service.node.records)
        site.add_routes(agents.routes())
        site.on_shutdown.append(agents.close)
    return site

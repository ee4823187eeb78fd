"""Access control for pages and sockets: holders of the token, or any user of this machine if there is no token.

The management token grants the role management; all other requests have the role staff.

Must not know: which pages there are, which network calls come from.
"""

from __future__ import annotations

import os
import secrets
from collections.abc import Collection
from contextlib import suppress
from ipaddress import ip_address
from pathlib import Path
from tempfile import NamedTemporaryFile
from urllib.parse import urlsplit

from aiohttp import hdrs, web
from aiohttp.typedefs import Handler, Middleware

from ivr.complaints.rules.case import ReaderRole
from ivr.credential import matches

COOKIE = "huifang_token"
LINK_PARAMETER = "token"
"""The parameter of an address that holds a token."""
IS_MANAGEMENT = web.RequestKey("IS_MANAGEMENT", bool)
"""Whether the request presented the management token."""


def access(token: str | None, public: Collection[str] = (), management: str | None = None) -> Middleware:
    """Return the middleware that admits requests with `token`; if None (bound to loopback), those to a loopback name.

    The `management` token also admits a request, and sets its IS_MANAGEMENT.

    A token is sent as `?token=` once (it is then stored in a cookie) or as `Authorization: Bearer`. WebSockets and
    changing requests are accepted only from pages of the same host. Paths in `public`, and those below them, need no
    token. Refusals have status 401 or 403.
    """

    @web.middleware
    async def guard(request: web.Request, handler: Handler) -> web.StreamResponse:
        if any(request.path == path or request.path.startswith(path + "/") for path in public):
            return await handler(request)
        if token is None and not _loopback(request.host):
            raise web.HTTPForbidden(text="Without a token this service accepts only loopback host names.\n")
        request[IS_MANAGEMENT] = management is not None and _presents(request, management)
        if token is not None and not (request[IS_MANAGEMENT] or _presents(request, token)):
            raise web.HTTPUnauthorized(
                text="The token is missing or wrong: open the address with ?token=…, as the service printed it.\n"
            )
        if _is_mutation(request) and not _same_site(request):
            raise web.HTTPForbidden(text="WebSockets and changes are accepted only from pages of this host.\n")
        response = await handler(request)
        linked = next((each for each in (management, token) if each is not None and _link_holds(request, each)), None)
        if linked is not None and not response.prepared:
            response.set_cookie(COOKIE, linked, httponly=True, samesite="Strict", secure=request.secure)
        return response

    return guard


def role(request: web.Request) -> ReaderRole:
    """Return the role of the request."""
    return "management" if request[IS_MANAGEMENT] else "staff"


def load_token(folder: Path, name: str = "token") -> str:
    """Return the token stored in `folder` under this name; create it on first use, readable by its owner only."""
    path = folder / name
    if not path.exists():
        folder.mkdir(parents=True, exist_ok=True)
        with NamedTemporaryFile("w", dir=folder, prefix=".token-") as draft:  # NamedTemporaryFile makes mode 0600
            draft.write(secrets.token_urlsafe(32))
            draft.flush()
            with suppress(FileExistsError):  # another process was first
                os.link(draft.name, path)
    return path.read_text().strip()


def _presents(request: web.Request, token: str) -> bool:
    scheme, _, bearer = request.headers.get(hdrs.AUTHORIZATION, "").partition(" ")
    presented = (request.cookies.get(COOKIE, ""), bearer.strip() if scheme.lower() == "bearer" else "")
    return _link_holds(request, token) or any(matches(each, token) for each in presented)


def _link_holds(request: web.Request, token: str) -> bool:
    """Return whether the request's address holds the token."""
    return matches(request.query.get(LINK_PARAMETER, ""), token)


def _is_mutation(request: web.Request) -> bool:
    """Return whether the request may change something, or opens a socket."""
    return hdrs.UPGRADE in request.headers or request.method not in {hdrs.METH_GET, hdrs.METH_HEAD}


def _loopback(host: str) -> bool:
    """Return whether a Host header names this machine; any other name may be an attack by DNS rebinding."""
    try:
        name = urlsplit(f"//{host}").hostname or ""
        return name == "localhost" or ip_address(name).is_loopback
    except ValueError:
        return False


def _same_site(request: web.Request) -> bool:
    """Return whether the Origin is this host, or missing: only browsers send one."""
    origin = request.headers.get(hdrs.ORIGIN)
    try:
        return origin is None or urlsplit(origin).netloc.lower() == request.host.lower()
    except ValueError:  # not a URL, so not this host either
        return False

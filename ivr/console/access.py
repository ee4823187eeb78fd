"""Who may open the pages and sockets: holders of the token, or anyone on this machine when there is none.

Whoever shows the token of the management reads in its role; all others are staff.

Must not know: which pages there are, which network calls come from.
"""

from __future__ import annotations

import hmac
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

COOKIE = "huifang_token"
IS_MANAGEMENT = web.RequestKey("IS_MANAGEMENT", bool)
"""Whether the request showed the management's token."""


def access(token: str | None, public: Collection[str] = (), management: str | None = None) -> Middleware:
    """Let in who shows `token`; with None (bound to loopback) whoever addresses this machine by a loopback name.

    Who shows the token of the `management` is let in with MANAGES.

    The token comes as `?token=` once (then kept in a cookie) or as `Authorization: Bearer`. Sockets are opened, and
    things changed, only by pages of the same host. Paths in `public`, and those below them, are open to all.
    Refusals are 401 and 403.
    """

    @web.middleware
    async def guard(request: web.Request, handler: Handler) -> web.StreamResponse:
        if any(request.path == path or request.path.startswith(path + "/") for path in public):
            return await handler(request)
        if token is None and not _loopback(request.host):
            raise web.HTTPForbidden(text="Without a token this service answers only to loopback names.\n")
        request[IS_MANAGEMENT] = management is not None and _presents(request, management)
        if token is not None and not (request[IS_MANAGEMENT] or _presents(request, token)):
            raise web.HTTPUnauthorized(text="Open the address with ?token=…, as the service printed it.\n")
        if _is_mutation(request) and not _same_site(request):
            raise web.HTTPForbidden(text="Sockets are opened and things changed only by pages of this host.\n")
        response = await handler(request)
        if token is not None and "token" in request.query and not response.prepared:
            response.set_cookie(COOKIE, token, httponly=True, samesite="Strict", secure=request.secure)
        return response

    return guard


def role(request: web.Request) -> ReaderRole:
    """In whose role the request reads."""
    return "management" if request[IS_MANAGEMENT] else "staff"


def load_token(folder: Path, name: str = "token") -> str:
    """The token kept in `folder` under this name, made at the first start and readable by its owner alone."""
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
    presented = (
        request.query.get("token", ""),
        request.cookies.get(COOKIE, ""),
        bearer.strip() if scheme.lower() == "bearer" else "",
    )
    return any(hmac.compare_digest(each.encode(), token.encode()) for each in presented)


def _is_mutation(request: web.Request) -> bool:
    """Whether the request does more than look."""
    return hdrs.UPGRADE in request.headers or request.method not in {hdrs.METH_GET, hdrs.METH_HEAD}


def _loopback(host: str) -> bool:
    """Whether a Host header names this machine; others may be a page's way to reach it (DNS rebinding)."""
    try:
        name = urlsplit(f"//{host}").hostname or ""
        return name == "localhost" or ip_address(name).is_loopback
    except ValueError:
        return False


def _same_site(request: web.Request) -> bool:
    """Whether a browser's Origin is the host it speaks to; programs send none."""
    origin = request.headers.get(hdrs.ORIGIN)
    return origin is None or urlsplit(origin).netloc.lower() == request.host.lower()

"""Client of Asterisk's REST interface (ARI), limited to the requests in use. Must not know: calls, flows, media."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Final, Self

import aiohttp

from ivr.errors import HuifangError
from ivr.telephony.asterisk.ari_events import KINDS

REQUEST_TIMEOUT_S: Final = 5.0
MEDIA_HEARTBEAT_S: Final = 10.0
MEDIA_TIMEOUT: Final = aiohttp.ClientWSTimeout(ws_close=1.0)
"""Seconds that a media socket waits for Asterisk's half of the closing handshake."""
STASIS: Final = frozenset({"Stasis", "StasisBroadcast"})
"""The dialplan applications within which ARI controls a channel."""
MAX_REQUESTS: Final = 50
"""Maximum number of concurrent requests."""


class AriRefused(HuifangError):
    """Asterisk refused a request; `message` is Asterisk's own error text."""

    def __init__(self, method: str, path: str, status: int, message: str) -> None:
        super().__init__(f"{method} {path}: {status} {message}")
        self.status = status
        self.message = message


class AriUnreachable(HuifangError):
    """No response from Asterisk: it is down or unreachable."""


@dataclass(frozen=True, slots=True)
class Channel:
    """A channel as reported by Asterisk: its state (`Up`, …), and whether an ARI application controls it."""

    state: str
    in_stasis: bool


def _json(body: bytes) -> Any:
    try:
        return json.loads(body)
    except ValueError:
        return body.decode(errors="replace")[:200]


class Ari:
    """A client of one Asterisk's REST interface; an async context manager.

    Every request may raise AriRefused or AriUnreachable. The caller of these methods chooses the ids of channels and
    bridges before the request, so that even an event that precedes the response can be matched.
    """

    def __init__(self, url: str, user: str, password: str, app: str) -> None:
        self.url = url.rstrip("/")
        self.app = app
        self._login = {"Authorization": aiohttp.encode_basic_auth(user, password)}
        self._http: aiohttp.ClientSession | None = None
        self._requests = asyncio.Semaphore(MAX_REQUESTS)

    @property
    def http(self) -> aiohttp.ClientSession:
        """The HTTP session of all requests."""
        if self._http is None:
            raise RuntimeError("Ari is not open: use it inside `async with Ari(...)`")
        return self._http

    async def __aenter__(self) -> Self:
        self._http = aiohttp.ClientSession(
            headers=self._login,
            connector=aiohttp.TCPConnector(limit=0),  # one socket per call
            timeout=aiohttp.ClientTimeout(total=REQUEST_TIMEOUT_S),
        )
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.http.close()

    async def request(self, method: str, path: str, body: Any = None, **query: str | int) -> Any:
        """Make a request; return the decoded response, or None if it is empty."""
        try:
            async with self._requests, self.http.request(method, self.url + path, params=query, json=body) as answer:
                if answer.status == 204:
                    return None
                reply = _json(await answer.read())
                if answer.status >= 400:
                    message = reply.get("message") or reply.get("error") if isinstance(reply, dict) else reply
                    raise AriRefused(method, path, answer.status, str(message or answer.reason))
                return reply
        except (TimeoutError, aiohttp.ClientError) as error:
            raise AriUnreachable(f"{method} {path}: {error or type(error).__name__}") from error

    # -- the PBX ---------------------------------------------------------------------------------------------------

    async def version(self) -> str:
        """Return Asterisk's version, such as `22.10.1`."""
        return str((await self.request("GET", "/asterisk/info"))["system"]["version"])

    async def modules(self) -> frozenset[str]:
        """Return the names of the loaded modules."""
        return frozenset(one["name"] for one in await self.request("GET", "/asterisk/modules"))

    async def filter_events(self) -> None:
        """Limit the events sent to the types in KINDS. The application must be connected."""
        event_filter = {"allowed": [{"type": kind} for kind in KINDS]}
        await self.request("PUT", f"/applications/{self.app}/eventFilter", event_filter)

    async def applications(self) -> dict[str, frozenset[str]]:
        """Return the channels of each application by its name: those in it, and those subscribed to.

        An application without a connected client is listed as long as it has channels or bridges.
        """
        return {one["name"]: frozenset(one["channel_ids"]) for one in await self.request("GET", "/applications")}

    async def claim(self, channel: str) -> bool:
        """Claim a broadcast channel for our application; return False if another has claimed it or it is gone."""
        return not await self._gone("POST", "/events/claim", channelId=channel, application=self.app)

    # -- channels --------------------------------------------------------------------------------------------------

    async def channels(self) -> dict[str, Channel]:
        """Return all channels by id."""
        return {
            one["id"]: Channel(one["state"], one["dialplan"]["app_name"] in STASIS)
            for one in await self.request("GET", "/channels")
        }

    async def phones(self) -> frozenset[str]:
        """Return the names of the online phones: registered and, if qualified by Asterisk, responding."""
        endpoints = await self.request("GET", "/endpoints/PJSIP")
        return frozenset(one["resource"] for one in endpoints if one["state"] == "online")

    async def calls_on(self, endpoint: str) -> int:
        """Return the number of calls of a SIP endpoint, by anybody and in both directions."""
        return len((await self.request("GET", f"/endpoints/PJSIP/{endpoint}"))["channel_ids"])

    async def channel_exists(self, channel: str) -> bool:
        """Return whether the channel exists."""
        return not await self._gone("GET", f"/channels/{channel}")

    async def originate(
        self, channel: str, endpoint: str, caller: str, ring_s: int, variables: Mapping[str, str] | None = None
    ) -> None:
        """Ring `endpoint` (a dial string) on a new channel with this id, which enters our application once answered."""
        await self.request(
            "POST",
            "/channels",
            {"variables": dict(variables or {})},
            channelId=channel,
            endpoint=endpoint,
            app=self.app,
            callerId=caller,
            timeout=ring_s,
        )

    async def external_media(self, channel: str, variables: Mapping[str, str]) -> str:
        """Create a channel with 8 kHz linear audio over a WebSocket; return the id for `open_media`.

        The channel enters our application once the socket is open.
        """
        reply = await self.request(
            "POST",
            "/channels/externalMedia",
            {"variables": dict(variables)},
            channelId=channel,
            app=self.app,
            external_host="INCOMING",
            transport="websocket",
            encapsulation="none",
            connection_type="server",
            format="slin",
            transport_data="f(json)",
        )
        return str(reply["channelvars"]["MEDIA_WEBSOCKET_CONNECTION_ID"])

    async def open_media(self, connection: str) -> aiohttp.ClientWebSocketResponse:
        """Open the socket of a channel made by `external_media`."""
        address = f"{self.url.removesuffix('/ari')}/media/{connection}"
        try:
            return await self.http.ws_connect(
                address,
                protocols=("media",),
                heartbeat=MEDIA_HEARTBEAT_S,
                timeout=MEDIA_TIMEOUT,
                compress=0,
                max_msg_size=0,
            )
        except aiohttp.WSServerHandshakeError as error:
            raise AriRefused("GET", "/media", error.status, error.message) from error
        except (TimeoutError, aiohttp.ClientError) as error:
            raise AriUnreachable(f"GET /media: {error or type(error).__name__}") from error

    async def snoop(self, channel: str, name: str) -> None:
        """Create a snoop channel with the id `name` that carries the audio received from `channel`."""
        await self.request("POST", f"/channels/{channel}/snoop/{name}", app=self.app, spy="in", whisper="none")

    async def set_variable(self, channel: str, name: str, value: str) -> None:
        """Set a channel variable, which the dialplan can read."""
        await self.request("POST", f"/channels/{channel}/variable", variable=name, value=value)

    async def answer(self, channel: str) -> None:
        """Answer a channel."""
        await self.request("POST", f"/channels/{channel}/answer")

    async def hang_up(self, channel: str, cause: int = 16) -> None:
        """Hang up a channel with a Q.850 cause. No effect if it is gone."""
        await self._gone("DELETE", f"/channels/{channel}", reason_code=cause)

    async def send_keys(self, channel: str, keys: str, before_ms: int) -> None:
        """Send DTMF keys to the far end of a channel after a pause; later requests for the channel wait for them."""
        await self.request("POST", f"/channels/{channel}/dtmf", dtmf=keys, before=before_ms)

    async def ringback(self, channel: str) -> None:
        """Start a ringback tone on a channel."""
        await self.request("POST", f"/channels/{channel}/ring")

    async def stop_ringback(self, channel: str) -> None:
        """Stop the ringback tone. No effect if there is none."""
        await self._gone("DELETE", f"/channels/{channel}/ring")

    async def continue_in_dialplan(self, channel: str, context: str, extension: str) -> None:
        """Return a channel to the dialplan at priority 1 of an extension."""
        await self.request("POST", f"/channels/{channel}/continue", context=context, extension=extension, priority=1)

    # -- bridges ---------------------------------------------------------------------------------------------------

    async def bridges(self) -> dict[str, tuple[str, ...]]:
        """Return the channel ids in each bridge, by bridge id."""
        return {one["id"]: tuple(one["channels"]) for one in await self.request("GET", "/bridges")}

    async def create_bridge(self, bridge: str, *, keys: bool = False) -> None:
        """Create an empty bridge. `keys` enforces DTMF events even between two phones, at some cost."""
        await self.request("POST", f"/bridges/{bridge}", type="mixing,dtmf_events" if keys else "mixing")

    async def add_to_bridge(self, bridge: str, channels: Sequence[str]) -> None:
        """Add channels to a bridge; all must be in our application."""
        await self.request("POST", f"/bridges/{bridge}/addChannel", channel=",".join(channels))

    async def remove_from_bridge(self, bridge: str, channel: str) -> None:
        """Remove a channel from a bridge."""
        await self.request("POST", f"/bridges/{bridge}/removeChannel", channel=channel)

    async def start_music(self, bridge: str) -> None:
        """Start music on hold in a bridge."""
        await self.request("POST", f"/bridges/{bridge}/moh")

    async def stop_music(self, bridge: str) -> None:
        """Stop music on hold in a bridge. No effect if there is none."""
        await self._gone("DELETE", f"/bridges/{bridge}/moh")

    async def destroy_bridge(self, bridge: str) -> None:
        """Destroy a bridge. No effect if it is gone."""
        await self._gone("DELETE", f"/bridges/{bridge}")

    async def _gone(self, method: str, path: str, **query: str | int) -> bool:
        try:
            await self.request(method, path, **query)
        except AriRefused as refused:
            if refused.status not in (404, 409):
                raise
            return True
        return False

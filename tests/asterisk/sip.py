"""SIP over UDP for a test phone: transactions, digest authentication, dialogs (RFC 3261); sipmessage parses."""

from __future__ import annotations

import asyncio
import hashlib
import re
import secrets
from collections.abc import Callable
from dataclasses import dataclass

from sipmessage import (
    URI,
    Address,
    AuthCredentials,
    AuthParameters,
    CSeq,
    MediaType,
    Message,
    Parameters,
    Request,
    Response,
    Via,
)

Endpoint = tuple[str, int]
RESEND_S = 0.5
_VERSION = b"SIP/2.0"


def token() -> str:
    return secrets.token_hex(6)


class SipSocket(asyncio.DatagramProtocol):
    """Sends requests and receives their responses; passes incoming requests to `on_request`."""

    def __init__(self, on_request: Callable[[Request, Endpoint], None]) -> None:
        self._on_request = on_request
        self._waiting: dict[tuple[str, str], asyncio.Queue[Response]] = {}
        self._answers: dict[tuple[str, str], bytes] = {}
        self._transport: asyncio.DatagramTransport | None = None
        self.endpoint: Endpoint = ("", 0)

    async def open(self, host: str) -> None:
        loop = asyncio.get_running_loop()
        self._transport, _ = await loop.create_datagram_endpoint(lambda: self, local_addr=(host, 0))
        self.endpoint = self._transport.get_extra_info("sockname")

    def close(self) -> None:
        if self._transport:
            self._transport.close()

    def send(self, message: Request | Response, to: Endpoint) -> None:
        message.content_length = len(message.body)
        if self._transport and not self._transport.is_closing():
            self._transport.sendto(bytes(message), to)

    def begin(self, request: Request, to: Endpoint) -> asyncio.Queue[Response]:
        """Send a request; return the queue of its responses."""
        via = Via("UDP", *self.endpoint, Parameters(branch="z9hG4bK" + token(), rport=None))
        request.via = [via]
        responses: asyncio.Queue[Response] = asyncio.Queue()
        self._waiting[str(via.parameters["branch"]), request.method] = responses
        self.send(request, to)
        asyncio.get_running_loop().call_later(RESEND_S, self._again, request, to, responses)
        return responses

    def _again(self, request: Request, to: Endpoint, responses: asyncio.Queue[Response]) -> None:
        branch = str(request.via[0].parameters["branch"])
        if (
            self._waiting.get((branch, request.method)) is responses
            and responses.empty()
            and request.method != "INVITE"
        ):
            self.send(request, to)

    def respond(self, request: Request, to: Endpoint, response: Response, tag: str, contact: Address) -> None:
        response.via = request.via
        response.record_route = request.record_route
        response.from_address = request.from_address
        address = request.to_address
        response.to_address = Address(address.uri, address.name, address.parameters.replace(tag=tag))
        response.call_id, response.cseq, response.contact = request.call_id, request.cseq, [contact]
        response.content_length = len(response.body)
        self._answers[_transaction(request)] = bytes(response)
        self.send(response, to)

    def datagram_received(self, data: bytes, addr: Endpoint) -> None:
        if _VERSION not in data:  # a keep-alive, or RTP for the previous user of this port
            return
        message = Message.parse(data)
        if isinstance(message, Response):
            branch = str(message.via[0].parameters["branch"])
            if queue := self._waiting.get((branch, message.cseq.method)):
                queue.put_nowait(message)
        elif isinstance(message, Request):
            if message.method != "ACK" and (said := self._answers.get(_transaction(message))):
                self._transport.sendto(said, addr) if self._transport else None
            else:
                self._on_request(message, addr)


def _transaction(request: Request) -> tuple[str, str]:
    return str(request.via[0].parameters["branch"]), request.method


@dataclass(frozen=True)
class Account:
    """Name and password of a phone, and the PBX at which it registers."""

    name: str
    password: str
    pbx: Endpoint

    def uri(self, user: str | None = None) -> URI:
        return URI("sip", self.pbx[0], user=user, port=self.pbx[1])

    def authorize(self, request: Request, refusal: Response) -> None:
        """Add the credentials for which a refusal asked (RFC 2617, MD5, qop auth)."""
        asked = refusal.www_authenticate or refusal.proxy_authenticate
        assert asked is not None
        realm, nonce, client_nonce = asked.parameters["realm"], asked.parameters["nonce"], token()
        who = hashlib.md5(f"{self.name}:{realm}:{self.password}".encode()).hexdigest()
        what = hashlib.md5(f"{request.method}:{request.uri}".encode()).hexdigest()
        proof = hashlib.md5(f"{who}:{nonce}:00000001:{client_nonce}:auth:{what}".encode()).hexdigest()
        credentials = AuthCredentials(
            "Digest",
            AuthParameters(
                username=self.name,
                realm=realm,
                nonce=nonce,
                uri=str(request.uri),
                response=proof,
                algorithm="MD5",
                cnonce=client_nonce,
                nc="00000001",
                qop="auth",
                **({"opaque": asked.parameters["opaque"]} if "opaque" in asked.parameters else {}),
            ),
        )
        if refusal.code == 401:
            request.authorization = credentials
        else:
            request.proxy_authorization = credentials


class Dialog:
    """The shared state of the two ends of a call, and the requests within it."""

    def __init__(self, local: Address, remote: Address, call_id: str, contact: Address) -> None:
        self.local, self.remote, self.call_id, self.contact = local, remote, call_id, contact
        self.target = remote.uri
        self._sequence = 0

    def request(self, method: str, body: bytes = b"", sequence: int | None = None) -> Request:
        """A request to the far end; `sequence` repeats an earlier number (ACK, CANCEL)."""
        if sequence is None:
            self._sequence += 1
            sequence = self._sequence
        request = Request(method, self.target, body)
        request.from_address, request.to_address = self.local, self.remote
        request.call_id, request.cseq, request.contact = self.call_id, CSeq(sequence, method), [self.contact]
        request.max_forwards = 70
        if body:
            request.content_type = MediaType("application/sdp")
        return request

    def learn(self, response: Response) -> None:
        """Take the far end's tag and address from its response."""
        self.remote = response.to_address
        if response.contact:
            self.target = response.contact[0].uri


CODECS = {0: "PCMU", 8: "PCMA", 18: "G729"}


def offer(endpoint: Endpoint, codecs: tuple[int, ...]) -> bytes:
    """A session description with these payload types and telephone events."""
    lines = [
        "v=0",
        f"o=phone 1 1 IN IP4 {endpoint[0]}",
        "s=-",
        f"c=IN IP4 {endpoint[0]}",
        "t=0 0",
        f"m=audio {endpoint[1]} RTP/AVP {' '.join(map(str, codecs))} 101",
        *(f"a=rtpmap:{codec} {CODECS[codec]}/8000" for codec in codecs),
        "a=rtpmap:101 telephone-event/8000",
        "a=fmtp:101 0-16",
        "a=ptime:20",
        "a=sendrecv",
    ]
    return "\r\n".join([*lines, ""]).encode()


def negotiate(body: bytes, codecs: tuple[int, ...]) -> tuple[Endpoint, int] | None:
    """The far end's RTP address and the first common payload type; None if there is none."""
    text = body.decode()
    media = re.search(r"^m=audio (\d+) \S+ ([\d ]+)", text, re.MULTILINE)
    address = re.search(r"^c=IN IP4 (\S+)", text, re.MULTILINE)
    if not media or not address:
        return None
    common = [int(one) for one in media[2].split() if int(one) in codecs]
    return ((address[1], int(media[1])), common[0]) if common else None

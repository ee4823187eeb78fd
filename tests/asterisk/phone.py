"""A scripted SIP phone: registers, places and takes calls, speaks, presses keys, and records the audio it receives."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Self

from sipmessage import URI, Address, Parameters, Request, Response

from tests.asterisk.g711 import Samples
from tests.asterisk.rtp import NetworkImpairment, Voice
from tests.asterisk.sip import Account, Dialog, Endpoint, SipSocket, negotiate, offer, token
from tests.asterisk.sound import Heard, SoundMatch

HOST = "127.0.0.1"
WITHIN_S = 30.0
POLL_S = 0.01
PHRASES = {
    180: "Ringing",
    183: "Session Progress",
    200: "OK",
    486: "Busy Here",
    488: "Not Acceptable Here",
    603: "Decline",
}


class PhoneCall:
    """One call of a phone, from its first ring on. All times are on the event loop's clock."""

    def __init__(self, phone: Phone, dialog: Dialog) -> None:
        self._phone = phone
        self._dialog = dialog
        self._invite: Request | None = None
        self._invited_from: Endpoint = phone.account.pbx
        self.voice = Voice(phone.impairment)
        self.status = 0
        """The last SIP status: 180, 200, 486, …"""
        self.ringing = asyncio.Event()
        self.up = asyncio.Event()
        self.over = asyncio.Event()
        self.ended_by_us = False
        self._changed = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    # -- actions -----------------------------------------------------------------------------------------------------

    async def answered(self, within_s: float = WITHIN_S) -> Self:
        """Wait until the call is connected."""
        async with asyncio.timeout(within_s):
            up, over = (asyncio.create_task(event.wait()) for event in (self.up, self.over))
            await asyncio.wait((up, over), return_when=asyncio.FIRST_COMPLETED)
            up.cancel()
            over.cancel()
        assert self.up.is_set(), f"the call ended with {self.status}"
        return self

    async def ended(self, within_s: float = WITHIN_S) -> None:
        """Wait until the call is over."""
        await asyncio.wait_for(self.over.wait(), within_s)

    async def say(self, pcm: Samples) -> tuple[float, float]:
        """Speak; return the times of the start and the end."""
        return await self.voice.say(pcm)

    async def press(self, digits: str) -> float:
        """Press keys; return the time of the last release."""
        return await self.voice.press(digits)

    def heard(self) -> Heard:
        """All audio heard so far."""
        return self.voice.heard()

    async def hears_sound(self, within_s: float = WITHIN_S) -> float:
        """Wait for new sound; return the time of its start."""
        began = asyncio.get_running_loop().time()
        async with asyncio.timeout(within_s):
            while self.voice.loud_until <= began or not (loud := self.heard().since(began).loud()):  # noqa: ASYNC110
                await asyncio.sleep(POLL_S)
        return loud[0]

    async def hears_quiet(self, for_s: float, within_s: float = WITHIN_S) -> None:
        """Wait until there has been no sound for `for_s`."""
        loop = asyncio.get_running_loop()
        async with asyncio.timeout(within_s):
            while self.voice.loud_until > loop.time() - for_s:  # noqa: ASYNC110 (sound has no event)
                await asyncio.sleep(POLL_S)

    async def hears(self, sought: Samples, within_s: float = WITHIN_S) -> SoundMatch:
        """Wait until a sound has ended and quiet follows; return its match."""
        if not self.voice.loud_until:
            await self.hears_sound(within_s)
        await self.hears_quiet(0.1, within_s)
        return self.heard().find(sought)

    def ring(self) -> None:
        """Signal to the caller that this phone rings."""
        self._respond(180)

    def preview(self) -> None:
        """Open the audio path before answering (early media)."""
        self._media(183)

    def answer(self) -> None:
        """Pick up."""
        self._media(200)
        self.up.set()

    def refuse(self, status: int) -> None:
        """Refuse with a SIP status: 486 busy, 603 declined, 488 no common codec, …"""
        self._respond(status)
        self.drop()

    async def hang_up(self) -> None:
        """Hang up, or cancel the call attempt. Harmless once the call is over."""
        if self.over.is_set():
            return
        self.ended_by_us = True
        if self.up.is_set():
            self._phone.sip.begin(self._dialog.request("BYE"), self._invited_from)
            self.drop()
        elif self._task:
            await self._cancel()
        else:
            self.refuse(480)

    async def _cancel(self) -> None:
        """Cancel an INVITE. That is allowed only after the first response; the call may still be answered."""
        async with asyncio.timeout(WITHIN_S):
            await self._changed.wait()
            if self._invite and not self.up.is_set() and not self.over.is_set():
                cancel = self._dialog.request("CANCEL", sequence=self._invite.cseq.sequence)
                cancel.uri, cancel.to_address, cancel.via = self._invite.uri, self._invite.to_address, self._invite.via
                self._phone.sip.send(cancel, self._invited_from)
            while not self.up.is_set() and not self.over.is_set():
                self._changed.clear()
                await self._changed.wait()
        await self.hang_up()

    # -- outgoing calls ----------------------------------------------------------------------------------------------

    async def dial(self, codecs: tuple[int, ...]) -> None:
        await self.voice.open(HOST)
        self._task = asyncio.create_task(self._call(offer((HOST, self.voice.port), codecs), codecs))

    async def _call(self, body: bytes, codecs: tuple[int, ...]) -> None:
        first = self._dialog.target
        refusal: Response | None = None
        while True:
            self._invite = self._dialog.request("INVITE", body)
            self._invite.uri = first
            if refusal:
                self._phone.account.authorize(self._invite, refusal)
            self._changed.clear()
            responses = self._phone.sip.begin(self._invite, self._invited_from)
            while (response := await responses.get()).code < 200:
                self.status = response.code
                self._changed.set()
                if response.code >= 180:
                    self.ringing.set()
                if response.body and (agreed := negotiate(response.body, codecs)):
                    self.voice.talk_to(*agreed)
            if response.code >= 300:
                self._acknowledge_refusal(response)
            if response.code not in (401, 407) or refusal:
                break
            refusal = response
        self.status = response.code
        if response.code >= 300:
            self.drop()
            return
        self._dialog.learn(response)
        agreed = negotiate(response.body, codecs)
        assert agreed
        self.voice.talk_to(*agreed)
        self.up.set()
        self._changed.set()
        while True:
            self._phone.sip.send(self._ack(), self._invited_from)
            await responses.get()

    def _ack(self) -> Request:
        assert self._invite
        ack = self._dialog.request("ACK", sequence=self._invite.cseq.sequence)
        ack.via = self._invite.via
        return ack

    def _acknowledge_refusal(self, response: Response) -> None:
        assert self._invite
        ack = self._ack()
        ack.uri, ack.to_address = self._invite.uri, response.to_address
        self._phone.sip.send(ack, self._invited_from)

    # -- incoming calls ----------------------------------------------------------------------------------------------

    async def receive(self, invite: Request, sender: Endpoint) -> None:
        self._invite, self._invited_from = invite, sender
        await self.voice.open(HOST)

    def _media(self, status: int) -> None:
        assert self._invite
        agreed = negotiate(self._invite.body, self._phone.codecs)
        assert agreed
        self.voice.talk_to(*agreed)
        self._respond(status, offer((HOST, self.voice.port), (agreed[1],)))

    def _respond(self, status: int, body: bytes = b"") -> None:
        assert self._invite
        response = Response(status, PHRASES.get(status, "Refused"), body)
        if body:
            response.headers.set("Content-Type", "application/sdp")
        self.status = status
        self._phone.respond(self._invite, self._invited_from, response, str(self._dialog.local.parameters["tag"]))

    # -- both directions ---------------------------------------------------------------------------------------------

    def handle(self, request: Request, sender: Endpoint) -> None:
        """Handle a request within the call."""
        tag = str(self._dialog.local.parameters["tag"])
        if request.method == "INVITE" and not self.up.is_set():
            return  # retransmitted before the answer
        if request.method == "INVITE":
            agreed = negotiate(request.body, self._phone.codecs)
            assert agreed
            self.voice.talk_to(*agreed)
            response = Response(200, "OK", offer((HOST, self.voice.port), (agreed[1],)))
            response.headers.set("Content-Type", "application/sdp")
            self._phone.respond(request, sender, response, tag)
        elif request.method != "ACK":
            self._phone.respond(request, sender, Response(200, "OK"), tag)
        if request.method == "CANCEL":
            self.refuse(487)
        elif request.method == "BYE":
            self.drop()

    def drop(self) -> None:
        """Drop the call without any signalling."""
        self.over.set()
        self._changed.set()
        self.voice.close()
        if self._task and self._task is not asyncio.current_task():
            self._task.cancel()


class Phone:
    """A phone with an account at a PBX; an async context manager that is registered inside.

    Incoming calls wait in `calls`; the phone has not responded to them yet, not even by ringing.
    """

    def __init__(self, name: str, password: str, pbx: Endpoint) -> None:
        self.account = Account(name, password, pbx)
        self.impairment = NetworkImpairment()
        self.codecs: tuple[int, ...] = (0, 8)
        self.sip = SipSocket(self._on_request)
        self.calls: asyncio.Queue[PhoneCall] = asyncio.Queue()
        self.on_call: Callable[[str], None] = lambda caller: None
        """Called with the calling number of each incoming call."""
        self.offline = False
        """Ignore all requests, as a phone without a network does."""
        self._known: dict[str, PhoneCall] = {}

    async def __aenter__(self) -> Self:
        await self.sip.open(HOST)
        assert await self.register() == 200
        return self

    async def __aexit__(self, *_: object) -> None:
        try:
            if not self.offline:
                for call in self._known.values():
                    await call.hang_up()
                await self.register(expires=0)
        finally:
            for call in self._known.values():
                call.drop()
            self.sip.close()

    @property
    def contact(self) -> Address:
        return Address(URI("sip", HOST, user=self.account.name, port=self.sip.endpoint[1]))

    async def register(self, expires: int = 300) -> int:
        """Register this phone's address at the PBX; return the SIP status."""
        mine = self.account.uri(self.account.name)
        dialog = Dialog(Address(mine, parameters=Parameters(tag=token())), Address(mine), token(), self.contact)
        refusal: Response | None = None
        while True:
            request = dialog.request("REGISTER")
            request.uri, request.expires = self.account.uri(), expires
            if refusal:
                self.account.authorize(request, refusal)
            response = await asyncio.wait_for(self.sip.begin(request, self.account.pbx).get(), WITHIN_S)
            if response.code != 401 or refusal:
                return response.code
            refusal = response

    async def call(self, number: str, codecs: tuple[int, ...] | None = None) -> PhoneCall:
        """Dial a number."""
        mine = Address(self.account.uri(self.account.name), parameters=Parameters(tag=token()))
        call = PhoneCall(self, Dialog(mine, Address(self.account.uri(number)), token(), self.contact))
        self._known[call._dialog.call_id] = call
        await call.dial(codecs or self.codecs)
        return call

    async def called(self, within_s: float = WITHIN_S) -> PhoneCall:
        """The next incoming call."""
        return await asyncio.wait_for(self.calls.get(), within_s)

    def respond(self, request: Request, sender: Endpoint, response: Response, tag: str) -> None:
        self.sip.respond(request, sender, response, tag, self.contact)

    def _on_request(self, request: Request, sender: Endpoint) -> None:
        call = self._known.get(request.call_id)
        if self.offline:
            return
        if call:
            call.handle(request, sender)
        elif request.method == "INVITE":
            asyncio.get_running_loop().create_task(self._ring(request, sender))
        elif request.method != "ACK":
            self.respond(request, sender, Response(200, "OK"), token())

    async def _ring(self, invite: Request, sender: Endpoint) -> None:
        local = Address(invite.to_address.uri, parameters=Parameters(tag=token()))
        dialog = Dialog(local, invite.from_address, invite.call_id, self.contact)
        dialog.target = invite.contact[0].uri
        call = self._known[invite.call_id] = PhoneCall(self, dialog)
        await call.receive(invite, sender)
        self.sip.send(_trying(invite), sender)
        self.on_call(invite.from_address.uri.user or "")
        self.calls.put_nowait(call)


def _trying(invite: Request) -> Response:
    response = Response(100, "Trying")
    response.via, response.from_address, response.to_address = invite.via, invite.from_address, invite.to_address
    response.call_id, response.cseq = invite.call_id, invite.cseq
    return response

"""Runs a call that an agent has taken: executes on the phones the actions that ivr.agents.transfer_state decides.

Must not know: telephone networks, how presence is stored, how commands reach this process.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from typing import Final, Protocol

from ivr.agents import transfer_state
from ivr.agents.agent_command import CommandRequest
from ivr.agents.call_offer import CallOffer, OfferContext, cancel_task
from ivr.agents.command_service import CommandService
from ivr.agents.key_commands import KeyCommands
from ivr.agents.queue import QueuedCaller, match_agents, unavailable_reason
from ivr.agents.roster import Rosters
from ivr.agents.transfer_state import AgentCommand, TransferPhase, TransferState
from ivr.errors import HuifangError, IllegalMove
from ivr.telephony.port import Call, HeldCaller, Person, TransferRefused

log = logging.getLogger(__name__)

AGENT_LOST: Final = "unavailable"
"""The reason given to the flow when the agent was disconnected while the caller was on hold."""


class AgentCallContext(OfferContext, Protocol):
    """The services that all agent calls of this process share; see ivr.agents.acd_service.AcdService."""

    rosters: Callable[[], Rosters]
    commands: CommandService

    def start_whisper(
        self, line: str, call: Call, whisper: str, caller_audio: bytes, asked_by: str, *, recorded: bool
    ) -> asyncio.Task[bytes]:
        """Start to render the whisper: the audio that an agent hears before accepting the call.

        `asked_by` is the agent who consults, if any; `recorded`: the whisper says that the conversation is recorded.
        """


class AgentCall:
    """One call from the moment an agent is connected to the caller.

    `whisper` is the flow's text about the caller, `caller_audio` the caller's own recorded words.
    """

    def __init__(
        self,
        context: AgentCallContext,
        call: Call,
        held: HeldCaller,
        whisper: str,
        caller_audio: bytes,
        offer: CallOffer,
        person: Person,
    ) -> None:
        self._context, self._call, self._held = context, call, held
        self._whisper, self._caller_audio = whisper, caller_audio
        self._transfer = TransferState(offer.agent.id)
        self._participants: dict[str, tuple[CallOffer, Person]] = {}
        self._watchers: dict[str, asyncio.Task[None]] = {}
        self._consultation: asyncio.Task[None] | None = None
        self._events: asyncio.Queue[transfer_state.TransferEvent | CommandRequest] = asyncio.Queue()
        self._add_participant(offer, person)

    async def run(self) -> str:
        """Run until the last agent has hung up or transfers the caller; return the line transferred to, else "".

        Cancelled when the caller hangs up.

        Raises:
            TransferRefused: the agent was disconnected while the caller was on hold.
        """
        try:
            with self._context.commands.mailbox(self._call.id, self._events.put_nowait):
                self._held.note_parties(self._transfer.parties)
                await self._participants[self._transfer.agent][0].publish_accepted()
                while self._transfer.phase is not TransferPhase.OVER:
                    event = await self._events.get()
                    if isinstance(event, CommandRequest):
                        await self._handle_request(event)
                    else:
                        await self._handle(event)
        except asyncio.CancelledError:
            await self._handle(transfer_state.CallerGone())
            raise
        finally:
            self._refuse_requests()
            await self._cancel_consultation()
            for who in tuple(self._participants):
                await self._release(who, "caller" if self._transfer.ending == "caller" else "")
        if self._transfer.ending == "dropped":
            raise TransferRefused(AGENT_LOST)
        return self._transfer.line

    async def _handle_request(self, request: CommandRequest) -> None:
        """Reply to a command as soon as the state machine has decided, then execute it."""
        command = request.command
        if not request.in_time():
            request.refuse("too_late", "the call came to the command too late")
        elif command.by not in self._transfer.staff:
            request.refuse("not_on_call", f"{command.by} is not on this call")
        else:
            try:
                step = transfer_state.step(self._transfer, command)
            except IllegalMove as illegal:
                request.refuse("not_possible", str(illegal))
            else:
                request.accept()
                await self._apply(command, step)

    def _refuse_requests(self) -> None:
        """Refuse the commands that the call has not come to."""
        while not self._events.empty():
            if isinstance(event := self._events.get_nowait(), CommandRequest):
                event.refuse("call_over", f"no agent has call {self._call.id} any more")

    async def _handle(self, event: transfer_state.TransferEvent) -> None:
        """Handle a fact, or a command by key: only the feed can tell the agent that it was refused."""
        try:
            step = transfer_state.step(self._transfer, event)
        except IllegalMove as illegal:
            if isinstance(event, AgentCommand) and event.by in self._participants:
                offer, _ = self._participants[event.by]
                await offer.publish("refused", wanted=event.what, reason=str(illegal))
            return
        await self._apply(event, step)

    async def _apply(self, event: transfer_state.TransferEvent, step: transfer_state.TransferStep) -> None:
        before = self._transfer
        self._transfer, acts = step
        if self._transfer.phase is not TransferPhase.OVER and self._transfer.parties != before.parties:
            self._held.note_parties(self._transfer.parties)
        for act in acts:
            await self._execute(act)
        if isinstance(event, transfer_state.ColleagueJoined) and event.colleague in self._participants:
            await self._participants[event.colleague][0].publish_accepted()
        if self._transfer != before and self._transfer.phase is not TransferPhase.OVER:
            await self._publish_phase()

    async def _publish_phase(self) -> None:
        """Publish to each agent on the call who is talking with whom."""
        transfer = self._transfer
        for who in transfer.staff:
            if who in self._participants:
                others = [other for other in transfer.staff if other != who]
                more = {"line_asked": transfer.line} if transfer.line else {}
                why = {"reason": transfer.why} if transfer.why else {}
                await self._participants[who][0].publish(
                    "talk", state=transfer.phase, colleague="".join(others), **more, **why
                )

    # --- actions --------------------------------------------------------------------------------------------------

    async def _execute(self, act: transfer_state.TransferAct) -> None:
        match act:
            case transfer_state.HoldCaller(who):
                await self._person(who).disconnect()
                await self._person(who).ringback()
            case transfer_state.RingColleague(line):
                self._consultation = asyncio.create_task(self._consult(line))
            case transfer_state.StopRinging():
                await self._cancel_consultation()
            case transfer_state.ConferAside(people):
                for who in people:
                    await self._person(who).step_aside()
            case transfer_state.JoinCaller(who):
                try:
                    await self._person(who).connect()
                except TransferRefused:
                    self._events.put_nowait(transfer_state.AgentGone(who, never_connected=True))
            case transfer_state.ReleaseAgent(who, by):
                await self._release(who, by)

    def _person(self, who: str) -> Person:
        return self._participants[who][1]

    def _add_participant(self, offer: CallOffer, person: Person) -> None:
        self._participants[offer.agent.id] = offer, person
        self._watchers[offer.agent.id] = asyncio.create_task(self._watch(offer.agent.id, person))

    async def _watch(self, who: str, person: Person) -> None:
        """Post the commands that a person enters on their phone's keypad, then their hangup."""
        keys = KeyCommands()
        while key := await person.key():
            if wanted := keys.press(key):
                self._events.put_nowait(AgentCommand(who, wanted))
        self._events.put_nowait(transfer_state.AgentGone(who))

    async def _release(self, who: str, by: str) -> None:
        if who in self._participants:
            offer, _ = self._participants.pop(who)
            await cancel_task(self._watchers.pop(who))
            close_task = asyncio.create_task(offer.close(by))
            try:
                await asyncio.shield(close_task)
            except asyncio.CancelledError:
                await asyncio.gather(close_task, return_exceptions=True)
                raise

    # --- consultation ---------------------------------------------------------------------------------------------

    async def _cancel_consultation(self) -> None:
        if self._consultation:
            await cancel_task(self._consultation)
            self._consultation = None

    async def _consult(self, line: str) -> None:
        """Ring the available agents of a line, one after the other, until one accepts."""
        agent = self._transfer.agent
        whisper_audio = self._context.start_whisper(
            line, self._call, self._whisper, self._caller_audio, agent, recorded=self._held.overheard
        )
        try:
            offer, person = await self._find_colleague(line, agent, whisper_audio)
        except TransferRefused as refused:
            self._events.put_nowait(transfer_state.ColleagueUnavailable(refused.reason))
        except HuifangError as fault:
            log.error("call %s: the consultation failed: %s", self._call.id, fault)
            self._events.put_nowait(transfer_state.ColleagueUnavailable("unavailable"))
        except Exception:
            log.exception("call %s: the consultation failed unexpectedly", self._call.id)
            self._events.put_nowait(transfer_state.ColleagueUnavailable("unavailable"))
        else:
            self._add_participant(offer, person)
            self._events.put_nowait(transfer_state.ColleagueJoined(offer.agent.id))
        finally:
            whisper_audio.cancel()

    async def _find_colleague(
        self, line: str, agent: str, whisper_audio: asyncio.Task[bytes]
    ) -> tuple[CallOffer, Person]:
        rosters, reason, tried = self._context.rosters(), "", frozenset({agent})
        if line not in rosters.lines:
            raise TransferRefused("unavailable")
        while True:
            on_duty = rosters.on_duty(line, self._context.now())
            presences = await self._context.presences.all()
            wanted = QueuedCaller(self._call.id, rosters.needs(line, self._call.language), tried)
            candidate = match_agents([wanted], on_duty, presences).get(self._call.id)
            if not candidate:
                raise TransferRefused(reason or unavailable_reason(wanted, on_duty, presences) or "busy")
            offer = CallOffer(
                self._context,
                self._call,
                self._held,
                line,
                rosters.lines[line],
                rosters.agents[candidate],
                asked_by=agent,
            )
            if not await offer.reserve():
                continue
            try:
                return offer, await offer.ring(whisper_audio)
            except TransferRefused as refused:
                reason, tried = refused.reason, tried | {candidate}

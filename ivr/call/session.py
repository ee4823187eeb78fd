"""One live call: turns media into events, steps the flow, saves, then performs.

Whatever fails on our side (a store, the flow, a task) ends the call with an apology; what was answered is kept.
Must not know: which network carries the call, how answers are understood, how records are kept.
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Coroutine, Sequence
from datetime import datetime
from typing import Final

from ivr import actions, events
from ivr.call.arrival import arrival
from ivr.call.audio.call_recorder import CallRecorder
from ivr.call.audio.player import BYTES_PER_MS, Player
from ivr.call.audio.recognition_session import RecognitionSession
from ivr.call.audio.utterance_buffer import UtteranceBuffer
from ivr.call.journal.call_journal import CallJournal
from ivr.call.journal.transcript_builder import TranscriptBuilder
from ivr.call.lookup import look_up
from ivr.call.mailbox import DecodingFinished, EndCall, Mailbox, MailboxItem, PromptStarted, TaskFailed
from ivr.call.node import Observer, ServiceNode
from ivr.events import Event
from ivr.flow import engine
from ivr.flow.parse import FlowSet
from ivr.flow.state import FlowTurn as FlowTurn
from ivr.lifecycle import Disposition
from ivr.prompts.library import SENTENCE_MS
from ivr.telephony.media import (
    AudioFrame,
    KeyPressed,
    MarkReached,
    MediaClosed,
    MediaEvent,
    OverheardAudio,
    PartiesChanged,
)
from ivr.telephony.port import CallLeg, TransferRefused
from ivr.turntaking import turn_io
from ivr.turntaking.translation import InputAction, alternatives, input_spec, outcome
from ivr.turntaking.turn import QuestionTurn
from recognizer.base import Grammar, Hypothesis

log = logging.getLogger(__name__)

MAX_CALL_MS: Final = 15 * 60_000
"""A call takes no longer than this; time with whom it was transferred to does not count."""
FAREWELL_MS: Final = 30_000
"""An apology and the hang-up after it take no longer than this."""
HANG_UP_S: Final = 5.0
WHISPERED_MS: Final = 15_000
"""Whoever takes a call hears no more of the caller's own words than this."""
TYPED_AHEAD: Final = 20
SENTENCE_PAUSE: Final = bytes(SENTENCE_MS * BYTES_PER_MS)


class Session:
    """Leads one call from its answer to its end, in the version of the flows that it began with."""

    def __init__(self, leg: CallLeg, flow_set: FlowSet, node: ServiceNode, observe: Observer) -> None:
        self._leg, self._flow_set, self._node = leg, flow_set, node
        self._mailbox = Mailbox(leg.media)
        self._journal = CallJournal(node, leg.call)
        self._recognition = RecognitionSession(node.recognizer, node.timing.decode_wait_ms)
        self._activity = node.activity()
        self._player = Player(leg.media)
        self._transcript = TranscriptBuilder(observe)
        self._recorder = CallRecorder(self._player)
        self._utterances = UtteranceBuffer()
        self._action: InputAction | None = None
        self._turn: QuestionTurn | None = None
        self._hypotheses: tuple[Hypothesis, ...] = ()
        self._typed_ahead: deque[str] = deque(maxlen=TYPED_AHEAD)
        self._limit_ms: int | None = MAX_CALL_MS
        self._cause = "normal"
        self._ended: events.CallEnded | None = None
        call = leg.call
        speech = call.language in node.recognizer.languages
        self._state = engine.begin(flow_set.flows, flow_set.version, call.flow, call.language, speech=speech)

    async def run(self) -> None:
        """Lead the call; returns when it is over and written down, however long the database is away.

        Cancelled, it hangs up and tries once to write the call down; what is missing then, a sweep finds.
        """
        ended = events.CallEnded("us", "failed")
        try:
            ended = await self._lead()
        finally:
            await self._close(ended)
        await self._journal.finish()

    def leave(self, cause: str) -> None:
        """Have the call ended with an apology, unless it is saying goodbye. `cause`: one of lifecycle.HANGUP_CAUSES."""
        self._mailbox.post(EndCall(cause))

    # --- the only consumer of the mailbox ----------------------------------------------------------------------

    async def _lead(self) -> events.CallEnded:
        self._mailbox.open()
        await self._guarded(self._open())
        while self._ended is None:
            wake_at = self._turn.wake_at() if self._turn else None
            item = await self._mailbox.take(
                min((due for due in (wake_at, self._limit_ms) if due is not None), default=None)
            )
            if self._limit_ms is not None and self._mailbox.clock() >= self._limit_ms:
                log.warning("call %s reached its time limit", self._leg.call.id)
                self._excuse("time_limit")
            await self._guarded(self._handle(item))
        return self._ended

    async def _guarded(self, work: Coroutine[None, None, None]) -> None:
        """Do something on this call; a fault of ours becomes an apology."""
        try:
            await work
        except Exception:
            log.exception("call %s: fault at %s", self._leg.call.id, self._state.place)
            self._excuse("failed")

    async def _open(self) -> None:
        node, call, now = self._node, self._leg.call, self._node.now()
        await self._journal.open(self._flow_set, now)
        await self._apply(events.CallAnswered(arrival(call, node.calendar, now.date())))

    async def _handle(self, item: MailboxItem | None) -> None:
        at_ms, turn = self._mailbox.clock(), self._turn
        match item:
            case None if turn:
                await self._obey(turn.tick(at_ms))
            case AudioFrame() | KeyPressed() | MarkReached() | MediaClosed() | OverheardAudio() | PartiesChanged():
                await self._meet(at_ms, item)
            case PromptStarted(begun, length_ms) if begun is turn:
                await self._obey(begun.prompt_started(at_ms, length_ms))
                while self._typed_ahead and self._turn is begun:
                    await self._obey(begun.pressed(at_ms, self._typed_ahead.popleft()))
            case DecodingFinished(asker, request, hypotheses) if asker is turn:
                self._hypotheses = hypotheses
                verdict = engine.completeness(
                    self._flow_set.flows, self._state, alternatives(hypotheses), self._node.now()
                )
                await self._obey(asker.decoded(at_ms, request, turn_io.Verdict[verdict.upper()]))
            case events.CaseFound() | events.CaseMissing():
                await self._apply(item)
            case events.TransferCompleted() | events.TransferFailed():
                self._limit_ms = at_ms + MAX_CALL_MS
                self._typed_ahead.clear()
                await self._apply(item)
            case EndCall(cause) if self._state.disposition is None:
                self._excuse(cause)
            case TaskFailed(error):
                raise error

    async def _meet(self, at_ms: int, event: MediaEvent) -> None:
        """Something came from the caller."""
        turn = self._turn
        match event:
            case AudioFrame(pcm):
                await self._hear(at_ms, pcm)
            case MarkReached(name) if self._player.heard(at_ms, name) and turn:
                await self._obey(turn.prompt_finished(at_ms))
            case KeyPressed(digit) if turn:
                await self._obey(turn.pressed(at_ms, digit))
            case KeyPressed(digit):
                self._typed_ahead.append(digit)
            case OverheardAudio(who, pcm):
                self._recorder.overheard(at_ms, who, pcm)
            case PartiesChanged(parties):
                self._transcript.talking(at_ms, parties)
            case MediaClosed(by, cause):
                ours = (by, cause) == ("us", "normal")
                self._ended = events.CallEnded(by, self._cause if ours else cause)

    async def _hear(self, at_ms: int, pcm: bytes) -> None:
        self._recognition.take(at_ms, pcm)
        self._recorder.caller(at_ms, pcm)
        self._utterances.take(at_ms, pcm)
        activity = self._activity.frame(pcm)
        if self._turn:
            await self._obey(self._turn.voice(at_ms, activity, self._player.level_dbov(at_ms)))

    # --- turn-taking -------------------------------------------------------------------------------------------

    async def _obey(self, outputs: Sequence[turn_io.TurnOutput]) -> None:
        for output in outputs:
            match output:
                case turn_io.Mute():
                    self._player.mute(self._mailbox.clock())
                case turn_io.Resume():
                    self._recognition.stop()
                    self._player.resume(self._mailbox.clock())
                case turn_io.GiveUpPrompt():
                    continue
                case turn_io.Listen(from_ms):
                    self._listen(from_ms)
                case turn_io.Decode(request) if self._turn:
                    self._mailbox.spawn(self._decode(self._turn, request))
                case turn_io.Decode():
                    continue
                case _:
                    await self._settle(output)

    def _listen(self, from_ms: int) -> None:
        speech = None if isinstance(self._action, actions.Notice | None) else self._action.speech
        if speech:
            self._recognition.start(Grammar(speech.language, speech.kind, speech.phrases, speech.same), from_ms)

    async def _decode(self, turn: QuestionTurn, request: int) -> None:
        self._mailbox.post(DecodingFinished(turn, request, await self._recognition.hypotheses()))

    async def _settle(self, final: turn_io.TurnResult) -> None:
        """The turn is over: tell the flow what came of it."""
        if isinstance(final, turn_io.FreeSpeechEnded):
            self._hypotheses = await self._recognition.hypotheses()
        self._recognition.stop()
        self._turn = None
        if self._action:
            event = outcome(self._action, final, self._hypotheses)
            if isinstance(event, events.SpeechRecorded):
                self._utterances.keep(event.span_ms)
            await self._apply(event)

    # --- the flow ----------------------------------------------------------------------------------------------

    async def _apply(self, event: Event) -> None:
        """Step, save, perform."""
        now = self._node.now()
        try:
            turn = engine.step(self._flow_set.flows, self._state, event, now)
        except Exception:
            log.exception("call %s: the flow cannot go on from %s", self._leg.call.id, self._state.place)
            self._excuse("failed", event)
            return
        if turn.state is self._state:
            return
        self._note(event, turn, now)
        await self._journal.save(turn)
        for action in turn.actions:
            self._perform(action)

    def _note(self, event: Event, turn: FlowTurn, now: datetime) -> None:
        """The turn has come about; what it brought is in the ledger from here on, even when a store is away."""
        at_ms = self._mailbox.clock()
        lines = self._transcript.heard(self._player.heard_share(at_ms)) + self._transcript.caller(at_ms, event, turn)
        self._journal.note(event, turn, lines, now)
        self._state = turn.state

    def _perform(self, action: actions.Action) -> None:
        match action:
            case actions.Say(prompts):
                self._speak(prompts)
            case actions.Notice() | actions.Ask() | actions.Record() | actions.Hold():
                timing = {} if isinstance(action, actions.Notice | actions.Hold) else action.timing
                self._action, self._hypotheses = action, ()
                wanted = input_spec(action)
                self._utterances.listen(wanted.voice == "free")
                self._turn = QuestionTurn(wanted, self._node.timing.override(timing))
                self._mailbox.post(PromptStarted(self._turn, self._speak(action.prompts)))
            case actions.Transfer(prompts=prompts):
                self._speak(prompts)
                self._limit_ms = None
                self._mailbox.spawn(self._transfer(action))
            case actions.LookUpCase():
                self._mailbox.spawn(self._look_up(action))
            case actions.StartRecording():
                path = self._node.recording_path(self._leg.call.id, self._node.now())
                self._recorder.start(self._mailbox.clock(), path)
            case actions.Hangup(linger_ms):
                self._mailbox.spawn(self._hang_up(linger_ms))

    def _speak(self, prompts: Sequence[actions.Prompt]) -> int:
        """Play prompts; returns their length in ms."""
        language, at_ms, library = self._state.language, self._mailbox.clock(), self._node.prompts
        said = [self._utterances.beside(prompt) for prompt in prompts]
        self._transcript.us(at_ms, " ".join(library.text(prompt, language) for prompt, _ in said))
        self._player.start(at_ms, SENTENCE_PAUSE.join(library.pcm(prompt, language, own) for prompt, own in said))
        return self._player.length_ms

    async def _until_heard(self) -> None:
        if not await self._player.until_quiet():
            log.warning("call %s: no word from the far end that a prompt was heard", self._leg.call.id)

    async def _transfer(self, wanted: actions.Transfer) -> None:
        await self._until_heard()
        target = wanted.line if wanted.line and self._leg.reaches(wanted.line) else wanted.target
        try:
            own = self._utterances.said(wanted.said)[: WHISPERED_MS * BYTES_PER_MS]
            ended_by = await self._leg.transfer(target, wanted.whisper, own=own, overhear=self._recorder.running)
        except TransferRefused as refused:
            self._mailbox.post(events.TransferFailed(wanted.wait, refused.reason))
        except Exception:
            log.exception("call %s: the transfer to %s failed", self._leg.call.id, target)
            self._mailbox.post(events.TransferFailed(wanted.wait, "unavailable"))
        else:
            if ended_by != "caller":
                self._mailbox.post(events.TransferCompleted(wanted.wait))

    async def _look_up(self, wanted: actions.LookUpCase) -> None:
        await self._until_heard()
        node = self._node
        self._mailbox.post(await look_up(node.records, node.timezone, self._leg.call.id, wanted))

    async def _hang_up(self, linger_ms: int) -> None:
        await self._until_heard()
        await asyncio.sleep(linger_ms / 1000)
        await self._leg.hang_up()

    def _excuse(self, cause: str, event: Event | None = None) -> None:
        """Something is wrong, at `event` where one led to it: say sorry and hang up; failing that, just hang up."""
        if self._cause != "normal":
            self._ended = events.CallEnded("us", self._cause)
            return
        self._cause = cause
        self._limit_ms = self._mailbox.clock() + FAREWELL_MS
        self._recognition.stop()
        self._turn = None
        try:
            now = self._node.now()
            turn = engine.fail(self._flow_set.flows, self._state, now, event)
            self._note(event or events.CallEnded("us", cause), turn, now)
            for action in turn.actions:
                self._perform(action)
        except Exception:
            log.exception("call %s: no apology could be said", self._leg.call.id)
            self._ended = events.CallEnded("us", cause)

    async def _close(self, ended: events.CallEnded) -> None:
        """The line is gone, or we are: judge the call, write down what the records take, let everything go."""
        call_id = self._leg.call.id
        try:
            async with asyncio.timeout(HANG_UP_S):
                await self._leg.hang_up()
        except Exception:
            log.exception("call %s: it could not be hung up", call_id)
        await self._mailbox.close()
        self._recognition.stop()
        now = self._node.now()
        try:
            self._note(ended, engine.step(self._flow_set.flows, self._state, ended, now), now)
        except Exception:
            log.exception("call %s: its last words failed", call_id)
        kept = await self._recorder.close(self._mailbox.clock())
        audio = (kept, self._recorder.from_ms) if kept else None
        await self._journal.close(ended, self._state.disposition or Disposition.FAILED, audio)

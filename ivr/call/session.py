"""Session of one live call: translates media into events, steps the flow, saves the turn, then performs its actions.

Any failure on our side (both stores, the flow, a task) ends the call with an apology; all answers are kept.
Must not know: which network carries the call, how answers are understood, how records are stored.
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Coroutine, Sequence
from datetime import datetime
from typing import Final

from ivr import actions, events
from ivr.call.arrival import initial_variables
from ivr.call.audio.call_recorder import CallRecorder
from ivr.call.audio.player import BYTES_PER_MS, Player
from ivr.call.audio.recognition_session import RecognitionSession
from ivr.call.audio.utterance_buffer import UtteranceBuffer
from ivr.call.journal.call_journal import CallJournal
from ivr.call.journal.live_state import LiveState
from ivr.call.journal.transcript_builder import TranscriptBuilder
from ivr.call.lookup import look_up
from ivr.call.mailbox import DecodingFinished, EndCall, HandOver, Mailbox, MailboxItem, PromptStarted, TaskFailed
from ivr.call.node import ServiceNode
from ivr.events import Event
from ivr.flow import engine
from ivr.flow.parse import FlowSet
from ivr.flow.state import FlowTurn
from ivr.lifecycle import Disposition
from ivr.prompts.library import SENTENCE_MS
from ivr.telephony.media import (
    FRAME_BYTES,
    AudioFrame,
    CallReleased,
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
"""Maximum duration of a call, not counting time spent in a transfer."""
APOLOGY_TIMEOUT_MS: Final = 30_000
"""Maximum duration of the apology and the hang-up after it."""
HANG_UP_TIMEOUT_S: Final = 5.0
"""Timeout for hanging up when the session closes."""
CALLER_AUDIO_MAX_MS: Final = 15_000
"""Maximum length of the caller's own words played in a whisper."""
TYPE_AHEAD_MAX: Final = 20
"""Maximum number of keys kept for the questions to come; further keys are dropped."""
SENTENCE_PAUSE: Final = bytes(SENTENCE_MS * BYTES_PER_MS)
"""Silence between two prompts played in one sequence."""
RESUMED_PAUSE: Final = bytes(60 * BYTES_PER_MS)
"""Short silence between the notice that the call goes on and the question: the caller has waited long enough.

Until then the caller is not heard: it may be the rest of what they have said to the lost node.
"""
SILENCE: Final = bytes(FRAME_BYTES)


class Session:
    """Runs one call from answer to end, on the flow version it started with.

    `resumed` is where another node has left the call, and `event` what to tell the flow then.
    """

    def __init__(
        self,
        leg: CallLeg,
        flow_set: FlowSet,
        node: ServiceNode,
        resumed: LiveState | None = None,
        event: events.CallResumed = events.CallResumed(),  # noqa: B008 (frozen)
    ) -> None:
        self._leg, self._flow_set, self._node = leg, flow_set, node
        self._resumed, self._resumption = resumed, event
        elapsed_ms = int((node.now() - resumed.answered_at).total_seconds() * 1000) if resumed else 0
        self._mailbox = Mailbox(leg.media, elapsed_ms)
        self._journal = CallJournal(node, leg.call)
        self._recognition = RecognitionSession(node.recognizer, node.timing.decode_wait_ms)
        self._activity = node.activity()
        self._player = Player(leg.media)
        self._transcript = TranscriptBuilder(leg.show)
        self._recorder = CallRecorder(self._player)
        self._utterances = UtteranceBuffer()
        self._action: InputAction | None = None
        self._turn: QuestionTurn | None = None
        self._hypotheses: tuple[Hypothesis, ...] = ()
        self._type_ahead: deque[str] = deque()
        self._deadline_ms: int | None = elapsed_ms + MAX_CALL_MS
        self._turn_ms, self._turn_at = 0, node.now()
        self._cause = "normal"
        self._ended: events.CallEnded | None = None
        self._released = False
        self._deaf_until_ms = 0
        call = leg.call
        speech = call.language in node.recognizer.languages
        self._state = (
            resumed.flow
            if resumed
            else engine.begin(flow_set.flows, flow_set.version, call.flow, call.language, speech=speech)
        )

    async def run(self) -> None:
        """Run the call; return once it is over and its record is in the journal. When cancelled, hang up first."""
        ended = events.CallEnded("us", "failed")
        try:
            ended = await self._run_loop()
        finally:
            await self._close(ended)

    async def finish(self) -> None:
        """Wait until the call is recorded in the database, however long that is unavailable."""
        await self._journal.finish(released=self._released)

    def end(self, cause: str) -> None:
        """End the call with an apology, unless its disposition is already set and it is about to end.

        `cause` is one of lifecycle.HANGUP_CAUSES.
        """
        self._mailbox.post(EndCall(cause))

    def hand_over(self) -> None:
        """Leave the call to another node; end it with an apology if no node can take it. See `end`."""
        self._mailbox.post(HandOver())

    # --- the only consumer of the mailbox ----------------------------------------------------------------------

    async def _run_loop(self) -> events.CallEnded:
        self._mailbox.open()
        await self._guard(self._open())
        while self._ended is None:
            wake_at = self._turn.wake_at() if self._turn else None
            item = await self._mailbox.take(
                min((due for due in (wake_at, self._deadline_ms) if due is not None), default=None)
            )
            if self._deadline_ms is not None and self._mailbox.clock() >= self._deadline_ms:
                log.warning("call %s: time limit reached", self._leg.call.id)
                self._apologise("time_limit")
            await self._guard(self._handle(item))
        return self._ended

    async def _guard(self, work: Coroutine[None, None, None]) -> None:
        """Await `work`; on any exception, apologise and end the call."""
        try:
            await work
        except Exception:
            log.exception("call %s: failure at %s", self._leg.call.id, self._state.place)
            self._apologise("failed")

    async def _open(self) -> None:
        node, call, now = self._node, self._leg.call, self._node.now()
        if self._resumed:
            self._journal.resume(self._resumed)
            if self._resumed.consent_at:
                path = node.recordings.spool_path(call.id, self._state.turn + 1)
                self._recorder.start(self._mailbox.clock(), now, path)
            await self._step(self._resumption)
            return
        self._journal.open(self._flow_set, now)
        brought = initial_variables(call, self._flow_set.flows, node.calendar, now.date())
        await self._step(events.CallAnswered(brought))

    async def _handle(self, item: MailboxItem | None) -> None:
        at_ms, turn = self._mailbox.clock(), self._turn
        match item:
            case None if turn:
                await self._execute(turn.tick(at_ms))
            case (
                AudioFrame()
                | KeyPressed()
                | MarkReached()
                | MediaClosed()
                | CallReleased()
                | OverheardAudio()
                | PartiesChanged()
            ):
                await self._handle_media(at_ms, item)
            case PromptStarted(started, length_ms) if started is turn:
                await self._execute(started.prompt_started(at_ms, length_ms))
                await self._take_keys(at_ms)
            case DecodingFinished(requester, request, hypotheses) if requester is turn:
                self._hypotheses = hypotheses
                verdict = engine.completeness(
                    self._flow_set.flows, self._state, alternatives(hypotheses), self._node.now()
                )
                await self._execute(requester.decoded(at_ms, request, turn_io.Verdict[verdict.upper()]))
            case events.CaseFound() | events.CaseMissing():
                await self._step(item)
            case events.TransferCompleted() | events.TransferFailed():
                self._deadline_ms = at_ms + MAX_CALL_MS
                self._type_ahead.clear()
                await self._step(item)
            case EndCall(cause) if self._state.disposition is None:
                self._apologise(cause)
            case HandOver() if self._state.disposition is None:
                if not await self._leg.release():
                    self._apologise("failed")
            case TaskFailed(error):
                raise error

    async def _handle_media(self, at_ms: int, event: MediaEvent) -> None:
        """Handle a media event."""
        turn = self._turn
        match event:
            case AudioFrame(pcm):
                await self._handle_audio(at_ms, pcm)
            case MarkReached(name) if self._player.mark_reached(at_ms, name) and turn:
                await self._execute(turn.prompt_finished(at_ms))
            case KeyPressed(digit):
                if len(self._type_ahead) < TYPE_AHEAD_MAX:
                    self._type_ahead.append(digit)
                await self._take_keys(at_ms)
            case OverheardAudio(who, pcm):
                self._recorder.add_overheard(at_ms, who, pcm)
            case PartiesChanged(parties):
                self._transcript.set_parties(at_ms, parties)
            case MediaClosed(by, cause):
                hung_up_by_us = (by, cause) == ("us", "normal")
                self._ended = events.CallEnded(by, self._cause if hung_up_by_us else cause)
            case CallReleased():
                self._released = True
                self._ended = events.CallEnded("network", "media_lost")

    async def _take_keys(self, at_ms: int) -> None:
        """Pass the pressed keys to the current question, in order; without one, they wait for the next question."""
        while self._type_ahead and (turn := self._turn) and turn.accepts_input:
            await self._execute(turn.pressed(at_ms, self._type_ahead.popleft()))

    async def _handle_audio(self, at_ms: int, pcm: bytes) -> None:
        self._recorder.add_caller(at_ms, pcm)
        if at_ms < self._deaf_until_ms:
            pcm = SILENCE
        self._recognition.add_frame(at_ms, pcm)
        self._utterances.add_frame(at_ms, pcm)
        activity = self._activity.frame(pcm)
        if self._turn:
            await self._execute(self._turn.voice(at_ms, activity, self._player.level_dbov(at_ms)))

    # --- turn-taking -------------------------------------------------------------------------------------------

    async def _execute(self, outputs: Sequence[turn_io.TurnOutput]) -> None:
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
                    await self._finish_turn(output)

    def _listen(self, from_ms: int) -> None:
        speech = None if isinstance(self._action, actions.Notice | None) else self._action.speech
        if speech:
            self._recognition.start(Grammar(speech.language, speech.kind, speech.phrases, speech.same), from_ms)

    async def _decode(self, turn: QuestionTurn, request: int) -> None:
        self._mailbox.post(DecodingFinished(turn, request, await self._recognition.hypotheses()))

    async def _finish_turn(self, final: turn_io.TurnResult) -> None:
        """End the turn and pass its result to the flow."""
        if isinstance(final, turn_io.FreeSpeechEnded):
            self._hypotheses = await self._recognition.hypotheses()
        self._recognition.stop()
        self._turn = None
        if self._action:
            event = outcome(self._action, final, self._hypotheses)
            if isinstance(event, events.SpeechRecorded):
                self._utterances.store(event.span_ms)
            await self._step(event)

    # --- the flow ----------------------------------------------------------------------------------------------

    async def _step(self, event: Event) -> None:
        """Step the flow with an event, save the turn, then perform its actions."""
        now = self._node.now()
        try:
            turn = engine.step(self._flow_set.flows, self._state, event, now)
        except Exception:
            log.exception("call %s: the flow failed to step from %s", self._leg.call.id, self._state.place)
            self._apologise("failed", event)
            return
        if turn.state is self._state:
            return
        self._record_turn(event, turn, now)
        await self._journal.save(turn.state.turn)
        for action in turn.actions:
            self._perform(action)

    def _record_turn(self, event: Event, turn: FlowTurn, now: datetime) -> None:
        """Add the turn to the journal, which holds it from here on even if a store is unavailable."""
        self._turn_at, self._turn_ms = now, (at_ms := self._mailbox.clock())
        lines = self._transcript.end_prompt(self._player.heard_share(at_ms)) + self._transcript.caller_lines(
            at_ms, event, turn
        )
        self._journal.add_turn(event, turn, lines, now)
        self._state = turn.state

    def _perform(self, action: actions.Action) -> None:
        match action:
            case actions.Say(prompts):
                self._play(prompts)
            case actions.Notice() | actions.Ask() | actions.Record() | actions.Hold():
                timing = {} if isinstance(action, actions.Notice | actions.Hold) else action.timing
                self._action, self._hypotheses = action, ()
                spec = input_spec(action)
                self._utterances.begin(spec.voice == "free")
                self._turn = QuestionTurn(spec, self._node.timing.override(timing))
                self._mailbox.post(PromptStarted(self._turn, self._play(action.prompts)))
            case actions.Transfer(prompts=prompts):
                self._play(prompts)
                self._deadline_ms = None
                self._mailbox.spawn(self._transfer(action))
            case actions.LookUpCase():
                self._mailbox.spawn(self._look_up(action))
            case actions.StartRecording():
                path = self._node.recordings.spool_path(self._leg.call.id)
                self._recorder.start(self._turn_ms, self._turn_at, path)
            case actions.Hangup(linger_ms):
                self._mailbox.spawn(self._hang_up(linger_ms))

    def _play(self, prompts: Sequence[actions.Prompt]) -> int:
        """Play prompts; return their length in ms."""
        language, at_ms, library = self._state.language, self._mailbox.clock(), self._node.prompts
        resolved = [self._utterances.resolve(prompt) for prompt in prompts]
        self._transcript.begin_prompt(at_ms, " ".join(library.text(prompt, language) for prompt, _ in resolved))
        audio = [library.pcm(prompt, language, own) for prompt, own in resolved]
        notice = b""
        if prompts and prompts[0].name == self._flow_set.flows.common.resumed:
            notice = audio.pop(0) + RESUMED_PAUSE
            self._deaf_until_ms = at_ms + len(notice) // BYTES_PER_MS
        self._player.start(at_ms, notice + SENTENCE_PAUSE.join(audio))
        return self._player.length_ms

    async def _wait_until_heard(self) -> None:
        if not await self._player.wait_until_heard():
            log.warning("call %s: the far end did not report the prompt's mark in time", self._leg.call.id)

    async def _transfer(self, action: actions.Transfer) -> None:
        await self._wait_until_heard()
        transfers, leg = self._node.transfers, self._leg
        target = action.line if action.line and transfers.can_reach(leg, action.line) else action.target
        try:
            caller_audio = self._utterances.audio(action.said)[: CALLER_AUDIO_MAX_MS * BYTES_PER_MS]
            ended_by = await transfers.transfer(
                leg, target, action.whisper, caller_audio=caller_audio, overhear=self._recorder.running
            )
        except TransferRefused as refused:
            self._mailbox.post(events.TransferFailed(action.wait, refused.reason))
        except Exception:
            log.exception("call %s: transfer to %s failed", self._leg.call.id, target)
            self._mailbox.post(events.TransferFailed(action.wait, "unavailable"))
        else:
            if ended_by != "caller":
                self._mailbox.post(events.TransferCompleted(action.wait))

    async def _look_up(self, action: actions.LookUpCase) -> None:
        await self._wait_until_heard()
        await self._journal.written()
        node = self._node
        self._mailbox.post(await look_up(node.records, node.timezone, self._leg.call.id, action))

    async def _hang_up(self, linger_ms: int) -> None:
        await self._wait_until_heard()
        await asyncio.sleep(linger_ms / 1000)
        await self._leg.hang_up()

    def _apologise(self, cause: str, event: Event | None = None) -> None:
        """Play an apology and hang up; if an apology already failed, end the call at once.

        `event` is the event that the flow failed to process, if any.
        """
        if self._cause != "normal":
            self._ended = events.CallEnded("us", self._cause)
            return
        self._cause = cause
        self._deadline_ms = self._mailbox.clock() + APOLOGY_TIMEOUT_MS
        self._recognition.stop()
        self._turn = None
        try:
            now = self._node.now()
            turn = engine.fail(self._flow_set.flows, self._state, now, event)
            self._record_turn(event or events.CallEnded("us", cause), turn, now)
            for action in turn.actions:
                self._perform(action)
        except Exception:
            log.exception("call %s: the apology could not be played", self._leg.call.id)
            self._ended = events.CallEnded("us", cause)

    async def _close(self, ended: events.CallEnded) -> None:
        """Hang up, let the flow process the end of the call, record the outcome, and release all resources.

        The end of a call with which another node goes on is recorded by that node.
        """
        call_id = self._leg.call.id
        try:
            async with asyncio.timeout(HANG_UP_TIMEOUT_S):
                await self._leg.hang_up()
        except Exception:
            log.exception("call %s: hang-up failed", call_id)
        await self._mailbox.close()
        self._recognition.stop()
        now = self._node.now()
        try:
            if ended.by == "network":
                self._released = self._released or await self._journal.taken_over()
            if not self._released:
                self._record_turn(ended, engine.step(self._flow_set.flows, self._state, ended, now), now)
        except Exception:
            log.exception("call %s: the flow could not process the end of the call", call_id)
        stored = None
        try:
            recording = await self._recorder.close(self._mailbox.clock())
            if recording and self._recorder.began_at:
                stored = await self._node.recordings.store(recording, self._recorder.began_at)
        finally:
            audio = (stored, self._recorder.from_ms) if stored else None
            if self._released:
                self._journal.release(audio)
            else:
                await self._journal.close(ended, self._state.disposition or Disposition.FAILED, audio)

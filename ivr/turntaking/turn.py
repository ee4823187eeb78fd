"""Turn-taking for one question: takes prompt, voice, key and timer inputs, returns outputs. Sans-I/O, in virtual time.

Must not know: what is asked or understood, recognisers, networks, asyncio, any clock. Every input carries its time on
the call's clock (ms) and returns outputs to execute in order. After a TurnResult all inputs are ignored.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from enum import Enum, auto

from ivr.turntaking.timing import Timing
from ivr.turntaking.turn_io import (
    Decode,
    FreeSpeechEnded,
    GiveUpPrompt,
    InputSpec,
    KeysEntered,
    Listen,
    Mute,
    NoInput,
    PromptFinished,
    Resume,
    SpeechAnswered,
    TurnOutput,
    TurnResult,
    Verdict,
)
from ivr.turntaking.voice import SILENT_DBOV, FrameActivity, JudgedFrame, Utterance, VoiceClassifier


class TurnStage(Enum):
    """State of the prompt."""

    PENDING = auto()
    PLAYING = auto()
    MUTED = auto()
    OVER = auto()


@dataclass(frozen=True, slots=True)
class _DecodeRequest:
    """A decode of the current utterance, requested at `at_ms`; `verdict` is None until decoded.

    The verdict on a `last` request ends the utterance.
    """

    voice: Utterance
    request: int
    at_ms: int
    last: bool
    verdict: Verdict | None = None


_Deadline = tuple[int, Callable[[int], tuple[TurnOutput, ...]]]


class QuestionTurn:
    """Turn-taking for one question from its prompt to its answer; see the module docstring."""

    def __init__(self, expected: InputSpec, timing: Timing) -> None:
        self._expected = expected
        self._timing = timing
        self._classifier = VoiceClassifier(timing)
        self._now = 0
        self._frame_ms = 0
        self._stage = TurnStage.PENDING
        self._stage_ms = 0
        self._prompt_deadline_ms: int | None = None
        self._mutes = 0
        self._utterance: Utterance | None = None
        self._decode: _DecodeRequest | None = None
        self._requests = 0
        self._digits = ""
        self._key_ms = 0
        self._finished = False

    @property
    def accepts_input(self) -> bool:
        """Whether voice or keys are expected; keys pressed in any other turn belong to the next one that does."""
        return self._expected.accepts_input

    def prompt_started(self, at_ms: int, length_ms: int) -> tuple[TurnOutput, ...]:
        """Handle the start of the prompt, which is `length_ms` long."""
        at = self._advance(at_ms)
        if self._finished or self._stage is not TurnStage.PENDING:
            return ()
        self._enter(TurnStage.PLAYING, at)
        self._prompt_deadline_ms = at + length_ms + self._timing.mark_grace_ms
        return self._give_up_prompt(at) if self._digits else ()

    def prompt_finished(self, at_ms: int) -> tuple[TurnOutput, ...]:
        """Handle the end of the prompt, or the absence of one."""
        at = self._advance(at_ms)
        return () if self._finished else self._end_prompt(at)

    def voice(self, at_ms: int, activity: FrameActivity, prompt_dbov: float = SILENT_DBOV) -> tuple[TurnOutput, ...]:
        """Handle a frame of the caller's audio that ended at `at_ms`.

        `prompt_dbov` is our prompt's level at that time, used to detect its echo.
        """
        at = self._frame_ms = self._advance(at_ms)
        judged = self._classifier.classify(at, activity, prompt_dbov)
        if self._finished or self._digits or self._expected.voice is None or self._stage is TurnStage.PENDING:
            return self._run_due(at, 0)
        return self._add_frame(at, judged) + self._run_due(at, 0)

    def decoded(self, at_ms: int, request: int, verdict: Verdict) -> tuple[TurnOutput, ...]:
        """Handle the verdict on `Decode(request)`; ignore it if the voice has continued since."""
        at = self._advance(at_ms)
        decode = self._decode
        if decode is None or decode.request != request or decode.verdict is not None:
            return ()
        return self._apply_verdict(at, decode, verdict) + self._run_due(at, self._timing.stall_ms)

    def pressed(self, at_ms: int, key: str) -> tuple[TurnOutput, ...]:
        """Handle a key, possibly pressed before the prompt (type-ahead). The first accepted key ends voice input."""
        at = self._advance(at_ms)
        expected = self._expected
        if self._finished:
            return ()
        if key == expected.finish_on_key and self._digits:
            return self._finish(at, KeysEntered(self._digits))
        if key == expected.finish_on_key and expected.voice == "free":
            return self._end_free(at)
        if len(key) != 1 or key not in expected.keys:
            return ()
        self._digits += key
        self._key_ms = at
        self._utterance = self._decode = None
        if len(self._digits) >= expected.num_digits or self._choice_is_final():
            return self._finish(at, KeysEntered(self._digits))
        return self._give_up_prompt(at)

    def _choice_is_final(self) -> bool:
        """Return whether no expected choice extends the keys pressed so far."""
        choices, digits = self._expected.choices, self._digits
        return bool(choices) and not any(len(one) > len(digits) and one.startswith(digits) for one in choices)

    def tick(self, at_ms: int) -> tuple[TurnOutput, ...]:
        """Handle the passage of time; required at `wake_at`, harmless at any other time."""
        return self._run_due(self._advance(at_ms), self._timing.stall_ms)

    def wake_at(self) -> int | None:
        """Return the time of the next tick if no other input arrives, or None."""
        return min((due for due, _ in self._deadlines(self._timing.stall_ms)), default=None)

    def _advance(self, at_ms: int) -> int:
        self._now = max(self._now, at_ms)
        return self._now

    def _enter(self, stage: TurnStage, at: int) -> None:
        self._stage, self._stage_ms = stage, at

    def _run_due(self, at: int, stall_ms: int) -> tuple[TurnOutput, ...]:
        outputs: tuple[TurnOutput, ...] = ()
        while True:
            due = min(self._deadlines(stall_ms), key=lambda deadline: deadline[0], default=None)
            if due is None or due[0] > at:
                return outputs
            outputs += due[1](at)

    def _deadlines(self, stall_ms: int) -> Iterator[_Deadline]:
        """Yield the pending deadlines with their handlers; each handler removes or moves its deadline."""
        timing = self._timing
        if self._finished:
            return
        if self._digits:
            yield self._key_ms + timing.inter_digit_ms, lambda at: self._finish(at, KeysEntered(self._digits))
            return
        if self._stage is TurnStage.PLAYING and self._prompt_deadline_ms is not None:
            yield self._prompt_deadline_ms, self._end_prompt
        if self._stage is TurnStage.MUTED:
            yield self._stage_ms + timing.doubt_ms, self._resume
        if self._decode and self._decode.verdict is None:
            decode = self._decode
            yield decode.at_ms + timing.decode_wait_ms, lambda at: self._apply_verdict(at, decode, Verdict.NOTHING)
        elif self._utterance and self._accepts_voice():
            voice = self._utterance
            quiet = max(voice.last_ms + self._quiet_ms(), self._frame_ms + stall_ms)
            yield quiet, lambda at: self._end_utterance(at, voice, last=self._decode is not None)
            yield voice.start_ms + self._max_ms(), lambda at: self._end_utterance(at, voice, last=True)
        elif self._stage is TurnStage.OVER and not self._utterance:
            yield self._stage_ms + self._expected.timeout_ms, lambda at: self._finish(at, NoInput())

    def _accepts_voice(self) -> bool:
        return self._stage is TurnStage.OVER or self._expected.barge_in

    def _quiet_ms(self) -> int:
        """Return how long the caller must be quiet before the utterance is decoded next."""
        timing, kind = self._timing, self._expected.voice
        if kind == "free":
            return timing.free_quiet_ms if self._stage is TurnStage.OVER else timing.resume_ms
        if self._decode is None:
            return timing.sequence_look_ms if kind == "sequence" else timing.closed_quiet_ms
        if self._decode.verdict is Verdict.NOTHING and self._stage is not TurnStage.OVER:
            return timing.resume_ms
        if kind == "sequence":
            return timing.sequence_quiet_ms
        return timing.prefix_quiet_ms if self._decode.verdict is Verdict.PREFIX else timing.nothing_quiet_ms

    def _max_ms(self) -> int:
        if self._expected.voice == "free":
            return self._expected.max_ms
        return self._timing.sequence_max_ms if self._expected.voice == "sequence" else self._timing.closed_max_ms

    def _add_frame(self, at: int, judged: JudgedFrame) -> tuple[TurnOutput, ...]:
        voice = self._utterance
        if voice is None:
            return self._begin_utterance(at, judged) if judged.suspect else ()
        if voice.add(at, judged) and at < voice.start_ms + self._max_ms():
            self._decode = None
        if not self._accepts_voice():
            if at - voice.last_ms > self._timing.overlap_ms:
                self._utterance = None
            return ()
        if judged.confirmed and voice.voice_ms >= self._timing.confirm_voice_ms:
            return self._give_up_prompt(at)
        return ()

    def _begin_utterance(self, at: int, judged: JudgedFrame) -> tuple[TurnOutput, ...]:
        self._utterance, self._decode = Utterance(at, judged, self._timing), None
        if not self._accepts_voice():
            return ()
        listen = Listen(self._utterance.from_ms)
        if self._stage is TurnStage.PLAYING and self._mutes < self._timing.mutes_max:
            self._mutes += 1
            self._enter(TurnStage.MUTED, at)
            return (Mute(), listen)
        return (listen,)

    def _end_utterance(self, at: int, voice: Utterance, *, last: bool) -> tuple[TurnOutput, ...]:
        if self._expected.voice == "free":
            return self._end_free(at) or self._discard_utterance(at)
        self._requests += 1
        self._decode = _DecodeRequest(voice, self._requests, at, last)
        return (Decode(self._requests),)

    def _apply_verdict(self, at: int, decode: _DecodeRequest, verdict: Verdict) -> tuple[TurnOutput, ...]:
        voice_ms = decode.voice.voice_ms
        is_voice = decode.voice.sure_ms >= self._timing.answer_voice_ms
        verdict = verdict if is_voice else Verdict.NOTHING
        self._decode = replace(decode, verdict=verdict)
        if verdict is Verdict.COMPLETE or (decode.last and verdict is Verdict.PREFIX):
            return self._finish(at, SpeechAnswered(voice_ms))
        if not decode.last:
            return ()
        no_match = is_voice and voice_ms >= self._timing.min_voice_ms and not self._expected.patient
        if no_match and self._stage is TurnStage.OVER:
            return self._finish(at, SpeechAnswered(voice_ms))
        return self._discard_utterance(at)

    def _end_free(self, at: int) -> tuple[TurnOutput, ...]:
        voice = self._utterance
        if voice is None or self._stage is not TurnStage.OVER or voice.voice_ms < self._timing.free_min_voice_ms:
            return ()
        return self._finish(at, FreeSpeechEnded(voice.from_ms, voice.last_ms - voice.from_ms))

    def _discard_utterance(self, at: int) -> tuple[TurnOutput, ...]:
        self._utterance = self._decode = None
        return self._resume(at) if self._stage is TurnStage.MUTED else ()

    def _resume(self, at: int) -> tuple[TurnOutput, ...]:
        if self._prompt_deadline_ms is not None:
            self._prompt_deadline_ms += at - self._stage_ms
        self._enter(TurnStage.PLAYING, at)
        return (Resume(),)

    def _give_up_prompt(self, at: int) -> tuple[TurnOutput, ...]:
        before = self._stage
        if before not in (TurnStage.PLAYING, TurnStage.MUTED):
            return ()
        self._enter(TurnStage.OVER, at)
        return (Mute(), GiveUpPrompt()) if before is TurnStage.PLAYING else (GiveUpPrompt(),)

    def _end_prompt(self, at: int) -> tuple[TurnOutput, ...]:
        before = self._stage
        if before is TurnStage.OVER:
            return ()
        overlapped = before is TurnStage.PLAYING and not self._accepts_voice()
        self._enter(TurnStage.OVER, at)
        if not self._expected.accepts_input:
            return self._finish(at, PromptFinished())
        if self._utterance and overlapped:
            self._utterance.trim_start(at - self._timing.overlap_ms)
            return (Listen(self._utterance.from_ms),)
        return ()

    def _finish(self, at: int, final: TurnResult) -> tuple[TurnOutput, ...]:
        outputs = self._give_up_prompt(at)
        self._finished = True
        self._utterance = self._decode = None
        return (*outputs, final)

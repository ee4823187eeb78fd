"""Turn-taking, rule by rule, in virtual time."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import pytest

from ivr.turntaking.timing import Timing
from ivr.turntaking.turn import QuestionTurn
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
    Verdict,
)

COMPLETE, PREFIX, NOTHING = Verdict.COMPLETE, Verdict.PREFIX, Verdict.NOTHING
FRAME_MS = 20
TABLE = {
    "sure_percent": 50,
    "confirm_voice_ms": 160,
    "closed_quiet_ms": 150,
    "sequence_look_ms": 150,
    "webrtc_hold_ms": 300,
    "answer_voice_ms": 100,
    "min_voice_ms": 200,
}
"""Fixed for these tests, so that tuning the measured thresholds breaks no rule."""


@dataclass(frozen=True)
class Frame:
    level_dbov: float = -20.0
    webrtc: bool = True
    silero: float = 0.9


QUIET = Frame(level_dbov=-60.0, webrtc=False, silero=0.01)


class Call:
    """A turn with its clock. Each Decode gets the next of `verdicts` at once, and none once they are used up."""

    def __init__(self, expected: InputSpec, verdicts: Sequence[Verdict] = (), **timing: int) -> None:
        self.turn = QuestionTurn(expected, Timing().override(TABLE | timing))
        self.now = 0
        self.log: list[tuple[int, TurnOutput]] = []
        self.verdicts = list(verdicts)
        self.decodes: list[int] = []

    def _note(self, outputs: tuple[TurnOutput, ...]) -> None:
        for output in outputs:
            self.log.append((self.now, output))
            if isinstance(output, Decode):
                self.decodes.append(output.request)
                if self.verdicts:
                    self.decoded(output.request, self.verdicts.pop(0))

    def decoded(self, request: int, verdict: Verdict) -> None:
        self._note(self.turn.decoded(self.now, request, verdict))

    def prompt(self, length_ms: int = 4000) -> None:
        self._note(self.turn.prompt_started(self.now, length_ms))

    def mark(self) -> None:
        self._note(self.turn.prompt_finished(self.now))

    def press(self, key: str) -> None:
        self._note(self.turn.pressed(self.now, key))

    def frames(self, ms: int, frame: Frame, prompt_dbov: float = float("-inf")) -> None:
        for _ in range(ms // FRAME_MS):
            self.now += FRAME_MS
            self._note(self.turn.voice(self.now, frame, prompt_dbov))

    def speak(self, ms: int, silero: float = 0.9) -> None:
        self.frames(ms, Frame(silero=silero))

    def quiet(self, ms: int) -> None:
        self.frames(ms, QUIET)

    def no_audio(self, ms: int) -> None:
        """No frames arrive; the turn wakes when it asked to."""
        end = self.now + ms
        while (wake := self.turn.wake_at()) is not None and wake <= end:
            self.now = max(self.now, wake)
            self._note(self.turn.tick(self.now))
        self.now = end

    @property
    def outputs(self) -> list[TurnOutput]:
        return [output for _, output in self.log]

    def when(self, kind: type[TurnOutput]) -> int:
        return next(at for at, output in self.log if isinstance(output, kind))


def closed(**changes: object) -> InputSpec:
    return InputSpec(**({"voice": "closed", "timeout_ms": 5000, "keys": "12"} | changes))  # type: ignore[arg-type]


def listening(expected: InputSpec, verdicts: Sequence[Verdict] = (), **timing: int) -> Call:
    """A call whose prompt has ended, at 1 s."""
    call = Call(expected, verdicts, **timing)
    call.no_audio(1000)
    call.mark()
    return call


def playing(expected: InputSpec, verdicts: Sequence[Verdict] = (), **timing: int) -> Call:
    """A call 1 s into a prompt of 4 s."""
    call = Call(expected, verdicts, **timing)
    call.prompt(4000)
    call.quiet(1000)
    return call


class TestBargeIn:
    def test_suspected_voice_mutes_the_prompt_and_starts_listening_before_it(self) -> None:
        call = playing(closed())
        call.speak(20, silero=0.2)
        assert call.log == [(1020, Mute()), (1020, Listen(700))]

    def test_voice_below_the_suspicion_threshold_changes_nothing(self) -> None:
        call = playing(closed())
        call.speak(500, silero=0.19)
        assert call.log == []

    def test_confirmed_voice_stops_the_prompt_once(self) -> None:
        call = playing(closed())
        call.speak(1000)
        assert [type(output) for output in call.outputs] == [Mute, Listen, GiveUpPrompt]
        assert call.when(GiveUpPrompt) == 1000 + 160

    def test_confirmation_takes_four_sure_frames_of_five(self) -> None:
        call = playing(closed(), confirm_voice_ms=20)
        for _ in range(10):
            call.speak(60)
            call.speak(40, silero=0.4)
        assert GiveUpPrompt() not in call.outputs
        call.speak(20)
        call.speak(60)
        assert GiveUpPrompt() in call.outputs

    def test_a_cough_mutes_the_prompt_until_quiet_follows(self) -> None:
        call = playing(closed(), [NOTHING, NOTHING])
        call.speak(100)
        call.quiet(400)
        assert call.log == [
            (1020, Mute()),
            (1020, Listen(700)),
            (1260, Decode(1)),
            (1500, Decode(2)),
            (1500, Resume()),
        ]

    def test_after_a_cough_the_turn_still_waits_its_whole_timeout(self) -> None:
        call = playing(closed(), [NOTHING, NOTHING, COMPLETE])
        call.speak(100)
        call.quiet(3000)
        call.mark()
        call.quiet(4900)
        call.speak(300)
        call.quiet(160)
        assert call.outputs[-1] == SpeechAnswered(300)

    def test_a_short_answer_during_the_prompt_ends_the_turn(self) -> None:
        call = playing(closed(), [COMPLETE])
        call.speak(120)
        call.quiet(160)
        assert call.outputs == [Mute(), Listen(700), Decode(1), GiveUpPrompt(), SpeechAnswered(120)]

    def test_an_answer_decoded_from_a_cough_resumes_the_prompt(self) -> None:
        call = playing(closed(), [COMPLETE, COMPLETE])
        call.speak(80)
        call.quiet(400)
        assert call.outputs == [Mute(), Listen(700), Decode(1), Decode(2), Resume()]

    def test_a_prefix_stops_the_prompt_after_its_own_quiet(self) -> None:
        call = playing(closed(), [PREFIX, PREFIX])
        call.speak(120)
        call.quiet(300)
        assert call.outputs[-2:] == [GiveUpPrompt(), SpeechAnswered(120)]
        assert call.now == 1420

    def test_the_mark_of_a_prompt_just_muted_lets_the_answer_continue(self) -> None:
        call = playing(closed(), [NOTHING, NOTHING])
        call.speak(100)
        call.mark()
        call.quiet(5200)
        assert Resume() not in call.outputs and GiveUpPrompt() not in call.outputs
        assert call.log[-1] == (1100 + 5000, NoInput())

    def test_endless_doubtful_voice_resumes_the_prompt(self) -> None:
        call = playing(closed())
        call.speak(2000, silero=0.4)
        assert call.outputs == [Mute(), Listen(700), Resume()]
        assert call.when(Resume) == 1020 + Timing().doubt_ms

    def test_doubtful_voice_that_becomes_sure_stops_the_prompt(self) -> None:
        call = playing(closed())
        call.speak(2000, silero=0.4)
        call.speak(100)
        assert call.outputs[-3:] == [Resume(), Mute(), GiveUpPrompt()]

    def test_after_three_false_suspicions_only_sure_voice_stops_the_prompt(self) -> None:
        call = playing(closed(), [NOTHING] * 8)
        for _ in range(4):
            call.speak(60)
            call.quiet(500)
        assert call.outputs.count(Mute()) == call.outputs.count(Resume()) == 3
        call.speak(200)
        assert call.outputs[-2:] == [Mute(), GiveUpPrompt()]

    def test_the_echo_of_the_prompt_is_not_heard(self) -> None:
        call = playing(closed())
        call.frames(500, Frame(level_dbov=-36.0), prompt_dbov=-20.0)
        assert call.log == []

    def test_delayed_echo_is_ignored_after_the_prompt_went_silent(self) -> None:
        call = playing(closed())
        call.frames(20, QUIET, prompt_dbov=-20.0)
        call.frames(380, Frame(level_dbov=-36.0))
        assert call.log == []
        call.frames(20, Frame(level_dbov=-36.0))
        assert call.outputs[0] == Mute()

    def test_a_caller_louder_than_the_echo_is_heard(self) -> None:
        call = playing(closed())
        call.frames(20, Frame(level_dbov=-34.0), prompt_dbov=-20.0)
        assert call.outputs[0] == Mute()


class TestWithoutBargeIn:
    def test_voice_never_stops_the_prompt(self) -> None:
        call = playing(closed(barge_in=False))
        call.speak(2900)
        assert call.log == []

    def test_speech_that_began_just_before_the_prompts_end_counts(self) -> None:
        call = playing(closed(barge_in=False), [COMPLETE])
        call.speak(300)
        call.mark()
        call.quiet(160)
        assert call.outputs == [Listen(800), Decode(1), SpeechAnswered(300)]

    def test_earlier_speech_does_not_count(self) -> None:
        call = playing(closed(barge_in=False))
        call.speak(300)
        call.quiet(600)
        call.mark()
        call.quiet(5000)
        assert call.outputs == [NoInput()]

    def test_only_the_end_of_a_long_sentence_counts(self) -> None:
        call = playing(closed(barge_in=False), [COMPLETE])
        call.speak(2000)
        call.mark()
        call.quiet(160)
        assert call.outputs == [Listen(2500), Decode(1), SpeechAnswered(500)]

    def test_a_key_stops_the_prompt(self) -> None:
        call = playing(closed(barge_in=False))
        call.press("1")
        assert call.outputs == [Mute(), GiveUpPrompt(), KeysEntered("1")]


class TestKeys:
    def test_a_key_stops_the_prompt_and_answers(self) -> None:
        call = playing(closed())
        call.press("2")
        assert call.log == [(1000, Mute()), (1000, GiveUpPrompt()), (1000, KeysEntered("2"))]

    def test_an_unexpected_key_changes_nothing(self) -> None:
        call = playing(closed())
        call.press("9")
        call.press("#")
        call.press("")
        assert call.log == []

    def test_a_key_overrides_later_speech(self) -> None:
        call = playing(closed(num_digits=2), inter_digit_ms=1000)
        call.press("1")
        call.speak(500)
        call.quiet(500)
        assert call.outputs == [Mute(), GiveUpPrompt(), KeysEntered("1")]

    def test_a_key_overrides_a_pending_decode(self) -> None:
        call = listening(closed(num_digits=2))
        call.speak(300)
        call.quiet(160)
        call.press("1")
        call.decoded(1, COMPLETE)
        call.press("2")
        assert call.outputs[-2:] == [Decode(1), KeysEntered("12")]

    def test_digits_end_at_the_inter_digit_timeout(self) -> None:
        call = listening(closed(keys="0123456789", num_digits=11), inter_digit_ms=2000)
        call.press("1")
        call.no_audio(1500)
        call.press("3")
        call.no_audio(5000)
        assert call.log == [(4500, KeysEntered("13"))]

    def test_the_finishing_key_ends_the_digits_and_is_not_one_of_them(self) -> None:
        call = listening(closed(keys="0123456789", num_digits=11, finish_on_key="#"))
        call.press("#")
        call.press("1")
        call.press("3")
        call.press("#")
        assert call.outputs == [KeysEntered("13")]

    def test_a_key_pressed_before_the_prompt_answers_at_once(self) -> None:
        call = Call(closed())
        call.press("1")
        assert call.outputs == [KeysEntered("1")]

    def test_digits_begun_before_the_prompt_keep_it_muted(self) -> None:
        call = Call(closed(num_digits=2))
        call.press("1")
        call.prompt()
        assert call.outputs == [Mute(), GiveUpPrompt()]
        call.press("2")
        assert call.outputs[2:] == [KeysEntered("12")]

    def test_a_key_during_a_muted_prompt_stops_it(self) -> None:
        call = playing(closed())
        call.speak(60)
        call.press("1")
        assert call.outputs[-2:] == [GiveUpPrompt(), KeysEntered("1")]

    def test_voice_does_nothing_where_only_keys_count(self) -> None:
        call = playing(closed(voice=None))
        call.speak(1000)
        call.mark()
        call.speak(5000)
        assert call.log == [(2000 + 5000, NoInput())]


class TestNotice:
    def test_neither_voice_nor_key_stops_it(self) -> None:
        call = playing(InputSpec(voice=None, timeout_ms=1))
        call.speak(500)
        call.press("1")
        assert call.log == []
        call.mark()
        assert call.outputs == [PromptFinished()]

    def test_it_accepts_no_input_and_every_question_does(self) -> None:
        assert not QuestionTurn(InputSpec(voice=None, timeout_ms=1), Timing()).accepts_input
        for expected in (closed(), closed(keys=""), closed(voice=None), closed(voice="free", keys="")):
            assert QuestionTurn(expected, Timing()).accepts_input


class TestEndOfAClosedAnswer:
    def test_a_complete_answer_ends_at_the_first_quiet(self) -> None:
        call = listening(closed(), [COMPLETE])
        call.speak(400)
        call.quiet(160)
        assert call.log == [(1020, Listen(700)), (1560, Decode(1)), (1560, SpeechAnswered(400))]

    def test_a_prefix_waits_longer_and_decodes_again(self) -> None:
        call = listening(closed(), [PREFIX, COMPLETE])
        call.speak(200)
        call.quiet(300)
        assert call.log[1:] == [(1360, Decode(1)), (1500, Decode(2)), (1500, SpeechAnswered(200))]

    def test_speech_after_a_prefix_is_decoded_with_it(self) -> None:
        call = listening(closed(), [PREFIX, COMPLETE])
        call.speak(200)
        call.quiet(200)
        call.speak(300)
        call.quiet(160)
        assert call.log[1:] == [(1360, Decode(1)), (1860, Decode(2)), (1860, SpeechAnswered(500))]

    def test_voice_without_an_answer_is_a_no_match_after_a_longer_quiet(self) -> None:
        call = listening(closed(), [NOTHING, NOTHING])
        call.speak(300)
        call.quiet(600)
        assert call.log[1:] == [(1460, Decode(1)), (1900, Decode(2)), (1900, SpeechAnswered(300))]

    def test_a_noise_without_an_answer_is_ignored(self) -> None:
        call = listening(closed(), [NOTHING, NOTHING])
        call.speak(100)
        call.quiet(4900)
        assert call.log[1:] == [(1260, Decode(1)), (1700, Decode(2)), (6000, NoInput())]

    def test_an_answer_decoded_from_hardly_any_voice_is_a_noise(self) -> None:
        call = listening(closed(), [COMPLETE, COMPLETE])
        call.speak(80)
        call.quiet(4920)
        assert call.log[1:] == [(1240, Decode(1)), (1680, Decode(2)), (6000, NoInput())]

    def test_an_answer_decoded_from_doubtful_voice_is_a_noise_however_long(self) -> None:
        call = listening(closed(), [COMPLETE, COMPLETE])
        call.speak(1000, silero=0.4)
        call.quiet(4000)
        assert call.log[-1] == (6000, NoInput())

    def test_a_prefix_decoded_from_hardly_any_voice_is_a_noise(self) -> None:
        call = listening(closed(), [PREFIX, PREFIX])
        call.speak(80)
        call.quiet(4920)
        assert call.log[-1] == (6000, NoInput())

    def test_voice_keeps_the_turn_beyond_the_timeout(self) -> None:
        call = listening(closed(), [COMPLETE])
        call.quiet(4960)
        call.speak(500)
        call.quiet(160)
        assert call.outputs[-1] == SpeechAnswered(500)

    def test_a_noise_at_the_timeout_delays_the_timeout(self) -> None:
        call = listening(closed(), [NOTHING, NOTHING])
        call.quiet(4960)
        call.speak(60)
        call.quiet(600)
        assert call.log[-1] == (6620, NoInput())

    def test_a_caller_who_never_stops_is_cut_off(self) -> None:
        call = listening(closed(), [NOTHING])
        call.speak(8000)
        assert [type(output) for output in call.outputs] == [Listen, Decode, SpeechAnswered]
        assert call.when(SpeechAnswered) == 1000 + Timing().closed_max_ms

    def test_webrtcvad_alone_prolongs_an_answer_only_briefly(self) -> None:
        call = listening(closed(), [COMPLETE])
        call.speak(400)
        call.frames(1000, Frame(silero=0.01))
        assert call.when(SpeechAnswered) == 1400 + 300 + 160

    def test_a_verdict_on_outdated_audio_is_dropped(self) -> None:
        call = listening(closed())
        call.speak(300)
        call.quiet(160)
        call.speak(300)
        call.decoded(1, COMPLETE)
        call.quiet(160)
        call.decoded(1, COMPLETE)
        assert call.outputs[1:] == [Decode(1), Decode(2)]
        call.decoded(2, COMPLETE)
        assert call.outputs[-1] == SpeechAnswered(600)

    def test_a_decode_that_never_returns_still_ends_the_turn(self) -> None:
        call = listening(closed())
        call.speak(300)
        call.quiet(160)
        call.no_audio(10_000)
        assert [type(output) for output in call.outputs] == [Listen, Decode, Decode, SpeechAnswered]

    def test_thresholds_can_be_overridden(self) -> None:
        call = listening(closed(), [COMPLETE], closed_quiet_ms=500)
        call.speak(400)
        call.quiet(500)
        assert call.when(SpeechAnswered) == 1900


class TestSequence:
    EXPECTED = InputSpec(voice="sequence", timeout_ms=5000)

    def test_digits_end_when_they_are_complete(self) -> None:
        call = listening(self.EXPECTED, [PREFIX, PREFIX, COMPLETE])
        for _ in range(3):
            call.speak(400)
            call.quiet(300)
        assert [type(output) for output in call.outputs] == [Listen, Decode, Decode, Decode, SpeechAnswered]
        assert call.when(SpeechAnswered) == 1000 + 700 + 700 + 400 + 160

    def test_incomplete_digits_end_after_quiet(self) -> None:
        call = listening(self.EXPECTED, [PREFIX, PREFIX])
        call.speak(400)
        call.quiet(700)
        assert call.log[-1] == (2100, SpeechAnswered(400))

    def test_digits_may_take_longer_than_a_closed_answer(self) -> None:
        call = listening(self.EXPECTED, [PREFIX])
        call.speak(16_000)
        assert call.when(SpeechAnswered) == 1000 + Timing().sequence_max_ms


class TestFreeSpeech:
    EXPECTED = InputSpec(voice="free", timeout_ms=5000, keys="0", finish_on_key="#", max_ms=30_000)

    def test_it_ends_after_a_long_quiet(self) -> None:
        call = listening(self.EXPECTED)
        call.speak(2000)
        call.quiet(1000)
        call.speak(2000)
        call.quiet(1200)
        assert call.log == [(1020, Listen(700)), (7200, FreeSpeechEnded(700, 5300))]

    def test_a_noise_is_no_speech(self) -> None:
        call = listening(self.EXPECTED)
        call.speak(200)
        call.quiet(4800)
        assert call.log[-1] == (6000, NoInput())

    def test_it_is_bounded(self) -> None:
        call = listening(self.EXPECTED)
        call.speak(40_000)
        assert call.log[-1] == (31_000, FreeSpeechEnded(700, 30_300))

    def test_the_finishing_key_ends_it(self) -> None:
        call = listening(self.EXPECTED)
        call.press("#")
        call.speak(2000)
        call.press("#")
        assert call.log[-1] == (3000, FreeSpeechEnded(700, 2300))

    def test_another_key_overrides_the_speech(self) -> None:
        call = listening(self.EXPECTED)
        call.speak(2000)
        call.press("0")
        assert call.outputs[-1] == KeysEntered("0")

    def test_a_cough_during_the_prompt_resumes_it_without_decoding(self) -> None:
        call = playing(self.EXPECTED)
        call.speak(100)
        call.quiet(400)
        assert call.outputs == [Mute(), Listen(700), Resume()]


class TestPatience:
    EXPECTED = InputSpec(voice="closed", timeout_ms=60_000, patient=True)

    def test_speech_without_an_answer_is_ignored(self) -> None:
        call = listening(self.EXPECTED, [NOTHING] * 3)
        call.speak(7000)
        call.quiet(60_000)
        assert call.log[-1] == (61_000, NoInput())

    def test_a_complete_answer_ends_it(self) -> None:
        call = listening(self.EXPECTED, [COMPLETE])
        call.speak(400)
        call.quiet(160)
        assert call.outputs[-1] == SpeechAnswered(400)


class TestTime:
    def test_a_caller_who_sends_no_audio_still_times_out(self) -> None:
        call = listening(closed())
        assert call.turn.wake_at() == 6000
        call.no_audio(5000)
        assert call.log == [(6000, NoInput())]
        assert call.turn.wake_at() is None

    def test_a_prompt_whose_mark_is_lost_still_ends(self) -> None:
        call = Call(closed())
        call.prompt(4000)
        call.no_audio(20_000)
        assert call.log == [(4000 + Timing().mark_grace_ms + 5000, NoInput())]

    def test_muted_time_does_not_count_as_played(self) -> None:
        call = playing(closed(), [NOTHING, NOTHING])
        call.speak(100)
        call.no_audio(20_000)
        assert call.log[-1] == (4000 + 480 + Timing().mark_grace_ms + 5000, NoInput())

    def test_a_short_gap_in_the_audio_is_no_quiet(self) -> None:
        call = listening(closed(), closed_quiet_ms=60)
        call.speak(300)
        call.no_audio(80)
        call.speak(20)
        assert [type(output) for output in call.outputs] == [Listen]

    def test_a_caller_whose_audio_stops_still_gets_an_answer(self) -> None:
        call = listening(closed(), [COMPLETE])
        call.speak(300)
        call.no_audio(150)
        assert call.log[-1] == (1450, SpeechAnswered(300))


class TestIllegalInputs:
    def test_a_prompt_finished_twice_counts_once(self) -> None:
        call = listening(closed())
        call.no_audio(4000)
        call.mark()
        call.prompt()
        call.no_audio(1000)
        assert call.log == [(6000, NoInput())]

    def test_a_prompt_started_twice_counts_once(self) -> None:
        call = Call(closed())
        call.prompt(1000)
        call.prompt(9000)
        call.no_audio(8000)
        assert call.log == [(8000, NoInput())]

    def test_an_unrequested_verdict_is_dropped(self) -> None:
        call = listening(closed())
        call.decoded(7, COMPLETE)
        assert call.log == []

    def test_the_first_verdict_on_a_decode_counts(self) -> None:
        call = listening(closed())
        call.speak(300)
        call.quiet(160)
        call.decoded(1, NOTHING)
        call.decoded(1, COMPLETE)
        assert call.outputs[1:] == [Decode(1)]

    def test_nothing_comes_after_the_end(self) -> None:
        call = listening(closed(), [COMPLETE])
        call.press("1")
        call.press("2")
        call.mark()
        call.prompt()
        call.speak(1000)
        call.quiet(1000)
        call.no_audio(10_000)
        assert call.outputs == [KeysEntered("1")]

    def test_a_clock_that_runs_backwards_is_held_still(self) -> None:
        call = listening(closed())
        assert call.turn.tick(3000) == ()
        assert call.turn.voice(2000, Frame()) == (Listen(2680),)


class TestTiming:
    def test_entries_can_be_replaced(self) -> None:
        timing = Timing().override({"closed_quiet_ms": 200})
        assert (timing.closed_quiet_ms, timing.prefix_quiet_ms) == (200, Timing().prefix_quiet_ms)

    def test_an_unknown_entry_is_rejected_by_name(self) -> None:
        with pytest.raises(ValueError, match="closed_quite_ms is not a timing entry"):
            Timing().override({"closed_quite_ms": 200})

    @pytest.mark.parametrize("value", [0, -1, 1.5, True, "200"])
    def test_a_value_that_is_no_whole_number_above_zero_is_rejected(self, value: object) -> None:
        with pytest.raises(ValueError, match="closed_quiet_ms must be a whole number above zero"):
            Timing().override({"closed_quiet_ms": value})  # type: ignore[dict-item]

"""For any input, the outputs of a turn are consistent and the turn ends."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from hypothesis import given
from hypothesis import strategies as st

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
    Resume,
    SpeechAnswered,
    TurnOutput,
    TurnResult,
    Verdict,
)

FRAME_MS = 20
LONGEST_PROMPT_MS = 6000
TIMEOUT_MS = 3000
LONGEST_FREE_MS = 8000


@dataclass(frozen=True)
class Frame:
    level_dbov: float
    webrtc: bool
    silero: float


@dataclass(frozen=True)
class Frames:
    """The same frame, repeated, while our prompt plays at `prompt_dbov`."""

    count: int
    frame: Frame
    prompt_dbov: float


@dataclass(frozen=True)
class Silence:
    """No frames for a time; the turn wakes when it asked to."""

    ms: int


@dataclass(frozen=True)
class Started:
    length_ms: int


@dataclass(frozen=True)
class Finished:
    pass


@dataclass(frozen=True)
class Key:
    key: str


@dataclass(frozen=True)
class Decoded:
    """A verdict on an earlier request, counted back from the latest."""

    before: int
    verdict: Verdict


Step = Frames | Silence | Started | Finished | Key | Decoded

levels = st.sampled_from([-96.0, -50.0, -34.0, -20.0])
frames = st.builds(
    Frames,
    count=st.integers(1, 60),
    frame=st.builds(Frame, levels, st.booleans(), st.sampled_from([0.0, 0.1, 0.16, 0.3, 0.9])),
    prompt_dbov=levels,
)
steps: st.SearchStrategy[list[Step]] = st.lists(
    st.one_of(
        frames,
        frames,
        st.builds(Silence, st.integers(0, 2500)),
        st.builds(Started, st.integers(0, LONGEST_PROMPT_MS)),
        st.builds(Finished),
        st.builds(Key, st.sampled_from(["1", "9", "#", ""])),
        st.builds(Decoded, st.integers(0, 2), st.sampled_from(Verdict)),
        st.builds(Decoded, st.just(0), st.sampled_from(Verdict)),
    ),
    max_size=40,
)
expectations = st.builds(
    InputSpec,
    voice=st.sampled_from(["closed", "sequence", "free", None]),
    timeout_ms=st.just(TIMEOUT_MS),
    keys=st.sampled_from(["", "12"]),
    num_digits=st.sampled_from([1, 3]),
    finish_on_key=st.sampled_from(["", "#"]),
    barge_in=st.booleans(),
    max_ms=st.just(LONGEST_FREE_MS),
    patient=st.booleans(),
)


class Run:
    """Plays steps into a turn and records its outputs."""

    def __init__(self, expected: InputSpec) -> None:
        self.turn = QuestionTurn(expected, Timing())
        self.now = 0
        self.outputs: list[TurnOutput] = []

    def play(self, step: Step) -> None:
        match step:
            case Frames(count, frame, prompt_dbov):
                for _ in range(count):
                    self.now += FRAME_MS
                    self.outputs += self.turn.voice(self.now, frame, prompt_dbov)
            case Silence(ms):
                self.wait(ms)
            case Started(length_ms):
                self.outputs += self.turn.prompt_started(self.now, length_ms)
            case Finished():
                self.outputs += self.turn.prompt_finished(self.now)
            case Key(key):
                self.outputs += self.turn.pressed(self.now, key)
            case Decoded(before, verdict):
                self.outputs += self.turn.decoded(self.now, self.requests - before, verdict)

    def wait(self, ms: int) -> None:
        end = self.now + ms
        while (wake := self.turn.wake_at()) is not None and wake <= end:
            self.now = max(self.now, wake)
            self.outputs += self.turn.tick(self.now)
            later = self.turn.wake_at()
            assert later is None or later > self.now
        self.now = end

    @property
    def requests(self) -> int:
        return sum(isinstance(output, Decode) for output in self.outputs)

    @property
    def finals(self) -> list[TurnOutput]:
        return [output for output in self.outputs if isinstance(output, TurnResult)]


def run_of(expected: InputSpec, sequence: list[Step]) -> Run:
    run = Run(expected)
    for step in sequence:
        run.play(step)
    return run


def bound_ms() -> int:
    """The longest possible time from the start of the prompt to the end of the turn (ms)."""
    timing = Timing()
    prompt = LONGEST_PROMPT_MS + timing.mark_grace_ms + timing.mutes_max * timing.doubt_ms
    utterance = max(timing.sequence_max_ms, timing.closed_max_ms, LONGEST_FREE_MS) + 2 * timing.decode_wait_ms
    return prompt + TIMEOUT_MS + utterance + 3 * timing.inter_digit_ms


@given(expectations, steps)
def test_at_most_one_final_output_and_nothing_after_it(expected: InputSpec, sequence: list[Step]) -> None:
    run = run_of(expected, sequence)
    assert len(run.finals) <= 1
    assert not run.finals or isinstance(run.outputs[-1], TurnResult)


@given(expectations, steps)
def test_the_prompt_is_muted_resumed_and_stopped_in_order(expected: InputSpec, sequence: list[Step]) -> None:
    stage = "playing"
    legal = {("playing", Mute): "muted", ("muted", Resume): "playing", ("muted", GiveUpPrompt): "over"}
    for output in run_of(expected, sequence).outputs:
        if isinstance(output, Mute | Resume | GiveUpPrompt):
            stage = legal[stage, type(output)]


@given(expectations, steps)
def test_decodes_are_numbered_and_come_after_listening(expected: InputSpec, sequence: list[Step]) -> None:
    outputs = run_of(expected, sequence).outputs
    assert [output.request for output in outputs if isinstance(output, Decode)] == list(
        range(1, 1 + sum(isinstance(output, Decode) for output in outputs))
    )
    kinds = [type(output) for output in outputs]
    assert Decode not in kinds or Listen in kinds[: kinds.index(Decode)]


@given(expectations, steps)
def test_only_expected_outputs_occur(expected: InputSpec, sequence: list[Step]) -> None:
    for output in run_of(expected, sequence).outputs:
        assert not isinstance(output, SpeechAnswered | Decode) or expected.voice in ("closed", "sequence")
        assert not isinstance(output, FreeSpeechEnded) or expected.voice == "free"
        assert not isinstance(output, KeysEntered) or set(output.digits) <= set(expected.keys)
        assert not isinstance(output, Mute) or expected.barge_in or expected.keys


@given(expectations, steps)
def test_without_barge_in_and_keys_the_prompt_is_never_touched(expected: InputSpec, sequence: list[Step]) -> None:
    run = run_of(expected, [step for step in sequence if not isinstance(step, Key)])
    assert expected.barge_in or not {Mute, Resume, GiveUpPrompt} & {type(output) for output in run.outputs}


@given(expectations, steps)
def test_a_turn_ends_when_the_audio_stops(expected: InputSpec, sequence: list[Step]) -> None:
    run = run_of(expected, [Started(LONGEST_PROMPT_MS), *sequence])
    run.wait(bound_ms())
    assert len(run.finals) == 1
    assert run.turn.wake_at() is None


@given(expectations, st.lists(frames, min_size=1, max_size=8), st.sampled_from([None, Verdict.NOTHING, Verdict.PREFIX]))
def test_a_turn_ends_under_endless_noise(expected: InputSpec, noise: list[Frames], verdict: Verdict | None) -> None:
    run = run_of(expected, [Started(LONGEST_PROMPT_MS)])
    for step in around(noise):
        run.play(step)
        if verdict:
            run.play(Decoded(0, verdict))
        if run.finals or run.now > bound_ms():
            break
    assert len(run.finals) == 1


def around(noise: list[Frames]) -> Iterator[Frames]:
    while True:
        yield from noise

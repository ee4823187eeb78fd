"""Turn-taking on recordings: barge-in latency, false barge-ins, endpointing latency.

Runs recognizer/endpoint.py and ivr/turntaking/turn.py in virtual time over ../shared/speech, without recogniser or
network: `python -m bench.turn_taking [ENTRY=VALUE …]`, with the entries of the table in ivr/turntaking/timing.py.
"""

from __future__ import annotations

import math
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Final

import numpy as np
import soundfile
from rich.console import Console
from rich.table import Table

from bench import recordings
from bench.figures import Figure, percentiles
from bench.recordings import FRAME, Samples, Speech
from ivr.turntaking.timing import Timing
from ivr.turntaking.turn import QuestionTurn
from ivr.turntaking.turn_io import Decode, GiveUpPrompt, InputSpec, Mute, Resume, TurnOutput, Verdict
from ivr.turntaking.voice import SILENT_DBOV
from recognizer.audio import FULL_SCALE, level_dbov
from recognizer.base import FRAME_BYTES, FRAME_MS
from recognizer.endpoint import DetectedActivity, VoiceActivity

CALLER_DBOV: Final = -24.0
SOFT_DBOV: Final = -32.0
NOISE_DBOV: Final = -30.0
STREET_DB: Final = 20.0
ECHO_DB: Final = 20.0
ECHO_DELAYS_MS: Final = (50, 150, 250)
PROMPT_FRAMES: Final = 400
PAUSE_FRAMES: Final = 50
EARLY_MS: Final = 60
"""A decode up to this long before the end of the last sound still counts as one at the end."""
PROMPTS: Final = Path(__file__).parents[1] / "prompts" / "audio" / "zh-CN"


def measure(timing: Timing) -> dict[str, Figure]:
    """Return figures by name: ms after the onset (`quiet`, `given_up`) or end (`look`); mutes and stops per minute."""
    figures: dict[str, Figure] = {}
    for name, utterances in _utterances():
        barge_ins, looks = [], []
        for number, speech in enumerate(utterances):
            heard = _activities(speech.samples)
            barge_ins.append(_barge_in(timing, speech, heard, number))
            looks.append(_decode_latency(timing, speech, heard))
        figures[f"quiet_ms.{name}"] = percentiles([quiet for quiet, _ in barge_ins if quiet is not None])
        figures[f"given_up_ms.{name}"] = percentiles([given_up for _, given_up in barge_ins if given_up is not None])
        figures[f"look_ms.{name}"] = percentiles([at for at, _ in looks if at is not None])
        figures[f"looked_too_early_percent.{name}"] = round(100 * sum(early for _, early in looks) / len(looks), 1)
    for name, samples, delay_ms in _sounds():
        mutes, stops = _false_alarms(timing, samples, delay_ms)
        figures[f"false_mutes_per_min.{name}"] = round(mutes, 2)
        figures[f"false_stops_per_min.{name}"] = round(stops, 2)
    return figures


def _utterances() -> Iterator[tuple[str, list[Speech]]]:
    words = recordings.paths("zh_words", 200, lambda text: 2 <= len(text) <= 3 and text.isalpha())
    syllables = recordings.paths("zh_syllables_a", 60) + recordings.paths("zh_syllables_c", 60)
    sentences = [
        path
        for folder, count in (("aishell1", 25), ("aishell3", 20), ("aishell_b", 40), ("commonvoice", 10))
        for path in recordings.paths(f"zh_sentences_{folder}", count)
    ]
    yield "words", _spoken(words, CALLER_DBOV)
    yield "words_soft", _spoken(words, SOFT_DBOV)
    yield "words_street_20db", _spoken(words, CALLER_DBOV, STREET_DB)
    yield "syllables", _spoken(syllables, CALLER_DBOV)
    yield "english_words", _spoken(recordings.paths("en_words", 80), CALLER_DBOV)
    yield "sentences", _spoken(sentences, CALLER_DBOV)


def _spoken(paths: list[Path], dbov: float, street_db: float | None = None) -> list[Speech]:
    street = None if street_db is None else recordings.at_rms(_background(), dbov - street_db)
    spoken = (recordings.speech(path, dbov, seed, street) for seed, path in enumerate(paths))
    return [speech for speech in spoken if speech]


def _sounds() -> Iterator[tuple[str, Samples, int | None]]:
    """Yield sounds that must not stop a prompt; the last are only the prompt's own echo, with its delay (ms)."""
    esc = recordings.paths("noise_esc10", 200)
    sneezes = [path for path in esc if "sneeze" in path.name]
    yield "background", recordings.at_rms(_background(), NOISE_DBOV), None
    yield "noises", recordings.joined([path for path in esc if path not in sneezes], NOISE_DBOV), None
    yield "sneezes", recordings.joined(sneezes, NOISE_DBOV), None
    yield "busy", recordings.tone(0.35, 0.35), None
    yield "dial", recordings.tone(1, 0), None
    yield "ringing", recordings.tone(1, 4), None
    yield "music", recordings.at_rms(recordings.music(), CALLER_DBOV), None
    for delay_ms in ECHO_DELAYS_MS:
        yield f"echo_{delay_ms}", recordings.noise(120 * FRAME * 1000 // FRAME_MS), delay_ms


@cache
def _background() -> Samples:
    return recordings.joined(recordings.paths("noise_background", 60), NOISE_DBOV)


@cache
def _prompt() -> Samples:
    """Concatenate the shipped prompts, in whole frames."""
    spoken = [soundfile.read(path, dtype="float64")[0] for path in sorted(PROMPTS.glob("*.wav"))]
    samples = np.concatenate(spoken)
    return samples[: len(samples) // FRAME * FRAME]


@cache
def _prompt_levels() -> list[float]:
    frames = _prompt().reshape(-1, FRAME)
    return [level_dbov((frame * (FULL_SCALE - 1)).astype("<i2").tobytes()) for frame in frames]


def _activities(samples: Samples) -> list[DetectedActivity]:
    pcm, voice = recordings.through_ulaw(samples), VoiceActivity()
    return [
        voice.frame(pcm[at : at + FRAME_BYTES]) for at in range(0, len(pcm) // FRAME_BYTES * FRAME_BYTES, FRAME_BYTES)
    ]


def _barge_in(
    timing: Timing, speech: Speech, heard: list[DetectedActivity], number: int
) -> tuple[int | None, int | None]:
    """Return when, after the onset (ms), the prompt was muted and when it was stopped."""
    turn, levels, at_frame = _turn(timing), _prompt_levels(), number * 97
    turn.prompt_started(0, len(heard) * FRAME_MS)
    playing, quiet, given_up = True, None, None
    for frame, activity in enumerate(heard):
        now = (frame + 1) * FRAME_MS
        level = levels[(frame + at_frame) % len(levels)] if playing else SILENT_DBOV
        for output in _with_decodes(turn, now, turn.voice(now, activity, level), speech.end_ms):
            if isinstance(output, Mute | Resume):
                playing = isinstance(output, Resume)
                quiet = None if playing or now < speech.onset_ms - EARLY_MS else (quiet or now - speech.onset_ms)
            elif isinstance(output, GiveUpPrompt):
                given_up = now - speech.onset_ms
    return quiet, given_up


def _decode_latency(timing: Timing, speech: Speech, heard: list[DetectedActivity]) -> tuple[int | None, bool]:
    """Return when, after the end (ms), the answer was first decoded, and whether it was decoded too early."""
    turn, early = _turn(timing), False
    turn.prompt_finished(0)
    for frame, activity in enumerate(heard):
        now = (frame + 1) * FRAME_MS
        for output in _with_decodes(turn, now, turn.voice(now, activity), speech.end_ms):
            if isinstance(output, Decode) and now >= speech.end_ms - EARLY_MS:
                return now - speech.end_ms, early
            early = early or (isinstance(output, Decode) and now > speech.onset_ms)
    return None, early


def _false_alarms(timing: Timing, samples: Samples, delay_ms: int | None) -> tuple[float, float]:
    """Return mutes and stops per minute during prompts of 8 s; their echo is mixed in after `delay_ms`, if given."""
    voice, prompt, levels = VoiceActivity(), _prompt().reshape(-1, FRAME), _prompt_levels()
    played: list[int | None] = []
    turn, playing, mutes, stops, starts, at_frame = _turn(timing), False, 0, 0, 0, 0
    frames = recordings.frames(samples)
    for number, noise in enumerate(frames):
        now = (number + 1) * FRAME_MS
        if number == starts:
            turn.prompt_started(now - FRAME_MS, PROMPT_FRAMES * FRAME_MS)
            playing = True
        at_frame = (at_frame + playing) % len(levels)
        played.append(at_frame if playing else None)
        echoed = played[max(0, number - delay_ms // FRAME_MS)] if delay_ms else None
        heard = noise if echoed is None else noise + prompt[echoed] * 10 ** (-ECHO_DB / 20)
        own = levels[at_frame] if playing and delay_ms else SILENT_DBOV
        outputs = _with_decodes(turn, now, turn.voice(now, voice.frame(recordings.through_ulaw(heard)), own))
        mutes += Mute() in outputs
        stops += GiveUpPrompt() in outputs
        playing = (playing or Resume() in outputs) and Mute() not in outputs
        if GiveUpPrompt() in outputs or number == starts + PROMPT_FRAMES:
            turn, playing, starts = _turn(timing), False, number + PAUSE_FRAMES
    minutes = len(frames) * FRAME_MS / 60_000
    return mutes / minutes, stops / minutes


def _turn(timing: Timing) -> QuestionTurn:
    return QuestionTurn(InputSpec(voice="closed", timeout_ms=60_000), timing)


def _with_decodes(
    turn: QuestionTurn, now: int, outputs: tuple[TurnOutput, ...], end_ms: float = math.inf
) -> list[TurnOutput]:
    """Return the outputs and their consequences: decodes yield nothing until the speech has ended, then an answer."""
    decided = list(outputs)
    for output in decided:
        if isinstance(output, Decode):
            verdict = Verdict.COMPLETE if now >= end_ms - EARLY_MS else Verdict.NOTHING
            decided += turn.decoded(now, output.request, verdict)
    return decided


def main() -> None:
    """Print the figures of the timing table, with the given entries overridden."""
    if not recordings.FOLDER.is_dir():
        sys.exit(f"turn-taking is not measured: the recordings are missing ({recordings.FOLDER})")
    entries = {name: int(value) for name, _, value in (entry.partition("=") for entry in sys.argv[1:])}
    table = Table("figure", "p50", "p95", "n", box=None)
    for name, figure in measure(Timing().override(entries)).items():
        table.add_row(name, *(f"{value:g}" for value in (figure.values() if isinstance(figure, dict) else [figure])))
    Console().print(table)


if __name__ == "__main__":
    main()

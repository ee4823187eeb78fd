"""Thresholds of turn-taking. Must not know: how they are applied.

"Measured" means: on 337 real utterances (Mandarin and English) and real noises over µ-law at 8 kHz, with Silero fed at
16 kHz. "Benchmarked" means: with recognizer/endpoint.py and this table, by bench/turn_taking.py. "Chosen" marks a
design decision. Probabilities are Silero's, in percent, so that every entry is an integer that a flow file can
override.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields, replace


@dataclass(frozen=True, slots=True)
class Timing:
    """Thresholds of one question in the unit that the name ends with (ms, percent, dB), else a count."""

    suspect_percent: int = 20
    """One chunk at or above this level is suspected voice. Measured: 45 ms after the onset (p95 105); 0.3 to 1.7 false
    suspicions a minute on noise.
    """

    sure_percent: int = 30
    """A frame at or above this level is sure voice. Measured at 50 with `confirm_frames`: 119 ms after the onset (p95
    270), never on tones. Benchmarked: at 30, words stop a prompt at p95 341 ms instead of 462; false stops on noise
    rise from 0 to 0.1 a minute.
    """

    active_percent: int = 15
    """Voice continues while Silero is at or above this level. Benchmarked: at 5 (with `webrtc_hold_ms` at 300), words
    are decoded 40 ms later, 100 ms later with street noise at 20 dB.
    """

    confirm_frames: int = 4
    """Number of sure frames that confirm voice, among the last `confirm_of_frames`. Measured, see `sure_percent`."""

    confirm_of_frames: int = 5
    """Window in which sure frames are counted. Measured, see `sure_percent`."""

    confirm_voice_ms: int = 120
    """Amount of voice that counts as barge-in. Benchmarked: words stop a prompt 180 ms after the onset (p95 320),
    syllables 160 (300), soft words 240 (560), English words 160 (524); at 140, words have p95 380 and noise stops a
    prompt no less often. No setting within the 350 ms goal distinguishes a long 嗯 from a word.
    """

    echo_gate_db: int = 15
    """During a prompt, frames at least this far below the prompt's level are treated as echo. Measured: no echo passes
    at an echo loss of 20 to 30 dB.
    """

    echo_window_ms: int = 400
    """Window over which the prompt's peak level is taken, to cover the echo's round trip. Benchmarked: with 20 dB of
    echo loss, no false stops up to a round trip of 350 ms, 8 a minute at 450.
    """

    preroll_ms: int = 300
    """Audio before the suspicion that is fed to the recogniser: covers the onset's p95 (105) and a soft consonant."""

    resume_ms: int = 400
    """Quiet after a false suspicion before the prompt resumes. Chosen: longer than the gap inside a word."""

    doubt_ms: int = 1500
    """Maximum time a prompt stays muted without confirmed voice. Chosen: longer than most one-word answers."""

    mutes_max: int = 3
    """Maximum number of times a suspicion mutes a prompt; after that only confirmed voice does. Chosen for noisy
    surroundings.
    """

    overlap_ms: int = 500
    """Without barge-in, how long before the prompt's end an answer may begin. Chosen: callers answer a little early."""

    webrtc_hold_ms: int = 160
    """Maximum time by which webrtcvad extends Silero's voice, for soft endings; on its own it fires on any tone
    (measured: 31 times a minute on music). Benchmarked: without this limit, decoding with street noise at 20 dB has
    p95 520 ms.
    """

    closed_quiet_ms: int = 80
    """Quiet before a closed answer is first decoded. Benchmarked: decoding starts 200 ms after the last sound (p95 240;
    with street noise at 20 dB 240, p95 440), too early in 0.5 % of Mandarin words (one speaker) and 5 % of English
    words (many speakers).
    """

    prefix_quiet_ms: int = 300
    """Quiet before a prefix of a longer answer (不, 不是) is accepted as the answer. Measured: cuts 0.9 %."""

    nothing_quiet_ms: int = 600
    """Quiet before voice without an answer counts as no-match. Chosen: at 500 ms only 0.4 % of words were cut."""

    sequence_look_ms: int = 200
    """Quiet before digits are first decoded, which ends them if complete. Measured: 35 % contain such a gap."""

    sequence_quiet_ms: int = 700
    """Quiet that ends incomplete digits. Measured: at 500 ms 11 % of digit strings were cut."""

    free_quiet_ms: int = 1200
    """Quiet that ends free speech. Measured: at 500 ms 9 % of sentences were cut."""

    answer_voice_ms: int = 140
    """Sure voice required in an answer; a hypothesis with less counts as noise. Measured on half of the speakers: none
    of 893 correct answers at normal level has less; all noises recognised as words (3 of 201) have less.
    """

    min_voice_ms: int = 280
    """Voice without an answer that is shorter than this counts as noise, not as no-match. Benchmarked: a syllable has
    300 ms or more, a soft 哦 180, most sneezes, barks and clicks less than 260.
    """

    free_min_voice_ms: int = 400
    """Free speech with less voice than this counts as noise. Chosen: two syllables."""

    closed_max_ms: int = 6000
    """Maximum length of a closed answer; then it is decoded even without a pause. Chosen: four times the longest closed
    answer.
    """

    sequence_max_ms: int = 15000
    """The same for digits. Chosen: eleven digits with pauses."""

    inter_digit_ms: int = 3000
    """Time for the next key. Chosen: usual in telephone menus."""

    mark_grace_ms: int = 2000
    """Time after a prompt's length before it counts as finished without its mark. Chosen: covers the network and the
    jitter buffer.
    """

    decode_wait_ms: int = 2000
    """Decoding timeout; the result then counts as empty. Chosen: 200 times the measured p95 of 10 ms."""

    stall_ms: int = 100
    """Quiet is measured by frames; the clock takes over when no frame has arrived for this long. Chosen: allows for
    jitter.
    """

    def override(self, entries: Mapping[str, int]) -> Timing:
        """Return a copy with some entries replaced.

        Raises:
            ValueError: an entry is unknown, or its value is not a whole number above zero.
        """
        known = {field.name for field in fields(self)}
        for name, value in entries.items():
            if name not in known:
                raise ValueError(f"{name} is not a timing entry; known entries: {', '.join(sorted(known))}")
            if type(value) is not int or value <= 0:
                raise ValueError(f"{name} must be a whole number above zero, not {value!r}")
        return replace(self, **entries)

"""The table of all thresholds of turn-taking. Must not know: how they are applied.

"Measured" in an entry means: on 337 real utterances (Mandarin and English) and real noises over µ-law, 8 kHz, with
Silero fed at 16 kHz. "Benched" means: with recognizer/endpoint.py and this table, as bench/turn_taking.py does.
Probabilities are Silero's, in percent, so that every entry is a whole number and can be overridden from a flow file.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields, replace


@dataclass(frozen=True, slots=True)
class Timing:
    """Thresholds of one question: ms, percent, dB or counts, as the name says."""

    suspect_percent: int = 20
    """Voice is suspected: one chunk at or above. Measured: 45 ms after the onset (p95 105), 0.3 to 1.7 times a
    minute on noise.
    """

    sure_percent: int = 30
    """A frame is surely voice. Measured at 50 with `confirm_frames`: 119 ms after the onset (p95 270), never on tones.
    Benched: at 30 words give a prompt up at p95 341 instead of 462; false stops on noises 0.1 a minute instead of 0.
    """

    active_percent: int = 15
    """Voice goes on while Silero is at or above. Benched: at 5 (and 300 of `webrtc_hold_ms`) the look at a word comes
    40 ms later, at 20 dB of street noise 100.
    """

    confirm_frames: int = 4
    """Voice is confirmed by this many sure frames … Measured, see `sure_percent`."""

    confirm_of_frames: int = 5
    """… among the last so many. Measured, see `sure_percent`."""

    confirm_voice_ms: int = 120
    """Voice needed before a prompt is given up. Benched: words 180 ms after the onset (p95 320), syllables 160 (300),
    soft words 240 (560), English words 160 (524); at 140 words have p95 380, and noises stop a prompt as seldom.
    Nothing within the goal of 350 tells a long 嗯 from a word.
    """

    echo_gate_db: int = 15
    """While we play, frames this far below our own level are echo. Measured: none passes at 20 to 30 dB of echo
    loss.
    """

    echo_window_ms: int = 400
    """Our own level is the loudest of this time: the echo's way there and back. Benched: at 20 dB of loss no false stop
    up to a way of 350 ms, 8 a minute at 450.
    """

    preroll_ms: int = 300
    """The recogniser hears the audio from so long before the suspicion: the onset's p95 (105) and a soft consonant."""

    resume_ms: int = 400
    """Quiet after a suspicion that was no answer; then the prompt goes on. A decision: longer than the gap inside a
    word.
    """

    doubt_ms: int = 1500
    """A prompt stays quiet no longer than this without confirmed voice. A decision: longer than most one-word
    answers.
    """

    mutes_max: int = 3
    """So often a prompt goes quiet at a mere suspicion; then only confirmed voice stops it. A decision, for noisy
    places.
    """

    overlap_ms: int = 500
    """Without barge-in, an answer may begin so long before the prompt's end. A decision: people answer a little
    early.
    """

    webrtc_hold_ms: int = 160
    """webrtcvad prolongs voice beyond Silero's by at most this, for soft endings: alone it fires on anything tonal
    (measured: 31 times a minute on music). Benched: without this bound the look at 20 dB of street noise has p95 520.
    """

    closed_quiet_ms: int = 80
    """Quiet before the first look at a closed answer. Benched: the look comes 200 ms after the last sound (p95 240; 240
    and 440 at 20 dB of street noise), too early in 0.5 % of Mandarin words (one speaker), 5 % of English ones (many).
    """

    prefix_quiet_ms: int = 300
    """Quiet before the beginning of a longer answer (不, 不是) is taken as the answer. Measured: cuts 0.9 %."""

    nothing_quiet_ms: int = 600
    """Quiet before voice without an answer in it is a miss. A decision: at 500 ms only 0.4 % of words were cut."""

    sequence_look_ms: int = 200
    """Quiet before the first look at digits, which ends them if they are complete. Measured: 35 % have such a gap."""

    sequence_quiet_ms: int = 700
    """Quiet that ends digits which are not complete yet. Measured: at 500 ms 11 % of digit strings were cut."""

    free_quiet_ms: int = 1200
    """Quiet that ends free speech. Measured: at 500 ms 9 % of sentences were cut."""

    answer_voice_ms: int = 140
    """Sure voice needed in an answer; with less of it, whatever was read is a noise. Measured: of half of the
    speakers, none of 893 right answers at the usual level has less; all of the noises taken for words (3 of 201) have.
    """

    min_voice_ms: int = 280
    """Less voice without an answer in it is a noise, not a miss. Benched: a syllable has 300 ms or more, a soft 哦 180,
    most sneezes, barks and clicks below 260.
    """

    free_min_voice_ms: int = 400
    """Less voice than this is no free answer but a noise. A decision: two syllables."""

    closed_max_ms: int = 6000
    """A caller who never stops: the answer is looked at after this. A decision: four times the longest closed
    answer.
    """

    sequence_max_ms: int = 15000
    """The same for digits: eleven of them with pauses. A decision."""

    inter_digit_ms: int = 3000
    """Time for the next key. A decision, as most telephone menus have it."""

    mark_grace_ms: int = 2000
    """A prompt whose mark has not come back so long after its length has finished. A decision: network and jitter
    buffer.
    """

    decode_wait_ms: int = 2000
    """A decode not answered in this time found nothing. A decision: 200 times its measured p95 of 10 ms."""

    stall_ms: int = 100
    """While frames come, only they measure quiet; the clock does when none has come for this long. A decision:
    jitter.
    """

    def override(self, entries: Mapping[str, int]) -> Timing:
        """This table with some entries replaced.

        Raises:
            ValueError: an entry is not in the table, or its value is no whole number above zero.
        """
        known = {field.name for field in fields(self)}
        for name, value in entries.items():
            if name not in known:
                raise ValueError(f"{name} is no entry of the timing table; entries are {', '.join(sorted(known))}")
            if type(value) is not int or value <= 0:
                raise ValueError(f"{name} must be a whole number above zero, not {value!r}")
        return replace(self, **entries)

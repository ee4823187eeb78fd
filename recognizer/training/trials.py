"""What held-out speakers are asked and what they say: the trials of an evaluation. Must not know: models, figures."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray
from pypinyin import Style, lazy_pinyin

from recognizer.audio import amplify, pcm_to_ulaw, speech_level_dbov, ulaw_to_pcm
from recognizer.base import SAMPLE_RATE_HZ
from recognizer.lexicon import Unpronounceable, sound, toned
from recognizer.training import sounds
from recognizer.training.corpus import Recording, Samples, held_out, recordings, samples
from recognizer.training.inventory import PHONES, untoned

YES_NO: Final = ("是", "是的", "对", "对的", "好的", "可以", "有", "不是", "不对", "不", "没有", "不可以")
CONTENT: Final = ("满意", "很满意", "非常满意", "一般", "不满意", "很不满意", "非常不满意", "还可以")
SCORE: Final = tuple(digit + unit for digit in "一二三四五六七八九十" for unit in ("", "分"))
QUESTIONS: Final = (YES_NO, CONTENT, SCORE)
_LEVEL_DBOV: Final = -26.0
_AROUND_S: Final = 0.3
_JOIN_S: Final = 0.02
_RIVALS: Final = 9
_PIECE_S: Final = 1.5
_EVERY: Final = {"en_digits": 10, "en_words": 20, "en_zh_accent": 6, "zh_syllables_c": 12}
"""Of recordings that are no answer, one in so many is tried."""

Align = Callable[[bytes, Sequence[str]], Sequence[tuple[str, int, int]]]
"""Finds phrases said one after the other: each with its beginning and end (ms); empty when it can't."""


@dataclass(frozen=True, slots=True)
class Trial:
    """Something said (empty: nothing that is an answer) where `phrases` are the answers, as 8 kHz PCM."""

    kind: str
    said: str
    phrases: tuple[str, ...]
    speaker: str
    pcm: bytes


def trials(folder: Path, align: Align) -> Iterator[Trial]:
    """All trials with the held-out recordings in `folder`, and with invented sounds of lines."""
    unheard = [one for one in recordings(folder) if held_out(one) or one.language.startswith("en")]
    yield from _answers(folder, [one for one in unheard if one.pinyin])
    sentences = [one for one in unheard if one.language == "zh" and one.said]
    yield from _pieces(folder, sentences, align)
    for phrases in QUESTIONS:
        yield from _others(folder, unheard, phrases)


def telephone(sound_: Samples, noise_db: float | None = None) -> bytes:
    """As it comes down a line: at an even level, with a little hiss around it, perhaps in white noise, µ-law."""
    chance = np.random.default_rng(0)
    pcm = amplify(sound_.astype("<i2").tobytes(), _LEVEL_DBOV - speech_level_dbov(sound_.tobytes()))
    pause = np.zeros(int(_AROUND_S * SAMPLE_RATE_HZ))
    line = np.concatenate([pause, np.frombuffer(pcm, "<i2"), pause])
    loudness = 8.0 if noise_db is None else 32768 * 10 ** ((_LEVEL_DBOV - noise_db) / 20)
    noisy = np.clip(line + chance.normal(size=len(line)) * loudness, -32768, 32767).astype("<i2")
    return ulaw_to_pcm(pcm_to_ulaw(noisy.tobytes()))


def _answers(folder: Path, syllables: Sequence[Recording]) -> Iterator[Trial]:
    """Digits; answers made of syllables one after the other; any syllable among others."""
    speakers = sorted({one.speaker for one in syllables})
    for speaker in speakers:
        spoken = {one.pinyin: samples(folder / one.path) for one in syllables if one.speaker == speaker}
        for phrases in QUESTIONS:
            for phrase in phrases:
                parts = [spoken[part] for part in _pinyin(phrase) if part in spoken]
                if len(parts) == len(phrase):
                    kind = "digits" if len(phrase) == 1 and phrases is SCORE else f"{min(len(phrase), 3)} syllables"
                    joined = _joined(parts)
                    yield Trial(kind, phrase, phrases, speaker, telephone(joined))
                    for noise_db in (20, 10):
                        yield Trial(f"{kind} {noise_db} dB", phrase, phrases, speaker, telephone(joined, noise_db))
        yield from _among_others(spoken, speaker)


def _among_others(spoken: dict[str, Samples], speaker: str) -> Iterator[Trial]:
    chance = random.Random(0)  # noqa: S311
    written = {char: pinyin for char, pinyin in _characters().items() if pinyin in spoken}
    for char, pinyin in list(written.items())[::3]:
        phrases = (char, *_rivals(char, written, chance))
        yield Trial("any syllable", char, phrases, speaker, telephone(spoken[pinyin]))


def _pieces(folder: Path, sentences: Sequence[Recording], align: Align) -> Iterator[Trial]:
    """Two syllables cut out of a sentence, among others."""
    chance = random.Random(0)  # noqa: S311
    pieces = []
    for one in sentences:
        chunks = [one.said[place : place + 2] for place in range(0, len(one.said) - 1, 2)]
        sound_ = samples(folder / one.path)
        for text, start_ms, end_ms in align(telephone(sound_), chunks):
            start, end = ((ms - 1000 * _AROUND_S) * SAMPLE_RATE_HZ / 1000 for ms in (start_ms - 30, end_ms + 30))
            pieces.append((one.speaker, text, sound_[max(0, int(start)) : int(end)]))
    texts = sorted({text for _, text, _ in pieces})
    for speaker, text, sound_ in pieces:
        yield Trial("out of sentences", text, (text, *_rivals(text, texts, chance)), speaker, telephone(sound_))


def _others(folder: Path, unheard: Sequence[Recording], phrases: tuple[str, ...]) -> Iterator[Trial]:
    """What is no answer: other speech, noise, sounds of lines."""
    taken = {spoken for phrase in phrases for spoken in sound(phrase)}
    count: dict[str, int] = {}
    for one in unheard:
        count[one.corpus] = count.get(one.corpus, 0) + 1
        if count[one.corpus] % _EVERY.get(one.corpus, 1) or (one.pinyin and _plain(one) in taken):
            continue
        sound_ = samples(folder / one.path)
        size = int(_PIECE_S * SAMPLE_RATE_HZ) if one.said and one.language == "zh" else len(sound_)
        for start in range(0, len(sound_) - size + 1, max(size, 1)):
            yield Trial(one.corpus, "", phrases, one.speaker, telephone(sound_[start : start + size]))
    chance = np.random.default_rng(1)
    for _ in range(60):
        yield Trial("tones, music", "", phrases, "-", telephone(sounds.sound(chance).astype(np.int16)))


def _rivals(phrase: str, phrases: Iterable[str], chance: random.Random) -> list[str]:
    """Some of the phrases that sound different."""
    different = sorted(other for other in phrases if not sound(other) & sound(phrase))
    return chance.sample(different, min(_RIVALS, len(different)))


def _plain(one: Recording) -> tuple[str, ...]:
    transcript = one.transcript()
    if not transcript:
        return ()
    return tuple(untoned(PHONES[number]) for number in transcript[0])


def _pinyin(phrase: str) -> list[str]:
    return [
        pinyin.replace("ü", "v").removesuffix("5")
        for pinyin in lazy_pinyin(phrase, style=Style.TONE3, neutral_tone_with_five=True)
    ]


def _characters() -> dict[str, str]:
    """A character for each syllable, with its pinyin."""
    made: dict[str, str] = {}
    for code in range(0x4E00, 0x9FA5):
        char = chr(code)
        try:
            spoken = toned(char)
        except Unpronounceable:
            continue
        pinyin = _pinyin(char)[0]
        if len(spoken) == 1 and pinyin not in made:
            made[pinyin] = char
    return {char: pinyin for pinyin, char in made.items()}


def _joined(parts: Sequence[Samples]) -> Samples:
    """The parts without the silence around them, faded into each other."""
    size = int(_JOIN_S * SAMPLE_RATE_HZ)
    fade = np.linspace(0, 1, size)
    made: NDArray[np.float64] = np.zeros(0)
    for part in parts:
        loud = np.flatnonzero(np.abs(part.astype(float)) > 0.02 * np.abs(part.astype(float)).max())
        voice = part[loud[0] : loud[-1] + 1].astype(float)
        if len(made):
            voice[:size] = voice[:size] * fade + made[-size:] * (1 - fade)
            made = made[:-size]
        made = np.concatenate([made, voice])
    return made.astype(np.int16)

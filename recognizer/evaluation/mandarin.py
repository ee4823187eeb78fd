"""Answers of held-out Mandarin speakers: digits, answers joined from syllables, pieces cut out of sentences.

Must not know: models other than the one that aligns sentences, conditions, figures.
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray
from pypinyin import Style, lazy_pinyin

from recognizer.base import SAMPLE_RATE_HZ
from recognizer.evaluation.conditions import CONDITIONS
from recognizer.evaluation.cutting import align, all_aligned
from recognizer.evaluation.questions import ZH_CHOICE, ZH_DIGITS, ZH_SCORE, ZH_YES_NO, EvaluationQuestion, one_of
from recognizer.evaluation.trials import Trial, half_of
from recognizer.lexicon import Unpronounceable, sound
from recognizer.training.corpus import CorpusRecording, Samples, samples

_CROSSFADE_S: Final = 0.02
_MAX_SYLLABLE_S: Final = 0.7
"""Maximum duration of a syllable within a word."""
_AROUND_MS: Final = 30
_PAUSE_MS: Final = 300
_MAX_RIVALS: Final = 9
_CUT: Final = {1: 5, 2: 2, 3: 9}
"""Piece length in syllables → step between the starts of pieces."""
_MAX_WORDS: Final = 60
_MAX_STRINGS: Final = 12
_MAX_SYLLABLES: Final = 30
_MAX_SENTENCES: Final = 6
"""Maximum number per speaker."""
_DIGITS: Final = "一二三四五六七八九十"
_SPOKEN_DIGITS: Final = {
    **{"yi1": "一", "yi2": "一", "yi4": "一", "er4": "二", "san1": "三", "si4": "四", "wu3": "五", "liu4": "六"},
    **{"qi1": "七", "ba1": "八", "jiu3": "九", "shi2": "十"},
}


def answers(folder: Path, heldout: Sequence[CorpusRecording], acoustic: Path, words: Iterable[str]) -> Iterator[Trial]:
    """Yield all answers of held-out speakers in `folder`; `acoustic` aligns sentences, `words` are arbitrary words."""
    syllables = [one for one in heldout if one.pinyin]
    for speaker in sorted({one.speaker for one in syllables}):
        spoken = {one.pinyin: one.path for one in syllables if one.speaker == speaker}
        yield from _joined_answers(folder, speaker, spoken, sorted(set(words)))
    sentences = list(_first_sentences(one for one in heldout if one.language == "zh" and one.said))
    yield from _cut_pieces(folder, sentences, acoustic)


def joined(parts: Sequence[Samples]) -> Samples:
    """Return the parts cross-faded into one."""
    size = int(_CROSSFADE_S * SAMPLE_RATE_HZ)
    fade = np.linspace(0, 1, size)
    made: NDArray[np.float64] = np.zeros(0)
    for part in parts:
        voice = part.astype(float)
        if len(made):
            voice[:size] = voice[:size] * fade + made[-size:] * (1 - fade)
            made = made[:-size]
        made = np.concatenate([made, voice])
    return made.astype(np.int16)


def _trimmed(part: Samples) -> Samples:
    """Trim leading and trailing silence."""
    loud = np.flatnonzero(np.abs(part.astype(float)) > 0.02 * np.abs(part.astype(float)).max())
    return part[loud[0] : loud[-1] + 1]


def _first_sentences(sentences: Iterable[CorpusRecording]) -> Iterator[CorpusRecording]:
    """Yield the first few sentences of each speaker."""
    count: Counter[str] = Counter()
    for one in sentences:
        count[one.speaker] += 1
        if count[one.speaker] <= _MAX_SENTENCES:
            yield one


def _joined_answers(folder: Path, speaker: str, spoken: Mapping[str, Path], words: Sequence[str]) -> Iterator[Trial]:
    rng = random.Random(0)  # noqa: S311
    half = half_of(speaker)

    def said(question: EvaluationQuestion, phrase: str) -> Iterator[Trial]:
        pinyin = _pinyin(phrase)
        if all(syllable in spoken for syllable in pinyin):
            parts = [_trimmed(samples(folder / spoken[syllable])) for syllable in pinyin]
            if len(parts) == 1:
                yield Trial(question, phrase, "recorded", speaker, half, joined(parts))
            elif all(len(part) <= _MAX_SYLLABLE_S * SAMPLE_RATE_HZ for part in parts):
                yield Trial(question, phrase, "put together", speaker, half, joined(parts))

    for question in (ZH_YES_NO, ZH_CHOICE, ZH_SCORE):
        for phrase in question.grammar.phrases:
            yield from said(question, phrase)
    for size, count in ((2, _MAX_WORDS), (3, _MAX_WORDS // 2)):
        fitting = [word for word in words if len(word) == size]
        for word in rng.sample(fitting, min(count, len(fitting))):
            yield from said(one_of("one of ten", "zh-CN", (word, *_rivals(word, fitting, rng))), word)
    characters = sorted({char for word in words for char in word})
    for char in rng.sample(characters, min(_MAX_SYLLABLES, len(characters))):
        yield from said(one_of("one of ten", "zh-CN", (char, *_rivals(char, characters, rng))), char)
    for _ in range(_MAX_STRINGS):
        yield from said(ZH_DIGITS, "".join(rng.choice("零一二三四五六七八九") for _ in range(4)))


def _cut_pieces(folder: Path, sentences: Sequence[CorpusRecording], acoustic: Path) -> Iterator[Trial]:
    """Yield digits, and pieces of one to three syllables with other pieces of the sentences as alternatives."""
    rng = random.Random(0)  # noqa: S311
    pieces: list[tuple[str, str, Samples]] = []
    for one in sentences:
        voice = samples(folder / one.path)
        line = CONDITIONS["clean"](voice, np.random.default_rng(0), ())
        found = align(acoustic, one.said, line)
        spoken = _pinyin(one.said)
        for size, step in _CUT.items():
            for start in range(0, len(found) - size + 1, step):
                if all_aligned(found[start : start + size]):
                    piece = _piece(voice, found[start][0], found[start + size - 1][1])
                    pieces.append((one.speaker, one.said[start : start + size], piece))
        for place, syllable in enumerate(spoken if len(spoken) == len(found) else ()):
            if syllable in _SPOKEN_DIGITS and all_aligned(found[place : place + 1]):
                digit = _SPOKEN_DIGITS[syllable]
                yield Trial(ZH_SCORE, digit, "cut out", one.speaker, half_of(one.speaker), _piece(voice, *found[place]))
    for speaker, text, voice in pieces:
        texts = sorted({other for _, other, _ in pieces if len(other) == len(text)})
        question = one_of("one of ten", "zh-CN", (text, *_rivals(text, texts, rng)))
        yield Trial(question, text, "cut out", speaker, half_of(speaker), voice)


def _piece(voice: Samples, start_ms: int, end_ms: int) -> Samples:
    start, end = (
        max(0, (place - _PAUSE_MS) * SAMPLE_RATE_HZ // 1000) for place in (start_ms - _AROUND_MS, end_ms + _AROUND_MS)
    )
    return voice[start:end]


def _rivals(phrase: str, phrases: Iterable[str], rng: random.Random) -> list[str]:
    """Sample phrases that are not homophones of `phrase`."""
    different = sorted(other for other in phrases if _sounds_unlike(other, phrase))
    return rng.sample(different, min(_MAX_RIVALS, len(different)))


def _sounds_unlike(one: str, other: str) -> bool:
    try:
        return not sound(one) & sound(other)
    except Unpronounceable:
        return False


def _pinyin(phrase: str) -> list[str]:
    return [
        pinyin.replace("ü", "v").removesuffix("5")
        for pinyin in lazy_pinyin(phrase, style=Style.TONE3, neutral_tone_with_five=True)
    ]

"""The rates of right, wrong and repeated answers on real recordings. Prints a table (`pytest -s`)."""

from __future__ import annotations

import csv
import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import soundfile

from recognizer.audio import amplify, pcm_to_ulaw, resample, speech_level_dbov, ulaw_to_pcm
from recognizer.base import Grammar
from recognizer.confidence import CONFIRM_BELOW, REJECT_BELOW
from recognizer.lexicon import sound
from recognizer.vosk import VoskRecognizer

SPEECH = Path(__file__).parents[3] / "shared" / "speech"
pytestmark = [
    pytest.mark.shared,
    pytest.mark.slow,
    pytest.mark.skipif(not SPEECH.is_dir(), reason="the recordings in ../shared/speech are absent"),
]

YES_NO = ("是", "是的", "对", "对的", "好的", "可以", "有", "不是", "不对", "不", "没有", "不可以")
CONTENT = ("满意", "很满意", "非常满意", "一般", "不满意", "很不满意", "非常不满意", "还可以")
SCORE = tuple(digit + unit for digit in "一二三四五六七八九十" for unit in ("", "分"))
QUESTIONS = (YES_NO, CONTENT, SCORE)
PINYIN = ("yi1", "er4", "san1", "si4", "wu3", "liu4", "qi1", "ba1", "jiu3", "shi2")
DIGITS = dict(zip(PINYIN, "一二三四五六七八九十", strict=True))
SAMPLE = {"zh_words": 120, "zh_sentences": 40, "en_": 30, "noise_": 4}
"""One in this many recordings of a kind that contains no answer is used."""


def telephone(path: str) -> bytes:
    """The recording over a telephone line, with a little silence around it."""
    samples, rate = soundfile.read(SPEECH / path, dtype="int16", always_2d=True)
    pcm = resample(samples.mean(axis=1).astype("<i2").tobytes(), rate)
    hiss = (np.random.default_rng(0).normal(size=2400) * 8).astype("<i2").tobytes()
    return hiss + ulaw_to_pcm(pcm_to_ulaw(amplify(pcm, -26 - speech_level_dbov(pcm)))) + hiss


def recordings() -> Iterator[tuple[str, str, str]]:
    """The kind, the words and the path of each recording."""
    seen: Counter[str] = Counter()
    with (SPEECH / "manifest.tsv").open(encoding="utf-8") as manifest:
        for row in csv.DictReader(manifest, delimiter="\t"):
            syllable = re.match(r"pinyin (\w+\d)", row["note"] or "")
            said = DIGITS.get(syllable.group(1), "") if syllable else row["text"]
            if said in (*YES_NO, *CONTENT, *SCORE):
                yield ("digits" if said in SCORE else "words"), said, row["path"]
                continue
            kind = next((kind for kind in SAMPLE if row["path"].startswith(kind)), None)
            if kind:
                seen[kind] += 1
                if seen[kind] % SAMPLE[kind] == 0:
                    yield kind, said, row["path"]


def band(confidence: float) -> str:
    return "again" if confidence < REJECT_BELOW else "confirm" if confidence < CONFIRM_BELOW else "accept"


async def test_answers_are_accepted_and_anything_else_is_not(recognizer: VoskRecognizer) -> None:
    recognizer.learn("zh-CN", {phrase for phrases in QUESTIONS for phrase in phrases})
    table: dict[str, Counter[str]] = {}
    for kind, said, path in recordings():
        pcm = telephone(path)
        for phrases in QUESTIONS:
            answer = said in phrases
            if not answer and kind in {"words", "digits"}:
                continue
            listener = recognizer.listen(Grammar("zh-CN", "closed", phrases))
            listener.feed(pcm)
            heard = await listener.hypotheses()
            listener.close()
            right = bool(heard) and answer and bool(sound(heard[0].text) & sound(said))
            decided = band(heard[0].confidence) if heard else "again"
            row = table.setdefault(kind, Counter())
            row[decided if decided == "again" else f"{decided} {'right' if right else 'wrong'}"] += 1
    share = {kind: {cell: count / row.total() for cell, count in row.items()} for kind, row in table.items()}
    cells = ("accept right", "accept wrong", "confirm right", "confirm wrong", "again")
    print(f"\n{'':14}{'n':>5} " + " ".join(f"{cell:>13}" for cell in cells))
    for kind, row in share.items():
        print(f"{kind:14}{table[kind].total():5} " + " ".join(f"{row.get(cell, 0):13.1%}" for cell in cells))
    for kind in ("words", "digits"):
        assert share[kind]["accept right"] + share[kind].get("confirm right", 0) >= 0.9, kind
    assert share["words"]["accept right"] >= 0.7
    for kind, most in {"words": 0.03, "digits": 0.05, "zh_words": 0.03, "zh_sentences": 0.02, "en_": 0.06}.items():
        assert share[kind].get("accept wrong", 0) <= most, kind
    assert share["noise_"].get("accept wrong", 0) <= 0.05

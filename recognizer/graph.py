"""The decoding graph of a lexicon, which Vosk composes with each question's grammar at run time.

Writes the `graph/` folder of a Vosk model: HCLr.fst (phones → words), Gr.fst (any word after any), words.txt,
disambig_tid.int, phones/word_boundary.int. In addition to the words there is `[unk]`: any phone sequence, weighted
by the phone bigram of speech; it competes with the words and absorbs out-of-grammar speech.
Must not know: grammars, Vosk, audio.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

from recognizer.fst import Fst
from recognizer.lexicon import Pronunciation
from recognizer.phones import SILENCE, START, Phone, Phones, Position

UNKNOWN: Final = "[unk]"
_SPACE: Final = "_"
_HALF: Final = math.log(2.0)
"""Cost of probability 1/2: each transition of a phone, silence between words, and no silence between them."""

Lexicon = Mapping[str, Sequence[Pronunciation]]


def as_word(phrase: str) -> str:
    """Return a phrase as one word of the graph (“i_think”): Vosk splits words at spaces."""
    return phrase.replace(" ", _SPACE)


def as_phrase(word: str) -> str:
    """Return the phrase of a word of the graph."""
    return word.replace(_SPACE, " ")


def write_graph(folder: Path, lexicon: Lexicon, phones: Phones) -> None:
    """Write the files of `graph/` into `folder` (created if absent) for the phrases of `lexicon`, one word each."""
    lexicon = {as_word(phrase): spoken for phrase, spoken in lexicon.items()}
    words = {word: number for number, word in enumerate([*lexicon, UNKNOWN], start=1)}
    (folder / "phones").mkdir(parents=True, exist_ok=True)
    _phones_to_words(lexicon, words, phones).write(folder / "HCLr.fst", sort="output")
    symbols = {"<eps>": 0, **words}
    _any_words(words).write(folder / "Gr.fst", sort="input", words=symbols)
    lines = "".join(f"{word} {number}\n" for word, number in symbols.items())
    (folder / "words.txt").write_text(lines, encoding="utf-8")
    (folder / "disambig_tid.int").write_text("")
    (folder / "phones" / "word_boundary.int").write_text(phones.word_boundary())


def _phones_to_words(lexicon: Lexicon, words: Mapping[str, int], phones: Phones) -> Fst:
    fst = Fst()
    loop = fst.add_state(final=0.0)
    silence = _add_phone(fst, loop, phones.at(SILENCE), 0, _HALF)
    fst.add_arc(silence, (0, 0, _HALF, loop))
    for word, pronunciations in lexicon.items():
        for pronunciation in pronunciations:
            place, label = loop, words[word]
            for position, name in _positions(pronunciation):
                place = _add_phone(fst, place, phones.at(name, position), label, _HALF)
                label = 0
            fst.add_arc(place, (0, 0, _HALF, loop))
    _any_phones(fst, loop, words[UNKNOWN], phones)
    return fst


def _add_phone(fst: Fst, source: int, phone: Phone, label: int, cost: float) -> int:
    """Add a phone with its self-loop and return its state (Kaldi's order: forward arc first, then the loop)."""
    state = fst.add_state()
    fst.add_arc(source, (phone.forward, label, cost, state))
    fst.add_arc(state, (phone.loop, 0, _HALF, state))
    return state


def _positions(pronunciation: Pronunciation) -> list[tuple[Position, str]]:
    if len(pronunciation) == 1:
        return [("singleton", pronunciation[0])]
    first, *middle, last = pronunciation
    inner: list[tuple[Position, str]] = [("internal", name) for name in middle]
    return [("begin", first), *inner, ("end", last)]


def _any_phones(fst: Fst, loop: int, label: int, phones: Phones) -> None:
    names = phones.spoken()
    starting = phones.bigram[START]
    first = {name: _add_phone(fst, loop, phones.at(name, "begin"), label, _HALF + starting[name]) for name in names}
    inner = {name: _add_state(fst, phones.at(name, "internal")) for name in names}
    last = {name: _add_state(fst, phones.at(name, "end")) for name in names}
    for states in (first, inner):
        for before, source in states.items():
            for after, cost in phones.bigram[before].items():
                fst.add_arc(source, (phones.at(after, "internal").forward, 0, _HALF + cost, inner[after]))
                fst.add_arc(source, (phones.at(after, "end").forward, 0, _HALF + cost, last[after]))
    for state in last.values():
        fst.add_arc(state, (0, 0, _HALF, loop))
    for name in names:
        state = _add_phone(fst, loop, phones.at(name, "singleton"), label, _HALF + starting[name])
        fst.add_arc(state, (0, 0, _HALF, loop))


def _add_state(fst: Fst, phone: Phone) -> int:
    state = fst.add_state()
    fst.add_arc(state, (phone.loop, 0, _HALF, state))
    return state


def _any_words(words: Mapping[str, int]) -> Fst:
    fst = Fst()
    state = fst.add_state(final=_HALF)
    cost = math.log(len(words)) + _HALF
    for number in words.values():
        fst.add_arc(state, (number, number, cost, state))
    return fst

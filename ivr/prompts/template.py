"""Prompt templates: a prompt's text split into recorded pieces and variables. Pure. Must not know: files."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

VARIABLE: Final = re.compile(r"\{(\w+):(\w+)\}")
LEADING_MARKS: Final = re.compile(r"^[\s\W_]*")
SHORT_MARKS: Final = "，、,:：；;"
LONG_MARKS: Final = "。？！.?!"


@dataclass(frozen=True, slots=True)
class RecordedPiece:
    """A recorded piece: the `name` of the recording, the `text` as written, the `words` for the speech engine."""

    name: str
    text: str
    words: str


@dataclass(frozen=True, slots=True)
class PromptVariable:
    """A value spoken with fragments: its name and its type."""

    name: str
    kind: str


@dataclass(frozen=True, slots=True)
class PunctuationMark:
    """Punctuation after a variable; `long` if it ends a sentence."""

    text: str
    long: bool


TemplatePart = RecordedPiece | PromptVariable | PunctuationMark


@dataclass(frozen=True, slots=True)
class PromptTemplate:
    """A prompt's template in one language."""

    parts: tuple[TemplatePart, ...]

    @property
    def pieces(self) -> tuple[RecordedPiece, ...]:
        return tuple(part for part in self.parts if isinstance(part, RecordedPiece))

    @property
    def variables(self) -> dict[str, str]:
        """Variable names with their types."""
        return {part.name: part.kind for part in self.parts if isinstance(part, PromptVariable)}


def parse(name: str, text: str) -> PromptTemplate:
    """Parse a prompt's text. Without variables it is one piece called `name`, else pieces `name-1`, `name-2`, ….

    Raises:
        ValueError: a brace is not part of a variable, or the text has no words.
    """
    stray = re.search(r"[{}]", VARIABLE.sub("", text))
    if stray:
        raise ValueError(f"{stray.group()!r} is not part of a variable; write variables as {{name:type}}")
    if not re.search(r"\w", text):
        raise ValueError("it has no words to speak")
    whole = not VARIABLE.search(text)
    return PromptTemplate((RecordedPiece(name, text, text),) if whole else tuple(_cut(name, text)))


def _cut(name: str, text: str) -> Iterator[TemplatePart]:
    fields = VARIABLE.split(text)
    count = 0
    for index in range(0, len(fields), 3):
        marks, words = _split_marks(fields[index]) if index else ("", fields[index])
        if marks:
            yield PunctuationMark(marks, any(mark in LONG_MARKS for mark in marks))
        if spoken := words.strip():
            count += 1
            yield RecordedPiece(
                f"{name}-{count}", words, _with_trailing_comma(spoken) if index + 2 < len(fields) else spoken
            )
        if index + 2 < len(fields):
            yield PromptVariable(fields[index + 1], fields[index + 2])


def _split_marks(text: str) -> tuple[str, str]:
    """Split off the punctuation at the start of a text; spaces alone do not count as punctuation."""
    end = LEADING_MARKS.match(text)
    marks = end.group() if end else ""
    return (marks, text[len(marks) :]) if marks.strip() else ("", text)


def _with_trailing_comma(words: str) -> str:
    """Append a comma unless there is punctuation: it keeps the engine's intonation up before a value."""
    return words if words[-1] in SHORT_MARKS + LONG_MARKS else f"{words},"

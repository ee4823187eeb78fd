"""Text of the whisper to the person who takes a transfer: phrases filled with the call's variables. Pure.

Must not know: who hears it, how it becomes audio.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Final

from ivr.events import Value
from ivr.flow import answers, model

_NAME: Final = re.compile(r"\{([a-z][a-z0-9_]*)\}")
SEPARATOR: Final = "，"


def render_whisper(phrases: Sequence[str], known: Mapping[str, Value], callflows: model.Callflows) -> str:
    """Return the phrases with their variables replaced; a phrase with a variable that has no value is omitted.

    An answer to a closed question is rendered as the first of its phrases in the file's first language.
    """
    return SEPARATOR.join(filter(None, (_phrase(phrase, known, callflows) for phrase in phrases)))


def whisper_faults(phrase: str, known: Collection[str]) -> Iterator[str]:
    """Yield the faults of a phrase."""
    for name in sorted({*_NAME.findall(phrase)} - set(known)):
        yield f"“{name}” is neither a variable nor a question"
    if re.search("[{}]", _NAME.sub("", phrase)):
        yield f"“{phrase}”: braces must enclose the name of a variable or a question"


def _phrase(phrase: str, known: Mapping[str, Value], callflows: model.Callflows) -> str:
    for name in _NAME.findall(phrase):
        if not (words := _words(name, known.get(name), callflows)):
            return ""
        phrase = phrase.replace(f"{{{name}}}", words)
    return phrase


def _words(name: str, value: Value, callflows: model.Callflows) -> str:
    if value is None:
        return ""
    for flow in callflows.flows.values():
        match flow.nodes.get(name):
            case model.AskNode(answer=model.YesNo() | model.Choice() as closed):
                chosen = answers.values(closed).get(str(value))
                said = chosen.phrases.get(callflows.languages[0], ()) if chosen else ()
                return said[0] if said else str(value)
    return str(value)

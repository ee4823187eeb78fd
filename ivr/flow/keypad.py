"""DTMF: the keys that a question accepts and their meanings. Must not know: state, calls, audio."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Final

from ivr.actions import KeyInput
from ivr.flow import model
from ivr.flow.answers import read_digits, read_time, values
from ivr.flow.outcome import AnswerOutcome, Command, Confirmed, Denied, NotUnderstood, Understood

CONFIRM_KEYS: Final = {"1": True, "2": False}
FINISH_KEY: Final = "#"
"""Default key that ends an input which could continue (1 before 10)."""


def key_owners(node: model.QuestionNode, universals: model.Universals) -> Iterator[tuple[str, str]]:
    """Yield pairs of a meaning and its keys; commands are in round brackets."""
    match node:
        case model.AskNode(answer=model.Digits(finish_on_key=finish)):
            if finish:
                yield "finish_on_key", finish
            if universals.repeat.keys:
                yield "(repeat)", universals.repeat.keys
            return
        case model.AskNode(answer=model.Score(low=low, high=high)):
            yield from ((str(score), str(score)) for score in range(low, high + 1))
        case model.AskNode(answer=answer):
            yield from ((name, value.keys) for name, value in values(answer).items())
        case model.BookNode(choices=choices):
            yield from ((f"choices.{keys}", keys) for keys in choices)
        case model.RecordNode(skip_on_key=skip):
            yield "skip_on_key", skip
    yield "finish_on_key", finish_key(node)
    yield from ((f"({name})", keys) for keys, name in _commands(universals).items())


def finish_key(node: model.QuestionNode) -> str:
    """Return the key that ends an input; empty if none does."""
    match node:
        case model.RecordNode(finish_on_key=finish) | model.AskNode(answer=model.Digits(finish_on_key=finish)):
            return finish
    return FINISH_KEY


def key_input(node: model.QuestionNode, universals: model.Universals) -> KeyInput:
    """Return the keys that the question accepts."""
    match node:
        case model.AskNode(answer=model.Digits(num_digits=num_digits, finish_on_key=finish)):
            return KeyInput("0123456789" + (universals.repeat.keys or ""), num_digits, finish)
    finish = finish_key(node)
    return _choices([owned for _, owned in key_owners(node, universals) if owned != finish], finish)


def confirmation_key_input(universals: model.Universals) -> KeyInput:
    """Return the keys accepted when an answer is read back."""
    return _choices([*CONFIRM_KEYS, *_commands(universals)], FINISH_KEY)


def understand_keys(
    node: model.QuestionNode, universals: model.Universals, language: str, digits: str, now: datetime
) -> AnswerOutcome:
    """Interpret keys pressed at the question."""
    owner = {owned: name for name, owned in key_owners(node, universals)}.get(digits)
    if owner and owner.startswith("("):
        return Command(owner.strip("()"))
    match node:
        case model.AskNode(answer=model.Digits() as answer):
            return read_digits(answer, language, digits, 1.0)
        case model.BookNode(choices=choices) if digits in choices:
            return read_time(node, language, choices[digits][language], now, 1.0)
        case model.RecordNode() if owner:
            return Understood(None, digits, 1.0, sure=True)
        case model.AskNode(answer=model.Score()) if owner and owner.isdecimal():
            return Understood(int(owner), digits, 1.0, sure=True)
        case model.AskNode(answer=answer) if owner in values(answer):
            return Understood(owner, digits, 1.0, sure=True)
    return NotUnderstood()


def understand_confirmation_keys(universals: model.Universals, digits: str) -> AnswerOutcome:
    """Interpret keys pressed when an answer is read back."""
    if name := _commands(universals).get(digits):
        return Command(name)
    right = CONFIRM_KEYS.get(digits)
    return NotUnderstood() if right is None else Confirmed() if right else Denied()


def _commands(universals: model.Universals) -> dict[str, str]:
    return {each.keys: name for name, each in universals.named().items() if each.keys}


def _choices(inputs: Sequence[str], finish: str) -> KeyInput:
    return KeyInput("".join(sorted(set("".join(inputs)))), max(map(len, inputs)), finish, tuple(inputs))

"""Interpretation of spoken answers: hypotheses → a value, a command, or no-match.

A question is `closed` (one of its phrases), a `sequence` (digits, a time) or `free`. A phrase means a value of the
question or a universal command; command names are written in round brackets. Must not know: state, calls, audio, keys.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from functools import cache, lru_cache
from typing import Final, Literal

from ivr.actions import SpeechInput
from ivr.events import Heard, Value
from ivr.flow import model
from ivr.flow.outcome import (
    AnswerOutcome,
    Command,
    Completeness,
    Confirmed,
    Denied,
    NotUnderstood,
    NotWhole,
    OutOfRange,
    OutsideHours,
    Understood,
    Unfinished,
)
from ivr.flow.spoken.carriers import strip_carriers
from ivr.flow.spoken.choice import parse_choice
from ivr.flow.spoken.digits import digit_words, parse_digits
from ivr.flow.spoken.phone import parse_phone
from ivr.flow.spoken.result import Parsed, ParsedFraction, ParsedIncomplete, ParsedOutOfRange, ParsedValue
from ivr.flow.spoken.score import parse_score, score_phrases
from ivr.flow.spoken.text import normalise
from ivr.flow.spoken.when import parse_when, when_words
from ivr.flow.spoken.yes_no import parse_yes_no, yes_no_phrases

CLOSE_MARGIN: Final = 0.1
"""If the best two hypotheses with different meanings are closer than this in confidence, the answer is confirmed."""

EXIT_COMMANDS: Final = frozenset({"agent", "refuse"})
"""Commands that leave the question; accepted only with high confidence."""

CONFIRM_BELOW: Final = 0.8
REJECT_BELOW: Final = 0.45
"""Default thresholds for questions without their own: commands in sequences and free speech, and confirmations."""

FRACTION: Final = "<fraction>"
OUT_OF_RANGE: Final = "<out of range>"
"""Meanings of score phrases that are not a value: between two whole scores, and outside the scale."""

_plain = lru_cache(maxsize=4096)(normalise)
_scores = cache(score_phrases)
_yes_or_no = lru_cache(maxsize=512)(yes_no_phrases)


def values(answer: model.Answer) -> dict[str, model.AnswerValue]:
    """Return the named values of a closed question; empty for scores and digits."""
    match answer:
        case model.YesNo(yes=yes, no=no):
            return {"yes": yes, "no": no}
        case model.Choice(values=named):
            return dict(named)
    return {}


def kind(node: model.QuestionNode) -> Literal["closed", "sequence", "free"]:
    """Return the kind of speech that answers the question."""
    match node:
        case model.RecordNode():
            return "free"
        case model.BookNode() | model.AskNode(answer=model.Digits()):
            return "sequence"
    return "closed"


def configured_phrases(value: model.AnswerValue | model.Universal, language: str) -> tuple[str, ...]:
    """Return the phrases that the flows configure for a value or a command, normalised for a grammar."""
    return tuple(_plain(phrase, language) for phrase in value.phrases.get(language, ()))


def meanings(node: model.QuestionNode, universals: model.Universals, language: str) -> dict[str, frozenset[str]]:
    """Return meaning → phrases. Commands are in round brackets, meanings that are not values in angle brackets."""
    found: dict[str, frozenset[str]] = {}
    match node:
        case model.AskNode(answer=model.YesNo(yes=yes, no=no)):
            said = _yes_or_no(language, configured_phrases(yes, language), configured_phrases(no, language))
            found["yes"] = frozenset(phrase for phrase, means_yes in said.items() if means_yes)
            found["no"] = frozenset(said) - found["yes"]
        case model.AskNode(answer=model.Choice(values=named)):
            found |= {name: frozenset(configured_phrases(value, language)) for name, value in named.items()}
        case model.AskNode(answer=model.Score(low=low, high=high)):
            for phrase, parsed in _scores(language, low, high).items():
                meaning = _score_meaning(parsed)
                found[meaning] = found.get(meaning, frozenset()) | {phrase}
        case model.AskNode(answer=model.Digits()):
            found["digits"] = frozenset(digit_words(language))
        case model.BookNode():
            found["time"] = frozenset(when_words(language))
        case model.RecordNode(cues=cues):
            found["cues"] = frozenset(_plain(cue, language) for cue in cues.get(language, ()))
            found["spot"] = frozenset(spot_words(node, language))
    return found | commands(universals, language)


def spot_words(node: model.QuestionNode, language: str) -> tuple[str, ...]:
    """Return the keywords to spot in free speech that are not answers."""
    words = node.spot.get(language, ()) if isinstance(node, model.RecordNode) else ()
    return tuple(sorted(_plain(word, language) for word in words))


def _score_meaning(parsed: Parsed[int]) -> str:
    match parsed:
        case ParsedValue(score):
            return str(score)
        case ParsedFraction():
            return FRACTION
    return OUT_OF_RANGE


def commands(universals: model.Universals, language: str) -> dict[str, frozenset[str]]:
    """Return command (in round brackets) → phrases."""
    return {f"({name})": frozenset(configured_phrases(each, language)) for name, each in universals.named().items()}


def speech(node: model.QuestionNode, universals: model.Universals, language: str) -> SpeechInput:
    """Return the speech that the question accepts."""
    said = meanings(node, universals, language).values()
    phrases = tuple(sorted(frozenset[str]().union(*said)))
    how = kind(node)
    return SpeechInput(language, how, phrases, spot_words(node, language), _synonyms(said) if how == "closed" else ())


def confirmation_speech(node: model.QuestionNode, universals: model.Universals, language: str) -> SpeechInput:
    """Return the speech accepted when an answer is read back: yes, no, or directly another answer."""
    another = meanings(node, universals, language) if kind(node) == "closed" else commands(universals, language)
    agrees = _yes_or_no(language)
    said = [frozenset(phrase for phrase in agrees if agrees[phrase] is answer) for answer in (True, False)]
    phrases = tuple(sorted(frozenset[str]().union(*said, *another.values())))
    return SpeechInput(language, "closed", phrases, same=_synonyms([*said, *another.values()]))


def _synonyms(meant: Iterable[frozenset[str]]) -> tuple[tuple[str, ...], ...]:
    """Return groups of phrases with the same meaning; a phrase with two meanings joins the first group."""
    seen: set[str] = set()
    groups = []
    for phrases in meant:
        if len(alone := tuple(sorted(phrases - seen))) > 1:
            groups.append(alone)
        seen |= phrases
    return tuple(groups)


# --- understanding ----------------------------------------------------------------------------------------------


def understand(
    node: model.QuestionNode,
    universals: model.Universals,
    language: str,
    alternatives: Sequence[Heard],
    now: datetime,
) -> AnswerOutcome:
    """Return the outcome of the hypotheses `alternatives`, sorted best first."""
    read = [(one, interpret(node, universals, language, one.text, now)) for one in alternatives]
    known = [(one, meaning) for one, meaning in read if not isinstance(meaning, NotUnderstood)]
    reject_below, confirm_below = (
        (node.reject_below, node.confirm_below) if isinstance(node, model.AskNode) else (0.0, CONFIRM_BELOW)
    )
    if not known or known[0][0].confidence < reject_below:
        return NotUnderstood()
    best, meaning = known[0]
    rivals = [one for one, other in known[1:] if _meaning_of(other) != _meaning_of(meaning)]
    if best is not alternatives[0]:
        rivals.append(alternatives[0])
    clear = all(best.confidence - rival.confidence >= CLOSE_MARGIN for rival in rivals)
    sure = clear and best.confidence >= confirm_below
    match meaning:
        case Understood(value=value):
            return Understood(value, best.text, best.confidence, sure and kind(node) == "closed")
        case Command(name=name) if name in EXIT_COMMANDS and not sure:
            return NotUnderstood()
    return meaning


def understand_confirmation(
    node: model.QuestionNode,
    universals: model.Universals,
    language: str,
    alternatives: Sequence[Heard],
    now: datetime,
    candidate: Value,
) -> AnswerOutcome:
    """Interpret the reply to a read-back: Confirmed, Denied, or directly another answer.

    The question's own phrases take precedence: 没有 confirms "not solved", although it normally means no.
    """
    if not alternatives or alternatives[0].confidence < (
        node.reject_below if isinstance(node, model.AskNode) else REJECT_BELOW
    ):
        return NotUnderstood()
    text = alternatives[0].text
    if not _is_own_phrase(node, language, text) and isinstance(said := parse_yes_no(text, language), ParsedValue):
        return Confirmed() if said.value else Denied()
    outcome = understand(node, universals, language, alternatives, now)
    if isinstance(node, model.RecordNode) and isinstance(outcome, Understood):
        return NotUnderstood()
    return Confirmed() if isinstance(outcome, Understood) and outcome.value == candidate else outcome


def completeness(
    node: model.QuestionNode, universals: model.Universals, language: str, alternatives: Sequence[Heard], now: datetime
) -> Completeness:
    """Return how complete the answer is, for endpointing: complete, a prefix of a longer answer, or nothing yet."""
    match understand(node, universals, language, alternatives, now):
        case NotUnderstood():
            return "nothing"
        case Unfinished():
            return "prefix"
    begins = _prefixes(node, universals, language)
    return "prefix" if alternatives[0].text in begins else "complete"


def confirmation_completeness(
    node: model.QuestionNode,
    universals: model.Universals,
    language: str,
    alternatives: Sequence[Heard],
    now: datetime,
    candidate: Value,
) -> Completeness:
    """Return how complete the reply to a read-back is, for endpointing."""
    match understand_confirmation(node, universals, language, alternatives, now, candidate):
        case NotUnderstood():
            return "nothing"
        case Denied() | Unfinished():
            return "prefix"
    return "complete"


def _meaning_of(outcome: AnswerOutcome) -> object:
    """Return the meaning of an outcome, regardless of wording."""
    return outcome.value if isinstance(outcome, Understood) else outcome


def _is_own_phrase(node: model.QuestionNode, language: str, text: str) -> bool:
    """Return whether the text is a phrase that the flows configure for one of the question's values."""
    named = values(node.answer).values() if isinstance(node, model.AskNode) else ()
    return any(_plain(text, language) in configured_phrases(value, language) for value in named)


# --- reading ----------------------------------------------------------------------------------------------------


def interpret(
    node: model.QuestionNode, universals: model.Universals, language: str, text: str, now: datetime
) -> AnswerOutcome:
    """Return the outcome of one hypothesis on its own; it is never `sure`."""
    forms = {_plain(text, language), strip_carriers(text, language)}
    for name, universal in universals.named().items():
        if not forms.isdisjoint(configured_phrases(universal, language)):
            return Command(name)
    match node:
        case model.RecordNode():
            return Understood(text, text, 0.0, sure=False) if text else NotUnderstood()
        case model.BookNode():
            return read_time(node, language, text, now, 0.0)
        case model.AskNode(answer=model.Digits() as answer):
            return read_digits(answer, language, text, 0.0)
        case model.AskNode(answer=model.Score(low=low, high=high)):
            return _read_score(text, language, low, high)
        case model.AskNode(answer=model.YesNo(yes=yes, no=no)):
            match parse_yes_no(text, language, configured_phrases(yes, language), configured_phrases(no, language)):
                case ParsedValue(value=right):
                    return Understood("yes" if right else "no", text, 0.0, sure=False)
        case model.AskNode(answer=model.Choice(values=named)):
            match parse_choice(
                text, language, {name: configured_phrases(each, language) for name, each in named.items()}
            ):
                case ParsedValue(value=name):
                    return Understood(name, text, 0.0, sure=False)
    return NotUnderstood()


def _read_score(text: str, language: str, low: int, high: int) -> AnswerOutcome:
    match parse_score(text, language, low, high):
        case ParsedValue(value=score):
            return Understood(score, text, 0.0, sure=False)
        case ParsedOutOfRange():
            return OutOfRange()
        case ParsedFraction():
            return NotWhole()
    return NotUnderstood()


def read_time(node: model.BookNode, language: str, text: str, now: datetime, confidence: float) -> AnswerOutcome:
    """Interpret a callback time; it is always read back, even if chosen by key."""
    match parse_when(text, language, now):
        case ParsedValue(value=when) if node.earliest <= when.start.time() <= node.latest:
            return Understood(when.start.isoformat(timespec="minutes"), text, confidence, sure=False)
        case ParsedValue():
            return OutsideHours()
        case ParsedOutOfRange():
            return OutOfRange()
    return NotUnderstood()


def read_digits(answer: model.Digits, language: str, text: str, confidence: float) -> AnswerOutcome:
    """Interpret digits; they are always read back, even if entered by key (R2: confirm every number)."""
    if answer.type == "phone":
        match parse_phone(text, language):
            case ParsedValue(value=number):
                return Understood(number, text, confidence, sure=False)
            case ParsedIncomplete():
                return Unfinished()
        return NotUnderstood()
    digits = parse_digits(text, language)
    return Understood(digits, text, confidence, sure=False) if digits else NotUnderstood()


# --- beginnings -------------------------------------------------------------------------------------------------


def _prefixes(node: model.QuestionNode, universals: model.Universals, language: str) -> frozenset[str]:
    found: Mapping[str, Iterable[str]] = meanings(node, universals, language)
    return _prefixes_of(tuple((phrase, meaning) for meaning, phrases in found.items() for phrase in sorted(phrases)))


@cache
def _prefixes_of(phrases: tuple[tuple[str, str], ...]) -> frozenset[str]:
    """Return short phrases that begin a phrase of another meaning (不, 不满意), ignoring fractional scores."""
    return frozenset(
        short
        for short, meaning in phrases
        if _invites_pause(short)
        and any(_is_prefix(short, long) and other not in (meaning, FRACTION) for long, other in phrases)
    )


def _is_prefix(short: str, long: str) -> bool:
    return short != long and long.startswith(f"{short} " if short.isascii() else short)


def _invites_pause(phrase: str) -> bool:
    """Return whether callers tend to pause after the phrase: one syllable (English: one word), or 不 plus one."""
    return " " not in phrase if phrase.isascii() else len(phrase) == 1 or (len(phrase) == 2 and phrase[0] == "不")

"""Grading of complaints (R9): proposes a grade with its reason, which a person may change. Pure.

Must not know: where a complaint is routed, who received it.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from ivr.complaints.rules.model import Concern, Grade
from ivr.events import Value

QUESTIONS: Final[dict[Concern, str]] = {
    "media": "the media or the internet is involved",
    "staff_safety": "staff safety is threatened",
    "important_customer": "an important customer or its leaders complain",
    "money": "money may be lost, or compensation is claimed",
    "threat": "the caller threatens to end the contract or go to a higher authority",
    "may_worsen": "likely to turn bad if not handled at once",
}
"""The questions of R9: a single yes makes a complaint serious."""

YES: Final = (True, "yes", "unsure")
"""The answers that count as yes: doubt is resolved in the customer's favour."""


@dataclass(frozen=True, slots=True)
class GradeProposal:
    """A proposed grade with its reason; the reason is empty for a general complaint."""

    grade: Grade
    reason: str


def grade(cues: Mapping[Concern, Collection[str]], said: Iterable[str], answers: Mapping[str, Value]) -> GradeProposal:
    """Propose a grade from the texts `said` and the `answers` to QUESTIONS, by concern."""
    said = tuple(said)
    reasons = []
    for concern, meaning in QUESTIONS.items():
        heard = heard_cues(cues, concern, said)
        if answers.get(concern) in YES:
            reasons.append(f"{meaning} (R9)")
        elif heard:
            reasons.append(f"“{'、'.join(heard)}”: {meaning} (R9)")
    return GradeProposal("serious" if reasons else "general", "; ".join(reasons))


def heard_cues(cues: Mapping[Concern, Collection[str]], concern: Concern, said: Iterable[str]) -> tuple[str, ...]:
    """Return the cue words of a concern that occur in the texts, in the order they are listed."""
    texts = tuple(said)
    return tuple(word for word in cues.get(concern, ()) if any(word in text for text in texts))

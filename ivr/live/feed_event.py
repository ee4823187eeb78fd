"""The events of the feed: one typed envelope for all of them, and its encoding. Pure.

Must not know: how events are stored or sent to clients.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final, Literal, cast, get_args

from ivr.events import Value

EventKind = Literal["presence", "offered", "accepted", "not_taken", "talk", "refused", "ended", "case"]

KINDS: Final = frozenset(get_args(EventKind))
_SUBJECTS: Final = ("agent", "call", "line", "case")


@dataclass(frozen=True, slots=True)
class FeedEvent:
    """A fact for subscribers. `id` is unique, `at` has its zone; docs/agents.md and docs/complaints.md list the kinds.

    The subjects, whom or what the event is about: the ids of an agent, a call and a line, the number of a case. `data`
    depends on the kind.
    """

    id: str
    kind: EventKind
    at: datetime
    agent: str | None = None
    call: str | None = None
    line: str | None = None
    case: str | None = None
    data: Mapping[str, Value] = field(default_factory=dict)

    @property
    def subjects(self) -> dict[str, str]:
        """The subjects that the event has, by name."""
        return {name: subject for name in _SUBJECTS if (subject := getattr(self, name)) is not None}


def encode(event: FeedEvent) -> str:
    """Return an event as JSON."""
    content = {"id": event.id, "kind": event.kind, "at": event.at.isoformat(), **event.subjects}
    return json.dumps(content | {"data": dict(event.data)}, ensure_ascii=False)


def decode(text: bytes) -> FeedEvent | None:
    """Return the event that `encode` has encoded; None for an event or a command of a version without the envelope.

    Raises:
        ValueError: the text is neither.
        RecursionError: the text is JSON nested too deeply.
    """
    content = json.loads(text)
    if not isinstance(content, dict):
        raise ValueError("not an object")
    if _is_without_envelope(content):
        return None
    if set(content) - {"id", "kind", "at", "data", *_SUBJECTS}:
        raise ValueError("unknown fields")
    if content.get("kind") not in KINDS:
        raise ValueError("of an unknown kind")
    if not isinstance(content.get("id"), str) or not content["id"]:
        raise ValueError("without an id")
    subjects = {name: content[name] for name in _SUBJECTS if name in content}
    if not all(isinstance(subject, str) for subject in subjects.values()):
        raise ValueError("a subject is not a string")
    data = content.get("data")
    if not isinstance(data, dict) or any(isinstance(value, dict | list | float) for value in data.values()):
        raise ValueError("the data are not an object of plain values")
    kind = cast("EventKind", content["kind"])
    return FeedEvent(content["id"], kind, _time(content.get("at")), **subjects, data=data)


def _time(at: object) -> datetime:
    time = datetime.fromisoformat(at) if isinstance(at, str) else None
    if time is None or time.tzinfo is None:
        raise ValueError("without a time and its zone")
    return time


def _is_without_envelope(content: Mapping[str, Any]) -> bool:
    """Return whether this is what earlier versions published: flat, an agent's event or command, or a case's step."""
    flat = "data" not in content and not any(isinstance(value, dict | list) for value in content.values())
    named = isinstance(content.get("kind"), str) and isinstance(content.get("agent"), str)
    return flat and (named or content.get("event") == "case")

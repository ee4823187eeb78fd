"""Salvage of a faulty flows file: the parts that match the model, so that their contents can be checked as well.

Must not know: the checks.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from copy import deepcopy
from dataclasses import dataclass
from typing import Any, Final

from pydantic import ValidationError

from ivr.document import Steps, written_steps
from ivr.flow.model import RETURN, Callflows, CommonPrompts, Universals
from ivr.flow.paths import format_path
from ivr.flow.spoken.text import LANGUAGES

NO_PROMPT: Final = "unread.prompt"
_PROMPTS: Final = ("prompt", "confirm", "out_of_range", "outside_hours", "not_whole", "unplayed")
_TARGETS: Final = ("next", "otherwise", "found", "missing", "failed")
"""Fields of nodes that hold the name of a prompt or of a node, and that some nodes require."""


@dataclass(frozen=True, slots=True)
class Unread:
    """The parts of a file that do not match the model: their paths, all names in them, and the flows they belong to.

    `flows` leaves out the flows whose nodes and targets are complete.
    """

    paths: frozenset[str] = frozenset()
    names: frozenset[str] = frozenset()
    flows: frozenset[str] = frozenset()

    def hides(self, path: str) -> bool:
        """Return whether a fault at this path may follow from an unread part inside or around it."""
        return any(
            (f"{path}.").startswith(f"{unread}.")
            or (unread.startswith(f"{path}.") and ("." in path or unread.count(".") == 1))
            for unread in self.paths
        )


NOTHING_UNREAD: Final = Unread()


def salvage(data: Any) -> tuple[Callflows | None, Unread]:
    """Return the model of the parts that match it, with stand-ins for required ones; None if no flow is left."""
    remaining = deepcopy(data)
    removed: dict[Steps, Any] = {}
    while True:
        try:
            return Callflows.model_validate(remaining), _unread(removed)
        except ValidationError as invalid:
            places = {_place(error["loc"], error["type"], remaining) for error in invalid.errors()}
        for place in sorted(places, key=len, reverse=True):
            if not _replace(remaining, place, removed):
                return None, _unread(removed)


def _place(location: tuple[int | str, ...], kind: str, data: Any) -> Steps:
    """Return the steps to the part to remove: a field, a mapping's entry, a whole list, or a field that is missing."""
    steps = written_steps(location, data)
    if kind == "missing":
        steps = (*steps, str(location[-1]))
    return next((steps[:depth] for depth, step in enumerate(steps) if isinstance(step, int)), steps)


def _replace(data: Any, place: Steps, removed: dict[Steps, Any]) -> bool:
    """Remove a part or put a stand-in there; a required part without a stand-in takes its container along.

    Return False if the file as a whole would have to go.
    """
    while place:
        container = _at(data, place[:-1])
        if not isinstance(container, dict):
            return True
        key = next((key for key in container if str(key) == place[-1]), None)
        value = container.pop(key, None)
        missing = key is None
        stand_in = None if place in removed else _stand_in(place, container, value)
        removed.setdefault(place, value)
        if stand_in is not None:
            container[place[-1]] = stand_in
            return True
        if not missing:
            return True
        place = place[:-1]
    return False


def _stand_in(place: Steps, container: dict[Any, Any], value: Any) -> Any:
    """Return a value that keeps the rest of the file readable; None if there is none."""
    match place:
        case ("version",):
            return 1
        case ("languages",):
            return [tag for tag in value if tag in LANGUAGES] or None if isinstance(value, list) else None
        case ("universals" | "common",):
            return {}
        case ("universals", name) if name in Universals.model_fields:
            return {"phrases": {}}
        case ("common", name) if name in CommonPrompts.model_fields:
            return NO_PROMPT
        case ("flows", _, "title"):
            return dict.fromkeys(LANGUAGES, "…")
        case ("flows", _, "start"):
            nodes = container.get("nodes")
            return next(iter(nodes), None) if isinstance(nodes, dict) else None
        case ("flows", _, "nodes", _, *_, name) if name in _PROMPTS:
            return NO_PROMPT
        case ("flows", _, "nodes", _, name) if name in _TARGETS:
            return RETURN
    return None


def _at(data: Any, steps: Sequence[str | int]) -> Any:
    for step in steps:
        if not isinstance(data, dict):
            return None
        data = next((value for key, value in data.items() if str(key) == step), None)
    return data


def _unread(removed: dict[Steps, Any]) -> Unread:
    names = {str(step) for place in removed for step in place}
    seen: set[int] = set()
    for value in removed.values():
        names.update(_keys(value, seen))
    return Unread(
        frozenset(map(format_path, removed)),
        frozenset(names),
        frozenset(
            str(place[1])
            for place in removed
            if place[0] == "flows" and len(place) > 1 and place[2:3] not in (("title",), ("variables",))
        ),
    )


def _keys(value: Any, seen: set[int]) -> Iterator[str]:
    if id(value) in seen:
        return
    seen.add(id(value))
    if isinstance(value, dict):
        yield from map(str, value)
    for each in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
        yield from _keys(each, seen)

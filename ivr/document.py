"""YAML text → data with line numbers → model, reporting every fault with its file, line and path.

Must not know: which files exist, or what they contain.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final, TypeVar

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails
from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError, YAMLError
from ruamel.yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

from ivr.errors import Fault, FaultyFile

ModelT = TypeVar("ModelT", bound=BaseModel)
MERGE_TAG: Final = "tag:yaml.org,2002:merge"

Steps = tuple[str | int, ...]
"""The way to a part of a document: keys of mappings, and positions in lists, from 0."""

FormatPath = Callable[[Sequence[str | int]], str]


def join_steps(steps: Sequence[str | int]) -> str:
    """Return the steps as a path: `lines.hotline.swaps.0`."""
    return ".".join(map(str, steps))


@dataclass(frozen=True, slots=True)
class Document:
    """A YAML text that was read: its data, and the faults of parts that were left out, such as duplicate keys."""

    file: str
    data: Any
    faults: tuple[Fault, ...]
    _root: Node | None

    def line(self, steps: Sequence[str | int], omitted: Collection[str] = ()) -> int:
        """Return the line, from 1, of the deepest part that the steps lead to; 0 if they lead nowhere.

        `omitted` are keys that the steps may skip. A text step into a list is a position from 1.
        """
        return _deepest(self._root, tuple(steps), frozenset(omitted))[1] if self._root else 0


def parse(model_type: type[ModelT], source: str, file: str, format_path: FormatPath = join_steps) -> ModelT:
    """Parse `source` into `model_type`. `format_path` joins the steps to a fault into a path as authors write it.

    Raises:
        FaultyFile: the text is not YAML or does not match the model.
    """
    document = read(source, file, format_path)
    try:
        model = model_type.model_validate(document.data)
    except ValidationError as invalid:
        raise FaultyFile(in_order([*document.faults, *shape_faults(document, invalid, format_path)])) from invalid
    if document.faults:
        raise FaultyFile(in_order(document.faults))
    return model


def read(source: str, file: str, format_path: FormatPath = join_steps) -> Document:
    """Read YAML text. Of a duplicate key only the first value is kept; a value that cannot be read stays text.

    Raises:
        FaultyFile: the text is not YAML.
    """
    yaml = YAML(typ="safe", pure=True)
    try:
        root = yaml.compose(source)
        reader = _Reader(yaml.constructor, file, format_path)
        data = None if root is None else reader.value(root, ())
    except MarkedYAMLError as error:
        raise FaultyFile([Fault(file, "", *_marked(error))]) from error
    except (YAMLError, ValueError, RecursionError) as error:
        raise FaultyFile([Fault(file, "", f"not YAML: {error}")]) from error
    return Document(file, data, tuple(reader.faults), root)


def shape_faults(document: Document, invalid: ValidationError, format_path: FormatPath = join_steps) -> set[Fault]:
    """Return the faults that validation found in the document's data."""
    return {
        Fault(document.file, format_path(steps), _reason(error), document.line(steps))
        for error in invalid.errors()
        for steps in [written_steps(error["loc"], document.data)]
    }


def written_steps(location: Sequence[int | str], data: Any) -> Steps:
    """Return pydantic's location of a fault as steps through the data, without the names of union members."""
    steps: list[str | int] = []
    for step in location:
        if isinstance(data, dict):
            written = {key if isinstance(key, str) else repr(key): (str(key), value) for key, value in data.items()}
            if str(step) in written:
                name, data = written[str(step)]
                steps.append(name)
        elif isinstance(data, list) and isinstance(step, int) and step < len(data):
            steps.append(step)
            data = data[step]
    return tuple(steps)


def in_order(faults: Collection[Fault]) -> list[Fault]:
    """Return the faults from the top of the file to its end, each once."""
    return sorted(set(faults), key=lambda fault: (fault.line, fault.path, fault.reason))


# --- values -----------------------------------------------------------------------------------------------------


class _Reader:
    """Constructs the data of a node tree; notes the faults of its parts instead of giving up."""

    def __init__(self, constructor: Any, file: str, format_path: FormatPath) -> None:
        self._constructor, self._file, self._format_path = constructor, file, format_path
        self._built: dict[int, Any] = {}
        self._open: set[int] = set()
        self.faults: list[Fault] = []

    def value(self, node: Node, steps: Steps) -> Any:
        """Return the value of a node; an anchored node is built once, however often it is used."""
        if id(node) in self._open:
            self._fault(steps, "it contains itself", _line(node))
            return None
        if id(node) not in self._built:
            self._open.add(id(node))
            self._built[id(node)] = self._build(node, steps)
            self._open.discard(id(node))
        return self._built[id(node)]

    def _build(self, node: Node, steps: Steps) -> Any:
        match node:
            case MappingNode(tag="tag:yaml.org,2002:map"):
                return self._mapping(node, steps)
            case SequenceNode(tag="tag:yaml.org,2002:seq"):
                return [self.value(item, (*steps, position)) for position, item in enumerate(node.value)]
            case ScalarNode(value=text):
                try:
                    return self._constructor.construct_object(node, deep=True)
                except MarkedYAMLError as error:
                    self._fault(steps, _marked(error)[0], _line(node))
                except (YAMLError, ArithmeticError, AttributeError, LookupError, TypeError, ValueError) as error:
                    self._fault(steps, f"“{text:.40}” cannot be read: {error}", _line(node))
                return text
        self._fault(steps, f"the tag {node.tag} is not supported", _line(node))
        return None

    def _mapping(self, node: MappingNode, steps: Steps) -> dict[Any, Any]:
        built: dict[Any, Any] = {}
        merged: dict[Any, Any] = {}
        lines: dict[Any, int] = {}
        for key_node, value_node in node.value:
            if not isinstance(key_node, ScalarNode):
                self._fault(steps, "a list or a mapping cannot be a key", _line(key_node))
                continue
            if key_node.tag == MERGE_TAG:
                merged = {**self._merged(value_node, steps), **merged}
                continue
            key = self.value(key_node, steps)
            at = (*steps, str(key))
            if key in lines:
                self._fault(at, f"duplicate key; the first is on line {lines[key]}", _line(key_node))
                continue
            lines[key] = _line(key_node)
            built[key] = self.value(value_node, at)
        return {**merged, **built}

    def _merged(self, node: Node, steps: Steps) -> dict[Any, Any]:
        """Return the data of the mappings that `<<` merges; the first mapping with a key counts."""
        merged: dict[Any, Any] = {}
        for source in node.value if isinstance(node, SequenceNode) else [node]:
            data = self.value(source, steps)
            if isinstance(data, dict):
                merged = {**data, **merged}
            else:
                self._fault(steps, "“<<” merges mappings only", _line(source))
        return merged

    def _fault(self, steps: Steps, reason: str, line: int) -> None:
        self.faults.append(Fault(self._file, self._format_path(steps), reason, line))


def _marked(error: MarkedYAMLError) -> tuple[str, int]:
    """Return the reason and the line of a fault in the text."""
    reason = (error.problem or error.context or "not YAML").partition("\n")[0]
    return reason, error.problem_mark.line + 1 if error.problem_mark else 0


# --- lines ------------------------------------------------------------------------------------------------------


def _line(node: Node) -> int:
    return int(node.start_mark.line) + 1


def _deepest(
    node: Node, steps: Steps, omitted: frozenset[str], skipped: frozenset[str] = frozenset()
) -> tuple[int, int]:
    """Return how many of the steps lead somewhere, and the line of the part that they lead to."""
    direct, around = [(0, 0)], []
    for written, line, child in _parts(node) if steps else ():
        if _leads(written, steps[0]):
            count, below = _deepest(child, steps[1:], omitted)
            direct.append((count + 1, below or line))
        elif isinstance(written, str) and written in omitted - skipped:
            around.append(_deepest(child, steps, omitted, skipped | {written}))
    return max([*direct, *around], key=lambda found: found[0])


def _leads(written: str | int, step: str | int) -> bool:
    """Return whether the step leads to a key, or to a position in a list: an int from 0, a text from 1."""
    return written == str(step) if isinstance(written, str) else step in (written, str(written + 1))


def _parts(node: Node) -> Iterator[tuple[str | int, int, Node]]:
    """Yield the key, or the position in a list from 0, the line and the value of each part."""
    match node:
        case MappingNode(value=pairs):
            yield from ((str(key.value), _line(key), child) for key, child in pairs)
        case SequenceNode(value=items):
            yield from ((position, _line(item), item) for position, item in enumerate(items))


def _reason(error: ErrorDetails) -> str:
    match error["type"]:
        case "missing":
            return f"“{error['loc'][-1]}” is missing"
        case "extra_forbidden":
            return "unknown field"
        case "union_tag_invalid":
            return f"unknown type “{error['ctx']['tag']}”; types are {error['ctx']['expected_tags']}"
    plain = error["msg"].removeprefix("Value error, ")
    return plain[0].lower() + plain[1:]

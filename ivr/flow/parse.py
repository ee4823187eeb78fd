"""callflows.yaml: text → model, with a fault that names file and path for everything that is wrong.

Must not know: where the text comes from.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Any

from pydantic import ValidationError
from pydantic_core import ErrorDetails
from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError, YAMLError

from ivr.errors import Fault, FaultyFile
from ivr.flow.model import Callflows

_UNSAID = {"flows", "nodes"}


@dataclass(frozen=True, slots=True)
class FlowBook:
    """One version of all flows: the model with the source that it was read from."""

    version: str
    source: str
    flows: Callflows


def version_of(source: str) -> str:
    """The version of a source: the first 12 hex digits of its SHA-256."""
    return hashlib.sha256(source.encode()).hexdigest()[:12]


def parse(source: str, file: str) -> FlowBook:
    """Read the text of a flows file.

    Raises:
        FaultyFile: it is no YAML, or not of the file's shape; what the flows mean is checked by ivr.flow.check.
    """
    try:
        data = YAML(typ="safe", pure=True).load(source)
    except MarkedYAMLError as error:
        where = f"line {error.problem_mark.line + 1}" if error.problem_mark else ""
        reason = (error.problem or error.context or "not YAML").partition("\n")[0]
        raise FaultyFile([Fault(file, where, reason)]) from error
    except (YAMLError, ValueError, RecursionError) as error:
        raise FaultyFile([Fault(file, "", f"not YAML: {error}")]) from error
    try:
        return FlowBook(version_of(source), source, Callflows.model_validate(data))
    except ValidationError as invalid:
        faults = {Fault(file, _path(error["loc"], data), _reason(error)) for error in invalid.errors()}
        raise FaultyFile(sorted(faults)) from invalid


def _path(location: tuple[int | str, ...], data: Any) -> str:
    """The path of a fault as authors write it: without the names of union members and of the outer layers."""
    steps: list[str] = []
    for depth, step in enumerate(location):
        written = (isinstance(data, dict) and step in data) or (isinstance(data, list) and isinstance(step, int))
        if written:
            data = data[step]
            if not (depth in (0, 2) and step in _UNSAID):
                steps.append(str(step))
    return ".".join(steps)


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

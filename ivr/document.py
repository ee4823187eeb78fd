"""Parse YAML text into a model, reporting every fault with its file and path.

Must not know: which files exist, or what they contain.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails
from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError, YAMLError

from ivr.errors import Fault, FaultyFile

ModelT = TypeVar("ModelT", bound=BaseModel)


def parse(
    model_type: type[ModelT], source: str, file: str, format_path: Callable[[Sequence[str]], str] = ".".join
) -> ModelT:
    """Parse `source` into `model_type`. `format_path` joins the steps to a fault into a path as authors write it.

    Raises:
        FaultyFile: the text is not YAML or does not match the model.
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
        return model_type.model_validate(data)
    except ValidationError as invalid:
        faults = {Fault(file, format_path(_steps(error["loc"], data)), _reason(error)) for error in invalid.errors()}
        raise FaultyFile(sorted(faults)) from invalid


def _steps(location: tuple[int | str, ...], data: Any) -> list[str]:
    """Return the steps to a fault as written in the file, without pydantic's union member names."""
    steps: list[str] = []
    for step in location:
        if isinstance(data, dict):
            written = {key if isinstance(key, str) else repr(key): (str(key), value) for key, value in data.items()}
        elif isinstance(data, list):
            written = {str(position): (str(position), value) for position, value in enumerate(data)}
        else:
            break
        if str(step) in written:
            name, data = written[str(step)]
            steps.append(name)
    return steps


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

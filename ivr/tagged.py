"""Members of a closed union as JSON, tagged with their type names. Must not know: which union."""

from __future__ import annotations

from typing import Any, Generic, TypeVar, get_args

from pydantic import TypeAdapter

T = TypeVar("T")


class Tagged(Generic[T]):
    """Codec for a union of dataclasses: each value becomes `["Kind", {fields}]`."""

    def __init__(self, union: Any) -> None:
        self._kinds: dict[str, TypeAdapter[T]] = {kind.__name__: TypeAdapter(kind) for kind in get_args(union)}

    def dump(self, value: T) -> list[Any]:
        """Return the value as JSON-compatible data."""
        name = type(value).__name__
        return [name, self._kinds[name].dump_python(value, mode="json")]

    def load(self, data: Any) -> T:
        """Return the value that `dump` encoded.

        Raises:
            ValueError: the data does not encode a member of the union.
        """
        match data:
            case [str(name), dict(fields)] if name in self._kinds:
                return self._kinds[name].validate_python(fields)
        raise ValueError(f"not one of {', '.join(self._kinds)}: {data!r:.80}")

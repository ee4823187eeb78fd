"""callflows.yaml: text → model, with a fault that names file and path for everything that is wrong.

Must not know: where the text comes from.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

from ivr import document
from ivr.flow.model import Callflows

_OMITTED_LAYERS = {"flows", "nodes"}


@dataclass(frozen=True, slots=True)
class FlowSet:
    """One version of all flows: the model with the source that it was read from."""

    version: str
    source: str
    flows: Callflows


def version_of(source: str) -> str:
    """The version of a source: the first 12 hex digits of its SHA-256."""
    return hashlib.sha256(source.encode()).hexdigest()[:12]


def parse(source: str, file: str) -> FlowSet:
    """Read the text of a flows file.

    Raises:
        FaultyFile: it is no YAML, or not of the file's shape; what the flows mean is checked by ivr.flow.check.
    """
    return FlowSet(version_of(source), source, document.parse(Callflows, source, file, _format_path))


def _format_path(steps: Sequence[str]) -> str:
    """The path of a fault as authors write it: without the names of the outer layers."""
    return ".".join(step for depth, step in enumerate(steps) if not (depth in (0, 2) and step in _OMITTED_LAYERS))

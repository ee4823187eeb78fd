"""Parser of callflows.yaml: text → model, reporting every fault with its file and path.

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
    """One version of all flows: the model and its source text."""

    version: str
    source: str
    flows: Callflows


def version_of(source: str) -> str:
    """Return the version of a source text: the first 12 hex digits of its SHA-256."""
    return hashlib.sha256(source.encode()).hexdigest()[:12]


def parse(source: str, file: str) -> FlowSet:
    """Parse the text of a flows file; ivr.flow.check validates its contents.

    Raises:
        FaultyFile: the text is not YAML or does not match the model.
    """
    return FlowSet(version_of(source), source, document.parse(Callflows, source, file, _format_path))


def _format_path(steps: Sequence[str | int]) -> str:
    """Join the steps to a fault, omitting the layers `flows` and `nodes`; list items count from 1."""
    kept = (step for depth, step in enumerate(steps) if not (depth in (0, 2) and step in _OMITTED_LAYERS))
    return ".".join(str(step + 1) if isinstance(step, int) else step for step in kept)

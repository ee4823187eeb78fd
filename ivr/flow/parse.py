"""Parser of callflows.yaml: text → model, reporting every fault with its file, line and path.

Must not know: where the text comes from.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass, replace

from pydantic import ValidationError

from ivr import document
from ivr.document import Document
from ivr.errors import Fault, FaultyFile
from ivr.flow.model import Callflows
from ivr.flow.paths import LAYERS, format_path
from ivr.flow.salvage import NOTHING_UNREAD, Unread, salvage


@dataclass(frozen=True, slots=True)
class FlowSet:
    """One version of all flows: the model and its source text."""

    version: str
    source: str
    flows: Callflows


@dataclass(frozen=True, slots=True)
class FlowDraft:
    """A flows file that was read as far as possible: `faults` are those of its form, `unread` the parts they cost."""

    flow_set: FlowSet
    faults: tuple[Fault, ...]
    unread: Unread
    _document: Document

    def all_faults(self, found: Iterable[Fault]) -> list[Fault]:
        """Return the faults of the form, and those found in the contents with their lines, from top to bottom."""
        located = (replace(one, line=self._document.line(one.path.split("."), LAYERS)) for one in found)
        return document.in_order([*self.faults, *located])


def version_of(source: str) -> str:
    """Return the version of a source text: the first 12 hex digits of its SHA-256."""
    return hashlib.sha256(source.encode()).hexdigest()[:12]


def parse(source: str, file: str) -> FlowSet:
    """Parse the text of a flows file; ivr.flow.check validates its contents.

    Raises:
        FaultyFile: the text is not YAML or does not match the model.
    """
    draft = parse_draft(source, file)
    if draft.faults:
        raise FaultyFile(draft.faults)
    return draft.flow_set


def parse_draft(source: str, file: str) -> FlowDraft:
    """Parse the text of a flows file that may be faulty, so that its contents can be checked in spite of that.

    Raises:
        FaultyFile: no flow could be read.
    """
    read = document.read(source, file, format_path)
    flows: Callflows | None
    faults, unread = list(read.faults), NOTHING_UNREAD
    try:
        flows = Callflows.model_validate(read.data)
    except ValidationError as invalid:
        faults += document.shape_faults(read, invalid, format_path)
        flows, unread = salvage(read.data)
    faults = document.in_order(faults)
    if flows is None:
        raise FaultyFile(faults)
    return FlowDraft(FlowSet(version_of(source), source, flows), tuple(faults), unread, read)

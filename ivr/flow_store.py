"""The current flow set: loaded, checked and taught to the recogniser; a faulty file never replaces a valid one.

Must not know: calls. A call keeps the flow set that it started with.
"""

from __future__ import annotations

import logging
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import fields
from pathlib import Path
from typing import Final, Protocol

from ivr.errors import Fault, FaultyFile
from ivr.flow import answers, model
from ivr.flow.check import Prompts, check
from ivr.flow.parse import FlowSet, parse_draft
from ivr.flow.salvage import Unread
from ivr.flow.variables import GivenValues, read_values
from ivr.turntaking.timing import Timing
from recognizer.base import Recognizer
from recognizer.grammar import confusable

log = logging.getLogger(__name__)

THRESHOLDS: Final = frozenset(field.name for field in fields(Timing))
"""Turn-taking thresholds that a question may override."""


class TrainableRecognizer(Recognizer, Protocol):
    """A recogniser that learns new phrases."""

    def learn(self, language: str, phrases: Sequence[str]) -> None:
        """Prepare to recognise these phrases as well."""


class RecognizerPhraseLint:
    """Adapts a recogniser to ivr.flow.check.PhraseLint."""

    def __init__(self, recognizer: Recognizer) -> None:
        self._recognizer = recognizer

    @property
    def languages(self) -> frozenset[str]:
        """Languages with an installed model."""
        return self._recognizer.languages

    def unheard(self, language: str, phrases: Sequence[str]) -> dict[str, str]:
        """Return the phrases that cannot be recognised, each with a reason."""
        return self._recognizer.unheard(language, phrases)

    def confusable(self, language: str, phrases: Sequence[str]) -> Sequence[tuple[str, str]]:
        """Return pairs of phrases that sound alike."""
        return confusable(language, phrases)


def load_flows(
    file: Path,
    prompts: Prompts,
    recognizer: Recognizer,
    lines: Collection[tuple[str, str]] = (),
    targets: Collection[str] | None = None,
) -> FlowSet:
    """Load and check a flows file; see FlowStore for `lines` and `targets`.

    Raises:
        FaultyFile: the file is unreadable or invalid; lists all faults.
    """
    try:
        source = file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise FaultyFile([Fault(str(file), "", f"cannot be read: {error}")]) from error
    draft = parse_draft(source, str(file))
    flows, unread = draft.flow_set.flows, draft.unread
    found = [
        *check(flows, str(file), prompts, RecognizerPhraseLint(recognizer), THRESHOLDS, unread),
        *_line_faults(flows, str(file), lines, unread),
        *_target_faults(flows, str(file), targets),
    ]
    if faults := draft.all_faults(found):
        raise FaultyFile(faults)
    return draft.flow_set


def _line_faults(
    flows: model.Callflows, file: str, lines: Collection[tuple[str, str]], unread: Unread
) -> Iterator[Fault]:
    """Yield the flows that this site's telephone lines use in vain."""
    for flow, language in sorted(lines):
        if flow not in unread.names and "languages" not in unread.paths and not _has(flows, flow, language):
            reason = f"a telephone line uses flow “{flow}” in {language}, which does not exist"
            yield Fault(file, "flows", reason)


def _target_faults(flows: model.Callflows, file: str, targets: Collection[str] | None) -> Iterator[Fault]:
    """Yield the transfers to targets that this site does not have."""
    if targets is None:
        return
    for name, each in flows.flows.items():
        for key, node in each.nodes.items():
            if isinstance(node, model.TransferNode) and node.target not in targets:
                known = ", ".join(targets) or "none"
                reason = f"“{node.target}” is not a transfer target of the site file; its targets: {known}"
                yield Fault(file, f"{name}.{key}.target", reason)


def phrases(callflows: model.Callflows, language: str) -> frozenset[str]:
    """Return every phrase accepted in a language by any question of the flows."""
    found: set[str] = set()
    for flow in callflows.flows.values():
        for node in flow.nodes.values():
            if isinstance(node, model.AskNode | model.BookNode | model.RecordNode) and "speech" in node.input:
                found.update(answers.speech(node, callflows.universals, language).phrases)
                if not isinstance(node, model.RecordNode) or node.read_back:
                    found.update(answers.confirmation_speech(node, callflows.universals, language).phrases)
    return frozenset(found)


class FlowStore:
    """Holder of the current flow set."""

    def __init__(
        self,
        file: Path,
        prompts: Prompts,
        recognizer: TrainableRecognizer,
        *,
        lines: Collection[tuple[str, str]] = (),
        targets: Collection[str] | None = None,
    ) -> None:
        """Load the flows.

        Args:
            lines: pairs of the flow and the language that a telephone line starts calls with.
            targets: valid transfer targets; None accepts any.

        Raises:
            FaultyFile: see `load_flows`; or a line's flow or a transfer target does not exist.
        """
        self._file, self._prompts, self._recognizer = file, prompts, recognizer
        self._lines, self._targets = lines, targets
        self._current = self._load()

    @property
    def current(self) -> FlowSet:
        """The flow set for new calls."""
        return self._current

    def reload(self) -> bool:
        """Reload the file; if it is faulty, log the faults and return False. Can block for seconds."""
        try:
            flow_set = self._load()
        except FaultyFile as faulty:
            log.error("flows not reloaded, version %s stays in use:\n%s", self._current.version, faulty)
            return False
        earlier, self._current = self._current, flow_set
        log.info("flows reloaded: version %s → %s", earlier.version, flow_set.version)
        return True

    @property
    def languages(self) -> tuple[str, ...]:
        """Languages of the current flow set; the first is the default."""
        return self._current.flows.languages

    def has(self, flow: str, language: str) -> bool:
        """Return whether calls can use the flow in the language."""
        return _has(self._current.flows, flow, language)

    def read_values(self, flow: str, values: Mapping[str, object]) -> GivenValues:
        """Read the values of variables that a new call to an existing flow brings."""
        return read_values(self._current.flows, flow, values)

    def refused_values(self, flow: str, values: Mapping[str, object]) -> Mapping[str, str]:
        """Return the reason for each value that `read_values` refuses, by the variable's name."""
        return self.read_values(flow, values).refused

    def _load(self) -> FlowSet:
        flow_set = load_flows(self._file, self._prompts, self._recognizer, self._lines, self._targets)
        for language in set(flow_set.flows.languages) & self._recognizer.languages:
            self._recognizer.learn(language, sorted(phrases(flow_set.flows, language)))
        return flow_set


def _has(flows: model.Callflows, flow: str, language: str) -> bool:
    return flow in flows.flows and language in flows.languages

"""The flows in force: read from their file, checked, taught to the recogniser; a faulty file never replaces a good one.

Must not know: calls. A call keeps the book that it began with.
"""

from __future__ import annotations

import logging
from collections.abc import Collection, Iterator, Sequence
from dataclasses import fields
from pathlib import Path
from typing import Final, Protocol

from ivr.errors import Fault, FaultyFile
from ivr.flow import answers, model
from ivr.flow.check import Prompts, check
from ivr.flow.parse import FlowSet, parse
from ivr.turntaking.timing import Timing
from recognizer.base import Recognizer
from recognizer.grammar import confusable

log = logging.getLogger(__name__)

THRESHOLDS: Final = frozenset(field.name for field in fields(Timing))
"""The thresholds of turn-taking that a question may override."""


class TrainableRecognizer(Recognizer, Protocol):
    """A recogniser that can be taught new phrases."""

    def learn(self, language: str, phrases: Sequence[str]) -> None:
        """Get ready to hear these phrases too."""


class RecognizerPhraseLint:
    """A recogniser as the check of flows asks it."""

    def __init__(self, recognizer: Recognizer) -> None:
        self._recognizer = recognizer

    @property
    def languages(self) -> frozenset[str]:
        """The languages that a model is installed for."""
        return self._recognizer.languages

    def unheard(self, language: str, phrases: Sequence[str]) -> dict[str, str]:
        """Phrases that cannot be heard, with reasons."""
        return self._recognizer.unheard(language, phrases)

    def confusable(self, language: str, phrases: Sequence[str]) -> Sequence[tuple[str, str]]:
        """Pairs of phrases that sound alike."""
        return confusable(language, phrases)


def load_flows(file: Path, prompts: Prompts, recognizer: Recognizer) -> FlowSet:
    """Read and check a flows file.

    Raises:
        FaultyFile: it cannot be read, or is not fit to take calls; all faults are in it.
    """
    try:
        source = file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise FaultyFile([Fault(str(file), "", f"cannot be read: {error}")]) from error
    flow_set = parse(source, str(file))
    if faults := check(flow_set.flows, str(file), prompts, RecognizerPhraseLint(recognizer), THRESHOLDS):
        raise FaultyFile(faults)
    return flow_set


def phrases(callflows: model.Callflows, language: str) -> frozenset[str]:
    """Everything that may be said in a language anywhere in the flows."""
    found: set[str] = set()
    for flow in callflows.flows.values():
        for node in flow.nodes.values():
            if isinstance(node, model.AskNode | model.BookNode | model.RecordNode) and "speech" in node.input:
                found.update(answers.speech(node, callflows.universals, language).phrases)
                if not isinstance(node, model.RecordNode) or node.read_back:
                    found.update(answers.confirmation_speech(node, callflows.universals, language).phrases)
    return frozenset(found)


class FlowStore:
    """Holds the book in force."""

    def __init__(
        self,
        file: Path,
        prompts: Prompts,
        recognizer: TrainableRecognizer,
        *,
        lines: Collection[tuple[str, str]] = (),
        targets: Collection[str] | None = None,
    ) -> None:
        """`lines` are the flows, with a language each, that telephone lines lead to; `targets` those of transfers.

        Raises:
            FaultyFile: as `read`, or the flows do not fit the lines and the targets (None: any target will do).
        """
        self._file, self._prompts, self._recognizer = file, prompts, recognizer
        self._lines, self._targets = lines, targets
        self._current = self._load()

    @property
    def current(self) -> FlowSet:
        """The book that new calls begin with."""
        return self._current

    def reload(self) -> bool:
        """Take the file as it is now; keep the old book, and say why, when it is faulty. Blocks for up to seconds."""
        try:
            flow_set = self._load()
        except FaultyFile as faulty:
            log.error("the flows stay as they were (version %s):\n%s", self._current.version, faulty)
            return False
        log.info("flows: version %s → %s", self._current.version, flow_set.version)
        self._current = flow_set
        return True

    @property
    def languages(self) -> tuple[str, ...]:
        """The languages of the book in force; the first is the default."""
        return self._current.flows.languages

    def has(self, flow: str, language: str) -> bool:
        """Whether a call can be led through this flow in this language."""
        return _has(self._current, flow, language)

    def _load(self) -> FlowSet:
        flow_set = load_flows(self._file, self._prompts, self._recognizer)
        if faults := list(self._site_faults(flow_set)):
            raise FaultyFile(faults)
        for language in set(flow_set.flows.languages) & self._recognizer.languages:
            self._recognizer.learn(language, sorted(phrases(flow_set.flows, language)))
        return flow_set

    def _site_faults(self, flow_set: FlowSet) -> Iterator[Fault]:
        """Faults of a book that is fine in itself, at the place where it is to be used."""
        for flow, language in sorted(self._lines):
            if not _has(flow_set, flow, language):
                reason = f"there is no flow “{flow}” in {language}, and a telephone line leads to it"
                yield Fault(str(self._file), "flows", reason)
        if self._targets is None:
            return
        for name, each in flow_set.flows.flows.items():
            for key, node in each.nodes.items():
                if isinstance(node, model.TransferNode) and node.target not in self._targets:
                    reason = (
                        f"“{node.target}” is no target of the site file; it has {', '.join(self._targets) or 'none'}"
                    )
                    yield Fault(str(self._file), f"{name}.{key}.target", reason)


def _has(flow_set: FlowSet, flow: str, language: str) -> bool:
    return flow in flow_set.flows.flows and language in flow_set.flows.languages

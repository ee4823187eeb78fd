"""What the services of campaigns return: projects, imports, contacts. Must not know: how they are stored."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, Protocol

from ivr.campaigns.rules.attempt_policy import SettledAttempt
from ivr.campaigns.rules.decision import CallDecision
from ivr.campaigns.rules.plan import ProjectPlan
from ivr.campaigns.rules.project_life import ProjectState
from ivr.errors import HuifangError
from ivr.events import Value

MAX_SKIPPED_LINES: Final = 1000
"""Number of skipped lines of a list that the audit keeps."""


class UnknownProject(HuifangError):
    """No project with this name exists."""


class UnknownContact(HuifangError):
    """A project has no contact with this number."""


class NameTaken(HuifangError):
    """A project with this name exists already."""


class CallableFlows(Protocol):
    """The flows in force."""

    @property
    def languages(self) -> tuple[str, ...]:
        """The languages of the flows; the first is the default."""

    def has(self, flow: str, language: str) -> bool:
        """Return whether this flow exists in this language."""


@dataclass(frozen=True, slots=True)
class ProjectStep:
    """A step in the audit of a project."""

    at: datetime
    who: str
    what: str
    why: str
    revision: int
    details: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Project:
    """A project. `plan` is None if the stored one cannot be read: it then calls nobody, and `fault` says why."""

    name: str
    department: str
    proposed_by: str
    state: ProjectState
    revision: int
    suggestion: str
    plan: ProjectPlan | None
    fault: str


@dataclass(frozen=True, slots=True)
class ProjectStatus:
    """A project with its audit and its contacts.

    `waiting` wait for an attempt and `calling` are in one; `ended` counts the others by how they ended. `attempts` are
    all settled attempts, `counted` those that count. `next_at` is when the next contact is looked at.
    """

    project: Project
    steps: tuple[ProjectStep, ...]
    waiting: int
    calling: int
    ended: Mapping[str, int]
    attempts: int
    counted: int
    next_at: datetime | None

    @property
    def contacts(self) -> int:
        """The number of contacts."""
        return self.waiting + self.calling + sum(self.ended.values())


@dataclass(frozen=True, slots=True)
class ImportResult:
    """How many contacts were imported and skipped; the first MAX_SKIPPED_LINES lines that were skipped, and why."""

    imported: int
    skipped: int
    skipped_lines: tuple[tuple[int, str], ...]


@dataclass(frozen=True, slots=True)
class DueContact:
    """A claimed contact to call now, under the id `call`. An empty `language` means the default of the flows.

    `missed_wish` is the time that the customer asked for, if they are called at another one: the call says so.
    """

    call: str
    project: str
    number: str
    flow: str
    language: str
    variables: Mapping[str, Value]
    missed_wish: datetime | None


@dataclass(frozen=True, slots=True)
class SettledContact:
    """A settled attempt at a contact: what it came to, and what follows."""

    call: str
    project: str
    attempt: SettledAttempt
    decision: CallDecision


@dataclass(frozen=True, slots=True)
class ContactReport:
    """A contact of a project: its attempts, and when it is called next or why not."""

    project: str
    number: str
    name: str
    attempts: tuple[SettledAttempt, ...]
    decision: CallDecision

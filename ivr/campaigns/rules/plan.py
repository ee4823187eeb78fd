"""The plan of a project: which flow, why, when and how often. One file proposes it; each revision stores it. Pure.

Must not know: who decides on it, how it is stored.
"""

from __future__ import annotations

from datetime import date
from typing import Annotated, Any, Final, Self

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError, model_validator

from ivr import document
from ivr.campaigns.rules.attempt_policy import AttemptPolicy
from ivr.campaigns.rules.calling_hours import CallingHours

MAX_NAME: Final = 100
"""Maximum length of a project's name, in characters."""

ShortText = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=MAX_NAME)]
LongText = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=2000)]


class ProjectPlan(BaseModel):
    """What a project does. `language`: empty for the first language of the flows. `columns`: variable → list's column.

    It calls from `first_day` to `last_day`, both included; None: no limit.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    flow: ShortText
    language: str = ""
    purpose: LongText
    hours: CallingHours = CallingHours()
    attempts: AttemptPolicy = AttemptPolicy()
    first_day: date | None = None
    last_day: date | None = None
    columns: dict[ShortText, ShortText] = Field(default={}, description="variable of the flow → column of the list")

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        if self.first_day and self.last_day and self.first_day > self.last_day:
            raise ValueError("last_day must not be before first_day")
        return self

    def stored(self) -> dict[str, Any]:
        """Return the plan as JSON to store; `read_plan` reads it."""
        return ProjectPlan.model_validate(self.model_dump(include=set(ProjectPlan.model_fields))).model_dump(
            mode="json"
        )


class Proposal(ProjectPlan):
    """A proposed project: its name, the department that proposes it, its plan."""

    name: ShortText
    department: ShortText


class UnreadablePlan(ValueError):
    """A stored plan does not match the schema; a project with such a plan calls nobody."""


def parse(source: str, file: str) -> Proposal:
    """Parse the text of a proposal, in YAML.

    Raises:
        FaultyFile: the text is not YAML or does not match the schema.
    """
    return document.parse(Proposal, source, file)


def read_plan(stored: object) -> ProjectPlan:
    """Read a stored plan.

    Raises:
        UnreadablePlan: it does not match the schema.
    """
    try:
        return ProjectPlan.model_validate(stored)
    except ValidationError as invalid:
        first = invalid.errors()[0]
        where = ".".join(map(str, first["loc"])) or "plan"
        raise UnreadablePlan(f"the project's plan cannot be read: {where}: {first['msg']}") from invalid

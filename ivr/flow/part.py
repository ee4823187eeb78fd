"""The base of everything in a flows file. Must not know: what there is in one."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict, StringConstraints

NodeName = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]*$")]


class FlowPart(BaseModel):
    """Base class of everything in the file: immutable; unknown keys are faults."""

    model_config = ConfigDict(extra="forbid", frozen=True)

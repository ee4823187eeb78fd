"""`service.py prompts …`: render and check the audio of the prompts. Must not know: how speech is made."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

from ivr.cli.console import err, out, refuse, refuse_faults
from ivr.errors import FaultyFile
from ivr.prompts.build import NoEngine
from ivr.prompts.build import build as build_prompts
from ivr.prompts.check import check as check_prompts
from ivr.prompts.render import EngineFailed
from ivr.settings import Settings

app = typer.Typer(no_args_is_help=True, help="Render and check what the telephone says.")

PromptsFolderArg = Annotated[
    Path | None, typer.Argument(help="Folder with a catalog.yaml; the prompts in force when left out.")
]


@app.command()
def build(folder: PromptsFolderArg = None) -> None:
    """Render what is missing or changed; a person's recordings in recorded/<language>/ win over the speech engine."""
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
    try:
        with Progress(*columns, console=err) as progress:
            report = build_prompts(folder or Settings().prompts, progress)
    except FaultyFile as faulty:
        refuse_faults(faulty.faults)
    except (NoEngine, EngineFailed) as reason:
        refuse(reason)
    out.print(
        f"{len(report.spoken)} spoken, {len(report.recorded)} taken from a person's recordings, "
        f"{len(report.kept)} as they were, {len(report.removed)} removed"
    )


@app.command()
def check(folder: PromptsFolderArg = None) -> None:
    """Say which audio is missing, stale, clipped, too quiet, too long or of a wrong format; status 2 if any is."""
    folder = folder or Settings().prompts
    try:
        faults = check_prompts(folder)
    except FaultyFile as faulty:
        refuse_faults(faulty.faults)
    if faults:
        refuse_faults(faults)
    out.print(f"{folder}: fine")

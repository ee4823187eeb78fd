"""`service.py prompts …`: render and check prompt audio. Must not know: how speech is synthesised."""

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

app = typer.Typer(no_args_is_help=True, help="Render and check prompt audio.")

PromptsFolderArg = Annotated[
    Path | None, typer.Argument(help="Folder with a catalog.yaml; default: the configured one.")
]


@app.command()
def build(folder: PromptsFolderArg = None) -> None:
    """Render missing and changed prompts; human recordings in recorded/<language>/ take precedence over synthesis."""
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
    try:
        with Progress(*columns, console=err) as progress:
            report = build_prompts(folder or Settings().prompts, progress)
    except FaultyFile as faulty:
        refuse_faults(faulty.faults)
    except (NoEngine, EngineFailed) as reason:
        refuse(reason)
    out.print(
        f"{len(report.spoken)} synthesised, {len(report.recorded)} taken from human recordings, "
        f"{len(report.kept)} unchanged, {len(report.removed)} removed"
    )


@app.command()
def check(folder: PromptsFolderArg = None) -> None:
    """Report missing, stale, clipped, too quiet, too loud, too long or wrongly formatted audio; status 2 if any."""
    folder = folder or Settings().prompts
    try:
        faults = check_prompts(folder)
    except FaultyFile as faulty:
        refuse_faults(faulty.faults)
    if faults:
        refuse_faults(faults)
    out.print(f"{folder}: fine")

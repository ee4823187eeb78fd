"""`service.py models …`: list and install speech models. Must not know: how a model is verified."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path
from typing import Annotated

import typer
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TransferSpeedColumn

from ivr.cli.console import err, out, refuse
from ivr.settings import Settings
from recognizer.install import ADDRESS, KNOWN, InstallFailed
from recognizer.install import install as install_model
from recognizer.router import display_location
from recognizer.vosk import SHIPPED

app = typer.Typer(no_args_is_help=True, help="List and install speech models.")


@app.command("list")
def list_() -> None:
    """List the models in use and the official Vosk models available."""
    settings = Settings()
    models: dict[str, str | Path] = {**SHIPPED, **settings.models}
    for language, place in models.items():
        out.print(f"in use for {language}: {display_location(place)}", markup=False)
    for name, digest in KNOWN.items():
        out.print(f"available: {name}" + ("" if digest else " (requires --sha256)"))


@app.command()
def install(
    name: Annotated[str, typer.Argument(help="Name of an official Vosk model, as `models list` prints it.")],
    sha256: Annotated[str | None, typer.Option(help="SHA-256 of the archive; required if not built in.")] = None,
    address: Annotated[str, typer.Option(envvar="HUIFANG_MODELS_ADDRESS", help="Download address.")] = ADDRESS,
) -> None:
    """Download, verify and unpack an official Vosk model; run again to resume an interrupted download."""
    settings = Settings()
    columns = (TextColumn("{task.description}"), BarColumn(), DownloadColumn(), TransferSpeedColumn())
    with Progress(*columns, console=err) as progress:
        task = progress.add_task(name, total=None)

        def report(done: int, total: int | None) -> None:
            progress.update(task, completed=done, total=total)

        try:
            folder = asyncio.run(
                install_model(name, settings.data / "models", sha256=sha256, address=address, progress=report)
            )
        except InstallFailed as reason:
            refuse(reason)
    language = "zh-CN" if "-cn-" in name else "en-US" if "-en-us-" in name else "LANGUAGE"
    out.print(f'{folder}\nTo use it: HUIFANG_MODELS=\'{{"{language}": "{os.fspath(folder)}"}}\'', markup=False)

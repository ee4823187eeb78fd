"""`service.py speech …`: learning from calls, and forgetting. Must not know: how clips are found and cut."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Annotated

import typer

from ivr.cli.console import out, refuse
from ivr.database.errors import RecordsUnavailable
from ivr.privacy import mask
from ivr.records.call_records import CallRecords
from ivr.settings import Settings
from ivr.speech.export import ClipExport, ExportSummary
from ivr.speech.folder import ClipFolder
from ivr.speech.speakers import Speakers

app = typer.Typer(no_args_is_help=True, help="Clips of callers who agreed, for a model to learn from.")


@app.command()
def export(into: Annotated[Path, typer.Argument(help="The folder of clips; what is in it stays.")]) -> None:
    """Collect the answers that callers confirmed, or keyed after an unclear one, from calls recorded with consent."""
    settings = Settings()
    speakers = _speakers(settings)
    with speakers.locked():
        speakers.add_folder(into)
        try:
            exported = asyncio.run(_export(settings, speakers, into))
        except RecordsUnavailable as fault:
            refuse(fault)
    out.print(f"{exported.clips} new clips of {exported.speakers} callers in {into}", markup=False)
    if exported.unreadable:
        out.print(f"{exported.unreadable} calls were left out: their recordings cannot be read")
    out.print("Learn from them only if the notice that callers agree to says so.")


@app.command()
def erase(number: Annotated[str, typer.Option(help="The caller's telephone number.")]) -> None:
    """Delete a caller's clips from every folder they were exported into, and never learn from this caller again."""
    if not any(map(str.isdigit, number)):
        refuse(f"{number} is no telephone number")
    speakers = _speakers(Settings())
    speaker = speakers.pseudonym(number)
    with speakers.locked():
        speakers.erase(speaker)
        for folder in speakers.folders():
            if folder.is_dir():
                deleted = ClipFolder(folder).erase(speaker)
                out.print(f"{deleted} clips of {mask(number)} deleted in {folder}", markup=False)
            else:
                out.print(f"{folder} is not here any more: look for clips of {speaker} where it went", markup=False)


def _speakers(settings: Settings) -> Speakers:
    return Speakers(settings.data / "speech")


async def _export(settings: Settings, speakers: Speakers, into: Path) -> ExportSummary:
    records = await CallRecords.open(settings.database_url)
    try:
        return await ClipExport(records, speakers, ClipFolder(into)).run()
    finally:
        await records.close()

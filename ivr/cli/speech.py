"""`service.py speech …`: export and erase training clips. Must not know: how clips are found and cut."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Annotated

import typer

from ivr.cli.console import out, refuse
from ivr.database.errors import RecordsUnavailable
from ivr.phone_number import canonical_number
from ivr.privacy import mask
from ivr.records.call_records import CallRecords
from ivr.settings import Settings
from ivr.speech.export import ClipExport, ExportSummary
from ivr.speech.folder import ClipFolder
from ivr.speech.speakers import Speakers

app = typer.Typer(no_args_is_help=True, help="Export and erase training clips of consenting callers.")


@app.command()
def export(into: Annotated[Path, typer.Argument(help="Output folder; existing clips are kept.")]) -> None:
    """Export answers that callers confirmed, or keyed after an unclear one, from calls recorded with consent."""
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
        out.print(f"{exported.unreadable} calls skipped: their recordings cannot be read")
    out.print("Train on them only if the consent notice mentions it.")


@app.command()
def erase(number: Annotated[str, typer.Option(help="The caller's telephone number.")]) -> None:
    """Delete a caller's clips from all export folders and exclude the caller from future exports."""
    if not any(map(str.isdigit, canonical_number(number))):
        refuse(f"{number} is not a telephone number")
    speakers = _speakers(Settings())
    pseudonyms = speakers.pseudonyms(number)
    with speakers.locked():
        for speaker in pseudonyms:
            speakers.erase(speaker)
        for folder in speakers.folders():
            if folder.is_dir():
                deleted = sum(ClipFolder(folder).erase(speaker) for speaker in pseudonyms)
                out.print(f"{deleted} clips of {mask(number)} deleted in {folder}", markup=False)
            else:
                names = " and ".join(pseudonyms)
                out.print(f"{folder} no longer exists; if it was moved, delete clips of {names} there", markup=False)


def _speakers(settings: Settings) -> Speakers:
    return Speakers(settings.data / "speech")


async def _export(settings: Settings, speakers: Speakers, into: Path) -> ExportSummary:
    records = await CallRecords.open(settings.database_url)
    try:
        return await ClipExport(records, speakers, ClipFolder(into)).run()
    finally:
        await records.close()

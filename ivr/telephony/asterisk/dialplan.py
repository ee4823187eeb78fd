"""Fills the templates of dialplans/ in: a site and its secrets become a configuration folder of Asterisk.

Must not know: whether an Asterisk runs, or where.
"""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from ivr.resource_files import RESOURCES
from ivr.telephony.asterisk.site import Secrets, Site

TEMPLATES: Final = RESOURCES / "dialplans"


@dataclass(frozen=True, slots=True)
class AsteriskFolders:
    """Folders of an Asterisk that does not live where its package puts it."""

    config: Path
    modules: Path
    data: Path
    run: Path


def _value(text: str) -> str:
    """A value that Asterisk reads back unchanged (`;` would begin a comment)."""
    if text != text.strip() or "\n" in text or "\r" in text:
        raise ValueError("a password must not hold line breaks, nor begin or end with a space")
    return text.replace(";", "\\;")


def render(site: Site, secrets: Secrets, into: Path, place: AsteriskFolders | None = None) -> list[Path]:
    """Write the configuration into a folder, readable by its owner alone; `sounds` goes into it as well.

    Args:
        place: given for a private Asterisk; without it asterisk.conf leaves all folders as the package has them.

    Returns:
        The files written.
    """
    environment = Environment(  # noqa: S701 (configuration files are no HTML)
        loader=FileSystemLoader(TEMPLATES), undefined=StrictUndefined, trim_blocks=True, keep_trailing_newline=True
    )
    environment.filters["value"] = _value
    sounds = into / "sounds"
    written = []
    into.mkdir(parents=True, exist_ok=True)
    shutil.copytree(TEMPLATES / "sounds", sounds, dirs_exist_ok=True)
    for name in sorted(environment.list_templates(extensions=["conf"])):
        text = environment.get_template(name).render(site=site, secrets=secrets, sounds=sounds.resolve(), place=place)
        file = into / name
        file.touch(mode=0o600)
        file.write_text(text, encoding="utf-8")
        written.append(file)
    return written

"""Where commands print. Must not know: what."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from typing import Final, NoReturn

import typer
from rich.console import Console

from ivr.errors import Fault

FAULTY: Final = 2
"""Exit status for input that must not be used."""

PIPE_WIDTH: Final = 200
"""Columns where the output goes into a file or another program."""

out: Final = Console(highlight=False, soft_wrap=True, width=None if sys.stdout.isatty() else PIPE_WIDTH)
err: Final = Console(stderr=True, highlight=False, soft_wrap=True)


def refuse(reason: object) -> NoReturn:
    """Print why, and end with status 2."""
    err.print(str(reason), markup=False, style="red")
    raise typer.Exit(FAULTY)


def refuse_faults(faults: Iterable[Fault]) -> NoReturn:
    """Print every fault on a line of its own, and end with status 2."""
    refuse("\n".join(map(str, faults)))

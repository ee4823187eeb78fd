"""Consoles for the commands' output. Must not know: what is printed."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from typing import Final, NoReturn

import typer
from rich.console import Console

from ivr.errors import Fault

FAULTY: Final = 2
"""Exit status for invalid input."""

PIPE_WIDTH: Final = 200
"""Width in columns if the output is redirected to a file or a pipe."""

out: Final = Console(highlight=False, soft_wrap=True, width=None if sys.stdout.isatty() else PIPE_WIDTH)
err: Final = Console(stderr=True, highlight=False, soft_wrap=True)


def refuse(reason: object) -> NoReturn:
    """Print the reason and exit with status 2."""
    err.print(str(reason), markup=False, style="red")
    raise typer.Exit(FAULTY)


def refuse_faults(faults: Iterable[Fault]) -> NoReturn:
    """Print each fault on its own line and exit with status 2."""
    refuse("\n".join(map(str, faults)))

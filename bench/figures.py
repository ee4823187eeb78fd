"""Figures: percentiles, the printed table and results.json. Must not know: how anything is measured."""

from __future__ import annotations

import json
import os
import platform
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
from rich.console import Console
from rich.table import Table

RESULTS = Path(__file__).parent / "results.json"

Figure = float | dict[str, float]


def percentiles(values: Sequence[float]) -> dict[str, float]:
    """Return p50, p95 and the number of values; NaN for no values."""
    p50, p95 = np.percentile(values, (50, 95)) if values else (float("nan"), float("nan"))
    return {"p50": round(float(p50), 1), "p95": round(float(p95), 1), "n": len(values)}


def publish(figures: Mapping[str, Figure], goals: Mapping[str, str], models: Sequence[str]) -> None:
    """Print the figures with their goals, machine and models, and merge them into results.json."""
    machine = f"{_processor()}, {os.cpu_count()} cores, {platform.system()} {platform.machine()}"
    table = Table("figure", "p50", "p95", "n", "goal", title=f"{machine}; models: {', '.join(models)}", box=None)
    for name, figure in figures.items():
        cells = [f"{figure[key]:g}" for key in ("p50", "p95", "n")] if isinstance(figure, dict) else [f"{figure:g}"]
        table.add_row(name, *cells, *[""] * (3 - len(cells)), goals.get(name, ""))
    Console().print(table)
    kept = json.loads(RESULTS.read_text()) if RESULTS.exists() else {}
    kept |= dict(figures) | {"machine": machine, "models": list(models), "measured": f"{datetime.now(UTC):%Y-%m-%d}"}
    RESULTS.write_text(json.dumps(kept, ensure_ascii=False, indent=2) + "\n", encoding="utf-8")


def _processor() -> str:
    lines = Path("/proc/cpuinfo").read_text(encoding="ascii", errors="replace").splitlines()
    return next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), "unknown")

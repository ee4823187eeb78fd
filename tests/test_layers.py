"""Imports between packages point one way only: see docs/architecture.md and .importlinter.

The linter runs in a process of its own, as it disables all loggers.
"""

import subprocess
import sys
from pathlib import Path


def test_imports_follow_the_layers() -> None:
    linter = Path(sys.executable).parent / "lint-imports"
    root = Path(__file__).parent.parent
    run = subprocess.run([linter, "--no-cache"], cwd=root, capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stdout

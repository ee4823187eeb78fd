"""The arrows between the packages point one way: see docs/architecture.md and .importlinter.

The linter runs in a process of its own: it switches off every logger that there is.
"""

import subprocess
import sys
from pathlib import Path


def test_no_import_points_the_wrong_way() -> None:
    linter = Path(sys.executable).parent / "lint-imports"
    root = Path(__file__).parent.parent
    run = subprocess.run([linter, "--no-cache"], cwd=root, capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stdout

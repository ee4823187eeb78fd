"""Where the files are that ship with the program: flows, lines, rosters, prompts, dialplans.

They lie in the source tree's root, and inside the package once it is installed.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).resolve().parent.parent
"""The root of the source tree, or the folder that the package is installed in."""
_INSTALLED: Final = Path(__file__).resolve().parent / "resources"
RESOURCES: Final = _INSTALLED if _INSTALLED.is_dir() else ROOT
"""The folder with callflows.yaml, prompts/ and the rest."""
DATA: Final = Path("var") if _INSTALLED.is_dir() else ROOT / "var"
"""Default data folder: below the current one for an installed package, else in the source tree."""

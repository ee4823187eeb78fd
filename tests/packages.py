"""Install the Debian packages that the tests need and the machine lacks: all, or those of the given programs.

Standard library only: this runs before the set-up.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys

NEEDED = {
    "chromium": "chromium",
    "espeak-ng": "espeak-ng",
    "podman": "podman",
    "runc": "runc",
    "mmdebstrap": "mmdebstrap",
}
"""Program → package: a browser for the browser phone, a speech engine for `prompts build`, tools for containers."""


def main() -> int:
    programs = sys.argv[1:] or NEEDED
    missing = sorted({NEEDED[program] for program in programs if not shutil.which(program)})
    if not missing:
        return 0
    if os.geteuid() != 0:
        print(f"must be installed first: sudo apt-get install {' '.join(missing)}", file=sys.stderr)
        return 1
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    apt = ["apt-get", "-qq", "-o", "Dpkg::Use-Pty=0"]
    subprocess.run([*apt, "update"], check=True, env=environment)
    subprocess.run([*apt, "install", "-y", "--no-install-recommends", *missing], check=True, env=environment)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())

"""Downloads Asterisk 22 as Debian packages and unpacks them into a folder, without root and without installing.

apt downloads the packages and verifies their signatures, with separate state and the machine's own mirror. The unpacked
programs run with the C library from the packages and so do not depend on the machine's version.
Must not know: what Asterisk is used for.
"""

from __future__ import annotations

import fcntl
import os
import platform
import re
import shutil
import subprocess
from pathlib import Path
from typing import Final

from ivr.errors import HuifangError

SUITE: Final = "forky"
"""The Debian release with Asterisk 22."""

PACKAGES: Final = [
    "asterisk",
    "asterisk-modules",
    "libbsd0",
    "libc6",
    "libcap2",
    "libcrypt1",
    "libedit2",
    "libgcc-s1",
    "libgsm1",
    "libjansson4",
    "libmd0",
    "libopus0",
    "libsqlite3-0",
    "libsrtp2-1",
    "libssl3t64",
    "libstdc++6",
    "libsystemd0",
    "libtinfo6",
    "liburiparser1",
    "libuuid1",
    "libxml2-16",
    "libxslt1.1",
    "libzstd1",
    "zlib1g",
]
KEYRING: Final = Path("/usr/share/keyrings/debian-archive-keyring.gpg")
APT_CONF: Final = """\
Dir::Etc "{apt}/etc"; Dir::Etc::sourcelist "{apt}/etc/sources.list"; Dir::Etc::sourceparts "/dev/null";
Dir::State "{apt}/state"; Dir::State::status "{apt}/status"; Dir::Cache "{apt}/cache";
Acquire::Check-Valid-Until "false"; Acquire::Languages "none"; Acquire::Retries "3";
APT::Sandbox::User ""; APT::Install-Recommends "false"; Debug::NoLocking "true";
"""


class NoAsterisk(HuifangError):
    """Asterisk could not be downloaded or does not run."""


class Prefix:
    """An unpacked Asterisk."""

    def __init__(self, root: Path) -> None:
        self.root = root.resolve()
        self._libraries = self.root / "usr/lib" / f"{platform.machine()}-linux-gnu"

    @property
    def modules(self) -> Path:
        """Folder of its modules."""
        return self._libraries / "asterisk/modules"

    @property
    def data(self) -> Path:
        """Folder of its data (ARI documentation, sounds)."""
        return self.root / "usr/share/asterisk"

    @property
    def command(self) -> list[str]:
        """Command line that runs it with its own loader."""
        loader = next(self._libraries.glob("ld-linux-*.so.*"), self._libraries / "ld-linux.so")
        return [str(loader), "--library-path", str(self._libraries), str(self.root / "usr/sbin/asterisk")]


def version(command: list[str]) -> str:
    """Return the version text of an Asterisk, or an empty string if it does not run."""
    try:
        output = subprocess.run([*command, "-V"], capture_output=True, text=True, check=False, timeout=20)  # noqa: S603
    except OSError:
        return ""
    return output.stdout.strip() if output.returncode == 0 else ""


def fetch(folder: Path) -> Prefix:
    """Return the Asterisk unpacked in `folder`, downloading it first if it is missing (50 MB, some seconds).

    Raises:
        NoAsterisk: no Debian mirror is configured, a package cannot be downloaded, or the result does not run.
    """
    folder.parent.mkdir(parents=True, exist_ok=True)
    with folder.with_name(folder.name + ".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        return _fetch(folder)


def _fetch(folder: Path) -> Prefix:
    prefix = Prefix(folder)
    if version(prefix.command):
        return prefix
    apt = folder.resolve().with_name(folder.name + ".apt")
    unpacked = folder.resolve().with_name(folder.name + ".new")
    for old in (apt, unpacked, folder):
        shutil.rmtree(old, ignore_errors=True)
    archives = apt / "cache/archives"
    for needed in (apt / "etc/preferences.d", apt / "state/lists/partial", archives / "partial", unpacked):
        needed.mkdir(parents=True)
    (apt / "status").touch()
    (apt / "etc/sources.list").write_text(f"deb [signed-by={KEYRING}] {_mirror()} {SUITE} main\n")
    (apt / "apt.conf").write_text(APT_CONF.format(apt=apt))
    environment = os.environ | {"APT_CONFIG": str(apt / "apt.conf")}
    _run(["apt-get", "-qq", "update"], archives, environment)
    try:
        _run(["apt-get", "-qq", "download", *PACKAGES], archives, environment)
    except NoAsterisk:  # a library was renamed: download all of Asterisk's dependencies, five times as much
        _run(["apt-get", "-qq", "install", "--yes", "--download-only", "asterisk"], archives, environment)
    for package in archives.glob("*.deb"):
        _run(["dpkg-deb", "--extract", str(package), str(unpacked)], archives, environment)
    for unneeded in ("doc", "man", "locale", "lintian"):
        shutil.rmtree(unpacked / "usr/share" / unneeded, ignore_errors=True)
    unpacked.rename(folder)
    shutil.rmtree(apt)
    if not version(prefix.command):
        raise NoAsterisk(f"the Asterisk unpacked in {folder} does not run: {' '.join(prefix.command)} -V")
    return prefix


def _mirror() -> str:
    """Return the first Debian mirror in this machine's apt sources."""
    for file in (*Path("/etc/apt").glob("sources.list.d/*.sources"), *Path("/etc/apt").glob("**/*.list")):
        for address in re.findall(r"^(?:URIs:|deb)\s.*?(https?://\S+)", file.read_text(), re.MULTILINE):
            if address.rstrip("/").endswith("/debian"):
                return str(address)
    raise NoAsterisk("no Debian mirror in /etc/apt: install Asterisk 22 yourself, or set ASTERISK_ARI_URL")


def _run(command: list[str], folder: Path, environment: dict[str, str]) -> None:
    try:
        subprocess.run(command, cwd=folder, env=environment, check=True, capture_output=True, text=True, timeout=300)  # noqa: S603
    except FileNotFoundError as error:
        raise NoAsterisk(f"{command[0]} not found: install Asterisk 22 yourself, or set ASTERISK_ARI_URL") from error
    except subprocess.CalledProcessError as error:
        raise NoAsterisk(f"{' '.join(command[:3])}: {error.stderr.strip()}") from error

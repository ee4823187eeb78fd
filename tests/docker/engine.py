"""Builds and runs container images without a Docker engine: by podman, with a store of its own outside the clone.

A Dockerfile names base images of a registry; here they are made of Debian's own packages. The machine's access to the
package registries (mirror, certificates, proxy) is lent to a build and never stored in an image.

Must not know: the contents of the images.
"""

from __future__ import annotations

import asyncio
import fcntl
import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from tests.cache import CACHE, fingerprint

ROOT = Path(__file__).resolve().parents[2]
STORE = CACHE / "containers"
KEPT = 3
"""Images of a name that are kept, for clones that differ."""
NEEDED = ("podman", "runc", "mmdebstrap")
CONTAINERS_CONF = """\
[containers]
default_ulimits = ["nofile=4096:4096", "nproc=4096:4096"]
netns = "host"
log_driver = "k8s-file"
[engine]
cgroup_manager = "cgroupfs"
events_logger = "file"
runtime = "runc"
tmp_dir = "{store}/run/libpod"
"""
STORAGE_CONF = """\
[storage]
driver = "overlay"
graphroot = "{store}/images"
runroot = "{store}/run"
[storage.options.overlay]
skip_mount_home = "true"
"""


SLIM = """\
DPkg::Post-Invoke { "rm -f /var/cache/apt/archives/*.deb /var/cache/apt/*.bin"; };
Dir::Cache::pkgcache "";
Dir::Cache::srcpkgcache "";
"""
"""apt's settings in Debian's own base images: keep no packages."""
LEFT_OUT = ("/usr/share/doc/*", "/usr/share/man/*", "/usr/share/locale/*")
"""Files that Debian's own slim images lack."""


class CommandFailed(Exception):
    """A command ended with a non-zero status; the message is its output."""


@dataclass(frozen=True, slots=True)
class Container:
    """A started container."""

    engine: Engine
    name: str

    @property
    def pid(self) -> int:
        """The process id of its first process on the host."""
        return int(self.engine("inspect", "--format", "{{.State.Pid}}", self.name))

    @property
    def status(self) -> int | None:
        """Its exit status; None while it runs."""
        state = json.loads(self.engine("inspect", "--format", "{{json .State}}", self.name))
        return None if state["Running"] else state["ExitCode"]

    @property
    def log(self) -> str:
        """Its output so far."""
        return self.engine("logs", self.name)

    def healthy(self) -> bool:
        """Run the image's health check once."""
        try:
            self.engine("healthcheck", "run", self.name)
        except CommandFailed:
            return False
        return True

    async def wait_until_healthy(self, within_s: float = 300) -> None:
        """Wait until the container is healthy.

        Raises:
            CommandFailed: it ended or did not become healthy in time; the message contains its log.
        """
        by = time.monotonic() + within_s
        while not await asyncio.to_thread(self.healthy):
            if self.status is not None or time.monotonic() > by:
                raise CommandFailed(f"not healthy, status {self.status}\n{self.log}")
            await asyncio.sleep(0.2)

    def run(self, *command: str) -> str:
        """Run a command in the container and return its output."""
        return self.engine("exec", self.name, *command)

    def wait(self) -> None:
        """Wait until it ends."""
        self.engine("wait", self.name)

    def stop(self, within_s: int) -> None:
        """Send the stop signal; kill the container if it is still running after `within_s`."""
        self.engine("stop", "--time", str(within_s), self.name)

    def remove(self) -> None:
        """Stop and remove the container."""
        self.engine("rm", "--force", "--time", "0", self.name)


class Engine:
    """podman, adapted to this machine."""

    def __init__(self) -> None:
        STORE.mkdir(parents=True, exist_ok=True)
        with _exclusive():
            (STORE / "containers.conf").write_text(CONTAINERS_CONF.format(store=STORE))
            (STORE / "storage.conf").write_text(STORAGE_CONF.format(store=STORE))
            (STORE / "apt.conf").write_text(_apt_configuration())
            (STORE / "docker-clean").write_text(SLIM)
            (STORE / "pip.conf").write_text(_pip_configuration())
        self._environment = os.environ | {
            "CONTAINERS_CONF": str(STORE / "containers.conf"),
            "CONTAINERS_STORAGE_CONF": str(STORE / "storage.conf"),
        }

    def __call__(self, *command: str) -> str:
        """Run podman and return its output.

        Raises:
            CommandFailed: the exit status is not 0.
        """
        return _run(["podman", *command], self._environment)

    def base(self, suite: str) -> str:
        """Ensure that `debian:<suite>-slim` exists, and return its full name."""
        name = f"docker.io/library/debian:{suite}-slim"
        with _exclusive():
            if not self._has(name):
                self._make_base(suite, name)
        return name

    def _make_base(self, suite: str, name: str) -> None:
        options = [
            "--quiet", "--variant=minbase", f"--aptopt={STORE / 'apt.conf'}",
            f"--customize-hook=copy-in {STORE / 'docker-clean'} /etc/apt/apt.conf.d",
            "--customize-hook=rm --force \"$1\"/var/cache/apt/*.bin",
            *(f"--dpkgopt=path-exclude={path}" for path in LEFT_OUT),
        ]  # fmt: skip
        mirror = _run(["apt-get", "indextargets", "--format", "$(REPO_URI)", "Created-By: Packages"]).split()[0]
        archive = STORE / f"{suite}.tar"
        _run(["mmdebstrap", *options, suite, str(archive), mirror])
        self("import", "--quiet", str(archive), name)
        archive.unlink()

    def build(
        self, name: str, dockerfile: Path, context: Path, copied: Iterable[Path] = (), target: str | None = None
    ) -> str:
        """Build an image, unless one of the same Dockerfile and the same `copied` files exists; return its name."""
        tagged = f"{name}:{fingerprint([dockerfile, *copied])}"
        with _exclusive():
            if not self._has(tagged):
                self._build(tagged, dockerfile, context, target)
                self._forget_old(name)
        return tagged

    def _build(self, tagged: str, dockerfile: Path, context: Path, target: str | None) -> None:
        lent = {"pip.conf": "/etc/pip.conf", "ca.crt": "/run/machine/ca.crt"}
        self(
            "build", "--quiet", "--isolation=chroot", "--jobs=2", "--layers", "--pull=never", "--format=docker",
            *(f"--volume={STORE / file}:{place}:ro" for file, place in lent.items() if (STORE / file).exists()),
            *([f"--target={target}"] if target else []),
            f"--tag={tagged}", f"--file={dockerfile}", str(context),
        )  # fmt: skip

    def _forget_old(self, name: str) -> None:
        images = self("images", "--sort=created", "--format={{.Repository}}:{{.Tag}}", f"--filter=reference={name}")
        for old in images.split()[KEPT:]:
            with suppress(CommandFailed):  # a container runs it
                self("rmi", old)

    def run(self, image: str, *options: str, command: tuple[str, ...] = ()) -> Container:
        """Start a container in the background."""
        return Container(self, self("run", "--detach", "--pull=never", *options, image, *command).strip())

    def _has(self, image: str) -> bool:
        try:
            self("image", "exists", image)
        except CommandFailed:
            return False
        return True


@contextmanager
def _exclusive() -> Iterator[None]:
    """Let one process build at a time; the others then find its images."""
    with (STORE / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def copied_by(ignore: Path) -> list[Path]:
    """The files that a .dockerignore admits to an image. Exceptions within admitted folders are not considered."""
    names = [line.removeprefix("!") for line in ignore.read_text().splitlines() if line.startswith("!")]
    named = [ignore.parent / name for name in names]
    found = [file for each in named for file in (each.rglob("*") if each.is_dir() else [each])]
    return sorted(file for file in found if file.is_file() and "__pycache__" not in file.parts)


def missing() -> str:
    """The reason why no image can be built here; empty if one can."""
    if os.geteuid() != 0:
        return "container images are built by root only"
    lacking = [program for program in NEEDED if not shutil.which(program)]
    return f"apt-get install {' '.join(lacking)}" if lacking else ""


def _apt_configuration() -> str:
    """The machine's apt settings for access to Debian packages. The image decides which indexes to fetch."""
    lines = _run(["apt-config", "dump", "Acquire"]).splitlines()
    return "\n".join(line for line in lines if not line.startswith(("Acquire::IndexTargets", "Acquire::Changelogs")))


def _pip_configuration() -> str:
    """The machine's pip settings for access to Python packages, with the certificates at their path within a build."""
    settings = {}
    for line in _run([sys.executable, "-m", "pip", "config", "list"]).splitlines():
        name, _, value = line.partition("=")
        settings[name.rpartition(".")[2]] = value.strip("'")
    if certificates := settings.pop("cert", ""):
        shutil.copy(certificates, STORE / "ca.crt")
        settings["cert"] = "/run/machine/ca.crt"
    kept = ("index-url", "proxy", "trusted-host", "default-timeout", "cert")
    return "[global]\n" + "".join(f"{name} = {settings[name]}\n" for name in kept if name in settings)


def _run(command: list[str], environment: dict[str, str] | None = None) -> str:
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    if done.returncode:
        raise CommandFailed(f"{' '.join(command)}\n{done.stdout[-2000:]}{done.stderr[-4000:]}")
    return done.stdout

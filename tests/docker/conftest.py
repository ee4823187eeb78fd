"""The images, built by the Dockerfile's own steps, and containers with the options of compose.yaml.

The exception is the network of compose.yaml: here, containers share the host's network, on unused ports.
"""

from __future__ import annotations

import re
import secrets
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

from tests.docker.engine import ROOT, CommandFailed, Container, Engine, copied_by, missing


@dataclass(frozen=True, slots=True)
class Compose:
    """compose.yaml, as written."""

    services: dict[str, dict[str, Any]]

    def hardening(self, service: str) -> list[str]:
        """The hardening of a service in the file, as options of a container engine."""
        settings = self.services[service]
        flags = {"cap_drop": "--cap-drop", "security_opt": "--security-opt", "tmpfs": "--tmpfs"}
        options = [f"{flag}={value}" for name, flag in flags.items() for value in settings.get(name, [])]
        return options + (["--read-only", "--read-only-tmpfs=false"] if settings.get("read_only") else [])


@pytest.fixture(scope="session")
def compose() -> Compose:
    return Compose(YAML(typ="safe").load(ROOT / "compose.yaml")["services"])


@pytest.fixture(scope="session")
def engine() -> Engine:
    if reason := missing():
        pytest.skip(f"containers: {reason}")
    engine = Engine()
    base = engine.base("bookworm")
    try:
        engine("run", "--rm", "--pull=never", base, "true")
    except CommandFailed as failed:
        pytest.skip(f"containers do not run on this machine: {failed}")
    return engine


@pytest.fixture(scope="session")
def service_image(engine: Engine) -> str:
    return engine.build("localhost/huifang", ROOT / "Dockerfile", ROOT, copied_by(ROOT / ".dockerignore"))


@pytest.fixture(scope="session")
def asterisk_image(engine: Engine) -> str:
    engine.base("forky")
    return engine.build("localhost/huifang-asterisk", ROOT / "Dockerfile", ROOT, target="asterisk")


@pytest.fixture(scope="session")
def docker_compose(engine: Engine) -> Callable[..., str]:
    """Run Docker's own `docker-compose` in a folder: `docker_compose(folder, "config")` returns its output."""
    engine.base("forky")
    image = engine.build("localhost/docker-compose", ROOT / "tests/docker/compose.Dockerfile", ROOT / "tests/docker")

    def run(folder: Path, *command: str) -> str:
        place = f"--volume={folder}:/project:ro"
        return engine("run", "--rm", "--pull=never", place, "--workdir=/project", image, *command)

    return run


@pytest.fixture
def volume(engine: Engine) -> Iterator[Callable[[str], tuple[str, Path]]]:
    """Create an empty volume that lasts for the test: `volume(use)` returns its name and its path."""
    with ExitStack() as stack:

        def make(use: str) -> tuple[str, Path]:
            name = engine("volume", "create", f"{secrets.token_hex(4)}-{use}").strip()
            stack.callback(engine, "volume", "rm", "--force", name)
            return name, Path(engine("volume", "inspect", "--format", "{{.Mountpoint}}", name).strip())

        yield make


@pytest.fixture
def start(engine: Engine, volume: object) -> Iterator[Callable[..., Container]]:
    """Start a container that lasts for the test: `start(image, *options, command=…)`."""
    with ExitStack() as stack:

        def run(image: str, *options: str, command: tuple[str, ...] = ()) -> Container:
            container = engine.run(image, *options, command=command)
            stack.callback(container.remove)
            return container

        yield run


@pytest.fixture(scope="session")
def dockerfile() -> str:
    """The Dockerfile with one line per instruction."""
    text = (ROOT / "Dockerfile").read_text()
    return re.sub(r"\\\n\s*", "", text)

"""The package that `pip install .` builds contains its own flows, prompts, models and dialplans."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import sysconfig
from pathlib import Path

import pytest

from ivr.resource_files import ROOT

pytestmark = pytest.mark.calls(1)


@pytest.fixture(scope="module")
def huifang(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The installed command, in an environment with the dependencies and without the source tree."""
    folder = tmp_path_factory.mktemp("installed")
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "--quiet"]
    wheel = ["wheel", "--no-deps", "--no-build-isolation", "--wheel-dir", str(folder), str(ROOT)]
    subprocess.run([*pip, *wheel], check=True)
    environment = folder / "environment"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(environment)], check=True)
    python = environment / "bin" / "python"
    (built,) = folder.glob("huifang-*.whl")
    subprocess.run([*pip, "--python", str(python), "install", "--no-deps", "--no-index", str(built)], check=True)
    own = Path(sysconfig.get_path("purelib", vars={"base": str(environment)}))
    (own / "dependencies.pth").write_text(sysconfig.get_path("purelib") + "\n", encoding="utf-8")
    return environment / "bin" / "huifang"


@pytest.fixture(scope="module")
def elsewhere(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder in which the command runs."""
    return tmp_path_factory.mktemp("elsewhere")


async def status_of(huifang: Path, elsewhere: Path, *command: str) -> tuple[int | None, str]:
    """Run a command in a folder of its own; return its exit status and output."""
    process = await asyncio.create_subprocess_exec(
        huifang, *command, cwd=elsewhere, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT,
        env={name: value for name, value in os.environ.items() if name != "PYTHONPATH"} | {"HUIFANG_PORT": "0"},
    )  # fmt: skip
    output, _ = await process.communicate()
    return process.returncode, output.decode()


@pytest.mark.parametrize("command", [("flows", "check"), ("prompts", "check"), ("lines", "check")])
async def test_the_installed_files_pass_their_checks(huifang: Path, elsewhere: Path, command: tuple[str, ...]) -> None:
    status, output = await status_of(huifang, elsewhere, *command)
    assert status == 0, output


async def test_the_demo_takes_the_survey_and_keeps_its_data_in_the_current_folder(
    huifang: Path, elsewhere: Path
) -> None:
    status, output = await status_of(huifang, elsewhere, "demo", "--once")
    assert status == 0, output
    assert (elsewhere / "var" / "records.sqlite").exists()

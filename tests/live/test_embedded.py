from __future__ import annotations

import asyncio
import os
import signal
import stat
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from ivr.live.calls import LiveCalls
from ivr.live.client import connect
from ivr.live.embedded import EmbeddedRedis
from ivr.live.errors import LiveStateUnavailable

SERVICE = """
import asyncio, pathlib, sys
from ivr.live.embedded import EmbeddedRedis
async def main():
    server = await EmbeddedRedis.start(pathlib.Path(sys.argv[1]))
    print(server.pid, flush=True)
    await asyncio.sleep(3600)
asyncio.run(main())
"""


async def test_data_survive_a_restart(tmp_path: Path) -> None:
    for turn in (1, 2, 3):
        server = await EmbeddedRedis.start(tmp_path)
        calls = await LiveCalls.open(server.url)
        await calls.save("a", turn, b"state", "n1")
        await calls.close()
        await server.close()
        assert server.pid is not None and not psutil.pid_exists(server.pid)


async def test_only_the_owner_may_connect(server: EmbeddedRedis, tmp_path: Path) -> None:
    assert stat.S_IMODE((tmp_path / "live").stat().st_mode) == 0o700
    assert server.pid is not None
    listening = [c for c in psutil.Process(server.pid).net_connections("inet") if c.status == psutil.CONN_LISTEN]
    assert listening == []


async def test_two_services_cannot_share_a_folder(server: EmbeddedRedis, tmp_path: Path) -> None:
    with pytest.raises(LiveStateUnavailable, match="another service uses"):
        await EmbeddedRedis.start(tmp_path / "live")
    async with connect(server.url) as redis:
        assert await redis.ping()


async def test_a_long_path_works_and_leaves_no_link_behind(tmp_path: Path) -> None:
    folder = tmp_path / ("长" * 30) / ("x" * 100)
    server = await EmbeddedRedis.start(folder)
    async with connect(server.url) as redis:
        assert await redis.ping()
    shortcut = Path(server.url.removeprefix("unix://")).parent
    assert shortcut.resolve() == folder and (folder / "redis.sock").is_socket()
    await server.close()
    assert not shortcut.is_symlink() and not shortcut.parent.exists()


async def test_a_file_in_place_of_the_socket_is_no_obstacle(tmp_path: Path) -> None:
    (tmp_path / "redis.sock").touch()
    server = await EmbeddedRedis.start(tmp_path)
    async with connect(server.url) as redis:
        assert await redis.ping()
    await server.close()


async def test_damaged_data_are_reported_with_the_reason(tmp_path: Path) -> None:
    (tmp_path / "appendonly.aof").write_bytes(b"*2\r\n$3\r\nnonsense\r\n" * 10)
    with pytest.raises(LiveStateUnavailable, match="append only file"):
        await EmbeddedRedis.start(tmp_path)
    (tmp_path / "appendonly.aof").unlink()
    await (await EmbeddedRedis.start(tmp_path)).close()


def _start_service(folder: Path, **environment: str) -> tuple[subprocess.Popen[str], psutil.Process]:
    command = [sys.executable, "-c", SERVICE, str(folder)]
    service = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=os.environ | environment)
    assert service.stdout is not None
    return service, psutil.Process(int(service.stdout.readline()))


def _kill(service: subprocess.Popen[str]) -> None:
    service.kill()
    service.communicate()


def test_the_server_dies_with_a_killed_service(tmp_path: Path) -> None:
    service, redis = _start_service(tmp_path)
    assert "redis-server" in redis.name()
    _kill(service)
    redis.wait(timeout=10)


def test_a_service_that_was_killed_starts_again_at_once(tmp_path: Path) -> None:
    for _ in range(2):
        service, _redis = _start_service(tmp_path)
        _kill(service)

    async def start() -> None:
        await (await EmbeddedRedis.start(tmp_path)).close()

    asyncio.run(start())


def test_a_stale_server_is_stopped_before_a_new_one_writes(tmp_path: Path) -> None:
    service, redis = _start_service(tmp_path, PATH="/nowhere")
    _kill(service)
    assert redis.is_running()

    async def start() -> int | None:
        server = await EmbeddedRedis.start(tmp_path)
        await server.close()
        return server.pid

    assert asyncio.run(start()) != redis.pid
    redis.wait(timeout=10)


async def test_ctrl_c_does_not_reach_the_server(server: EmbeddedRedis) -> None:
    assert server.pid is not None
    assert os.getpgid(server.pid) != os.getpgid(0)


async def test_a_server_that_hangs_is_killed_at_the_end(tmp_path: Path) -> None:
    server = await EmbeddedRedis.start(tmp_path)
    assert server.pid is not None
    os.kill(server.pid, signal.SIGSTOP)
    await server.close()
    assert not psutil.pid_exists(server.pid)

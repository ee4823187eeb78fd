from __future__ import annotations

import asyncio
import hashlib
import signal
import stat
import subprocess
import sys
import wave
from pathlib import Path

import numpy as np
import pytest

from ivr.call.audio.stereo_recorder import StereoRecorder
from ivr.database.errors import RecordingLost


def sound(ms: int, level: int) -> bytes:
    return np.full(ms * 8, level, "<i2").tobytes()


def stereo(path: Path) -> np.ndarray:
    with wave.open(str(path)) as wav:
        assert (wav.getnchannels(), wav.getsampwidth(), wav.getframerate()) == (2, 2, 8000)
        return np.frombuffer(wav.readframes(wav.getnframes()), "<i2").reshape(-1, 2)


async def test_a_call_is_recorded_from_the_consent_to_the_end(tmp_path: Path) -> None:
    path = tmp_path / "2026" / "call.wav"
    recorder = StereoRecorder.start(path, 1000)
    recorder.add_prompt(1000, sound(2000, 7))
    recorder.clear(2500)
    for at in range(2500, 6000, 20):
        recorder.add_caller(at, sound(20, 9))
    recording = await recorder.close(6250)

    assert recording.path == path and recording.seconds == 5.25
    assert recording.sha256 == hashlib.sha256(path.read_bytes()).hexdigest()
    left, right = stereo(path).T
    assert len(left) == 5.25 * 8000
    assert set(left[: 1500 * 8]) == {0} and set(left[1500 * 8 : 5000 * 8]) == {9} and set(left[5000 * 8 :]) == {0}
    assert set(right[: 1500 * 8]) == {7} and set(right[1500 * 8 :]) == {0}


async def test_a_recording_that_ends_at_once_is_an_empty_playable_file(tmp_path: Path) -> None:
    recording = await StereoRecorder.start(tmp_path / "call.wav", 1000).close(1000)
    assert recording.seconds == 0 and len(stereo(recording.path)) == 0


async def test_only_the_owner_may_read_a_recording(tmp_path: Path) -> None:
    recording = await StereoRecorder.start(tmp_path / "call.wav", 0).close(20)
    assert stat.S_IMODE(recording.path.stat().st_mode) == 0o600


async def test_an_existing_file_is_never_overwritten(tmp_path: Path) -> None:
    path = tmp_path / "call.wav"
    path.write_bytes(b"precious")
    recorder = StereoRecorder.start(path, 0)
    with pytest.raises(RecordingLost, match="exists"):
        await recorder.close(20)
    assert path.read_bytes() == b"precious"


async def test_a_full_disk_loses_the_recording_not_the_call(tmp_path: Path) -> None:
    path = tmp_path / "call.wav"
    resource = pytest.importorskip("resource")
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, before[1]))
    try:
        recorder = StereoRecorder.start(path, 0)
        for at in range(0, 10_000, 20):
            recorder.add_caller(at, sound(20, 9))
            await asyncio.sleep(0)
        with pytest.raises(RecordingLost, match="File too large"):
            await recorder.close(10_000)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
        signal.signal(signal.SIGXFSZ, handler)
    assert len(stereo(path)) >= 2 * 8000


def test_a_crash_leaves_a_playable_file(tmp_path: Path) -> None:
    path = tmp_path / "call.wav"
    program = (
        "import asyncio, pathlib, sys\n"
        "from ivr.call.audio.stereo_recorder import StereoRecorder\n"
        "async def main():\n"
        "    path = pathlib.Path(sys.argv[1])\n"
        "    recorder = StereoRecorder.start(path, 0)\n"
        "    for at in range(0, 10_000, 20):\n"
        "        recorder.add_caller(at, b'\\x09\\x00' * 160)\n"
        "    while path.exists() is False or path.stat().st_size < 8 * 32_000:\n"
        "        await asyncio.sleep(0.01)\n"
        "    print('written', flush=True)\n"
        "    await asyncio.sleep(3600)\n"
        "asyncio.run(main())\n"
    )
    with subprocess.Popen([sys.executable, "-c", program, str(path)], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None and process.stdout.readline() == "written\n"
        process.kill()
    samples = stereo(path)
    assert len(samples) >= 7 * 8000 and set(samples[:, 0]) == {9}


async def test_feeding_does_not_wait_for_the_disk(tmp_path: Path) -> None:
    """Ten seconds of audio are fed before the writer runs for the first time."""
    recorder = StereoRecorder.start(tmp_path / "call.wav", 0)
    for at in range(0, 10_000, 20):
        recorder.add_caller(at, sound(20, 9))
    assert not (tmp_path / "call.wav").exists()
    recording = await recorder.close(10_000)
    assert recording.seconds == 10

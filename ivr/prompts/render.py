"""The speech synthesis port and its engines. Must not know: catalogs, levels, prompt files.

Only `prompts build` and live announcements use an engine; flows play prebuilt audio.
"""

from __future__ import annotations

import importlib
import importlib.util
import io
import shutil
import subprocess
import sys
import wave
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Protocol

from ivr.errors import HuifangError
from ivr.prompts.audio import PromptSound
from ivr.prompts.pinyin import pinyin
from ivr.prompts.recording import read_sound

DEFAULT_SPEED: Final = 160
SPEAK_TIMEOUT_S: Final = 60
AMPLITUDE: Final = "50"
"""Of 200; at the default of 100 espeak-ng clips its output."""


class EngineFailed(HuifangError):
    """An installed speech engine failed to speak."""


@dataclass(frozen=True, slots=True)
class Voice:
    """A voice: the engine's name, its voice, the speed in words per minute and the pitch from 0 to 99."""

    engine: str
    voice: str
    speed: int = DEFAULT_SPEED
    pitch: int = 50

    def __str__(self) -> str:
        return f"{self.engine} {self.voice} {self.speed} {self.pitch}"


class Engine(Protocol):
    """A speech synthesis engine."""

    def missing(self, voice: Voice) -> str:
        """Return why this voice is unavailable and how to install it; empty if it is available."""

    def speak(self, words: str, voice: Voice) -> PromptSound:
        """Synthesise `words`.

        Raises:
            EngineFailed: the engine produced no audio.
        """


class EspeakNg:
    """espeak-ng, run as a command. Mandarin is passed as pinyin, so that its tones are kept."""

    def missing(self, voice: Voice) -> str:
        if shutil.which("espeak-ng"):
            return ""
        return "espeak-ng is not installed; install it with: apt-get install espeak-ng"

    def speak(self, words: str, voice: Voice) -> PromptSound:
        text = pinyin(words) if "pinyin" in voice.voice else words
        options = ["-a", AMPLITUDE, "-v", voice.voice, "-s", str(voice.speed), "-p", str(voice.pitch)]
        command = ["espeak-ng", *options, "--stdin", "--stdout"]
        try:
            done = subprocess.run(  # noqa: S603 -- the text is passed on standard input, not in the command
                command, input=text.encode(), capture_output=True, timeout=SPEAK_TIMEOUT_S, check=True
            )
            return read_sound(done.stdout)
        except (OSError, subprocess.SubprocessError, ValueError) as error:
            said = getattr(error, "stderr", None) or b""
            raise EngineFailed(f"{voice}: {said.decode(errors='replace').strip() or error}") from error


class Piper:
    """Piper, from the package `piper-tts`, with voices (NAME.onnx and NAME.onnx.json) in the folder `voices`.

    Runs in this process, because its command reloads the voice for every prompt.
    """

    def __init__(self, voices: Path) -> None:
        self._voices = voices
        self._loaded: dict[Path, Any] = {}

    def missing(self, voice: Voice) -> str:
        model = self._model(voice)
        if not model.exists():
            return f"the Piper voice {model} is missing; copy it and {model.name}.json into that folder"
        if not importlib.util.find_spec("piper"):
            return f"Piper is not installed; install it with: {sys.executable} -m pip install piper-tts"
        return ""

    def speak(self, words: str, voice: Voice) -> PromptSound:
        piper = importlib.import_module("piper")
        model = self._model(voice)
        spoken = io.BytesIO()
        try:
            if model not in self._loaded:
                self._loaded[model] = piper.PiperVoice.load(model)
            pace = piper.SynthesisConfig(length_scale=DEFAULT_SPEED / voice.speed)
            with wave.open(spoken, "wb") as file:
                self._loaded[model].synthesize_wav(words, file, syn_config=pace)
            return read_sound(spoken.getvalue())
        except Exception as error:  # onnxruntime's errors have no narrower base
            raise EngineFailed(f"{voice}: {error}") from error

    def _model(self, voice: Voice) -> Path:
        return self._voices / f"{voice.voice}.onnx"


def engines(folder: Path) -> Mapping[str, Engine]:
    """Return the engines available to a catalog in `folder`, by name."""
    return {"espeak-ng": EspeakNg(), "piper": Piper(folder / "voices")}

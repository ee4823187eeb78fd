"""The speech engine's port and its engines. Must not know: catalogs, levels, files of prompts.

Only `prompts build` needs an engine; calls play what was built.
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
"""Of 200; at the usual 100 espeak-ng clips its own output."""


class EngineFailed(HuifangError):
    """A speech engine is there but did not speak."""


@dataclass(frozen=True, slots=True)
class Voice:
    """Who speaks: an engine's name, its voice, the speed in words a minute and the pitch from 0 to 99."""

    engine: str
    voice: str
    speed: int = DEFAULT_SPEED
    pitch: int = 50

    def __str__(self) -> str:
        return f"{self.engine} {self.voice} {self.speed} {self.pitch}"


class Engine(Protocol):
    """Speaks words."""

    def missing(self, voice: Voice) -> str:
        """Why this voice can't be had here and what to do about it, in plain words; empty when it can."""

    def speak(self, words: str, voice: Voice) -> PromptSound:
        """Speak `words`.

        Raises:
            EngineFailed: the engine gave no audio.
        """


class EspeakNg:
    """espeak-ng through its command. Mandarin goes in as pinyin, whose tones it then keeps."""

    def missing(self, voice: Voice) -> str:
        if shutil.which("espeak-ng"):
            return ""
        return "espeak-ng is not installed; install it with: apt-get install espeak-ng"

    def speak(self, words: str, voice: Voice) -> PromptSound:
        text = pinyin(words) if "pinyin" in voice.voice else words
        options = ["-a", AMPLITUDE, "-v", voice.voice, "-s", str(voice.speed), "-p", str(voice.pitch)]
        command = ["espeak-ng", *options, "--stdin", "--stdout"]
        try:
            done = subprocess.run(  # noqa: S603 -- the text goes in on standard input, never into the command
                command, input=text.encode(), capture_output=True, timeout=SPEAK_TIMEOUT_S, check=True
            )
            return read_sound(done.stdout)
        except (OSError, subprocess.SubprocessError, ValueError) as error:
            said = getattr(error, "stderr", None) or b""
            raise EngineFailed(f"{voice}: {said.decode(errors='replace').strip() or error}") from error


class Piper:
    """Piper through its package `piper-tts`, with voices (NAME.onnx and NAME.onnx.json) in the folder `voices`.

    In this process, for its command loads the voice anew for every prompt.
    """

    def __init__(self, voices: Path) -> None:
        self._voices = voices
        self._loaded: dict[Path, Any] = {}

    def missing(self, voice: Voice) -> str:
        model = self._model(voice)
        if not model.exists():
            return f"the Piper voice {model} is not there; put it and {model.name}.json into that folder"
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
    """The engines that a catalog in `folder` may name."""
    return {"espeak-ng": EspeakNg(), "piper": Piper(folder / "voices")}

"""A caller with a SIP phone who takes the survey: recognises each prompt by its sound, and answers by voice or keys."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from ivr.actions import Prompt
from ivr.devtools.scripted_caller import load_clips
from ivr.devtools.timeline import SOUND, SoundSpan, speech
from ivr.prompts.library import PromptLibrary
from ivr.prompts.template import PromptVariable
from ivr.resource_files import ROOT
from tests.asterisk.g711 import Samples
from tests.asterisk.phone import PhoneCall
from tests.asterisk.sound import FRAME, LOUD, RATE, Heard

LANGUAGE = "zh-CN"
CLIPS = {name: np.frombuffer(pcm, "<i2") for name, pcm in load_clips(ROOT / "prompts" / "caller" / LANGUAGE).items()}
VOICE = {
    "convenient": "方便",
    "resolved": "解决了",
    "attitude": "满意",
    "charged": "没有",
    "score": "九分",
    "comments": "师傅来得很快",
    "confirm": "对",
}
"""Question → the clip of its usual answer."""
KEYS = {
    "convenient": "1",
    "resolved": "1",
    "attitude": "1",
    "charged": "2",
    "score": "9",
    "comments": "2",
    "confirm": "1",
}
"""Question → the key for the same answer."""
ANSWERS = {"convenient": "yes", "resolved": "yes", "attitude": "satisfied", "charged": "no", "score": 9}
VALUES = [
    Prompt("survey.closing", {"hotline": "6789100"}),
    *(Prompt("confirm.score", {"value": score}) for score in range(1, 11)),
    *(Prompt("confirm.phone", {"value": number}) for number in ("+8613812345678", "+8613605060708")),
]
PAUSE_S = 0.3
TAIL_S = 0.8
PIECES = 4
SLACK_S = 0.1
LOW_RATE = 2000
SLACK = round(SLACK_S * LOW_RATE)
MIN_LIKENESS = 0.75
MISSES = 2
"""From the third time on, a question is answered by key."""


def sound_span(pcm: Samples) -> tuple[int, int]:
    """The first and the last sample of the sound in the audio, to within 20 ms."""
    whole = len(pcm) // FRAME * FRAME
    frames = np.flatnonzero(np.sqrt(np.mean(pcm[:whole].reshape(-1, FRAME).astype(np.float64) ** 2, axis=1)) > LOUD)
    return int(frames[0]) * FRAME, int(frames[-1] + 1) * FRAME


class PromptDetector:
    """Recognises the service's prompts by their ends.

    The last 0.8 s of each prompt are compared in pieces, each with a delay of its own, and the worst piece is left out,
    so that late or lost packets do not make a prompt unknown. 2 kHz suffice to tell prompts apart and take 4 ms: the
    phones of a test send their packets from the same event loop.
    """

    def __init__(self, library: PromptLibrary, language: str = LANGUAGE) -> None:
        self.library = library
        plain = [
            Prompt(name, {})
            for name, spoken in library.catalog.prompts.items()
            if not any(isinstance(part, PromptVariable) for part in spoken[language].parts)
        ]
        self.prompts = [
            (prompt.name, np.frombuffer(library.pcm(prompt, language), "<i2")) for prompt in [*plain, *VALUES]
        ]
        tails = [_at_low_rate(pcm[: sound_span(pcm)[1]], TAIL_S) for _, pcm in self.prompts]
        pieces = np.array(tails).reshape(len(tails), PIECES, -1)
        pieces /= np.maximum(np.linalg.norm(pieces, axis=2, keepdims=True), 1)
        self._pieces = np.ascontiguousarray(pieces.transpose(1, 2, 0))
        """Shape: pieces, samples, prompts."""

    def sound(self, name: str) -> Samples:
        """The audio of a prompt without variables."""
        return next(pcm for known, pcm in self.prompts if known == name)

    def recognise(self, heard: Samples) -> str | None:
        """The prompt that ends within `SLACK_S` of the end of the audio, as silence follows it; None if none does."""
        last = np.pad(_at_low_rate(heard, TAIL_S + SLACK_S), (0, SLACK))
        size = self._pieces.shape[1]
        windows = np.lib.stride_tricks.sliding_window_view(last, size)
        loudness = np.linalg.norm(windows, axis=1, keepdims=True) + LOUD
        places = range(0, PIECES * size, size)
        alike = [
            (windows[place : place + 2 * SLACK + 1] @ piece / loudness[place : place + 2 * SLACK + 1]).max(axis=0)
            for place, piece in zip(places, self._pieces, strict=True)
        ]
        likeness = np.sort(alike, axis=0)[1:].mean(axis=0)
        best = int(np.argmax(likeness))
        return self.prompts[best][0] if likeness[best] > MIN_LIKENESS else None


def _at_low_rate(pcm: Samples, seconds: float) -> np.ndarray:
    """The last seconds at `LOW_RATE`, padded with silence at the start."""
    size = round(seconds * RATE)
    padded = np.pad(pcm.astype(np.float32), (max(0, size - len(pcm)), 0))[-size:]
    return np.asarray(padded.reshape(-1, RATE // LOW_RATE).mean(axis=1))


def question(prompt: str) -> str:
    """The question that a prompt asks; empty if it asks none."""
    group, _, rest = prompt.partition(".")
    if group == "survey":
        return "convenient" if rest == "opening" else rest if rest in VOICE else ""
    return group if group in VOICE else ""


@dataclass(frozen=True)
class HeardPrompt:
    """A prompt that was heard to its end, at the time `ended`."""

    name: str
    ended: float


@dataclass(frozen=True)
class Reply:
    """An answer to a prompt: the times of its first and last sound, or of its key."""

    question: str
    began: float
    ended: float


class Caller:
    """The caller's end of a call. Speaks `clips`; `heard_prompts` and `replies` are the history of the call."""

    def __init__(self, call: PhoneCall, detector: PromptDetector, clips: Mapping[str, Samples] = CLIPS) -> None:
        self.call = call
        self.clips = clips
        self.heard_prompts: list[HeardPrompt] = []
        self.replies: list[Reply] = []
        self.detector = detector
        self._looked_at = 0.0
        self._loop = asyncio.get_running_loop()

    @property
    def heard(self) -> Heard:
        """All audio heard so far."""
        return self.call.heard()

    async def hears_out(self, *names: str, within_s: float = 60) -> str:
        """Wait for the end of one of these prompts, or of any; return its name, or "" once the call is over."""
        async with asyncio.timeout(within_s):
            while not self.call.over.is_set():
                ended = self.call.voice.loud_until
                if self._looked_at < ended <= self._loop.time() - PAUSE_S:
                    self._looked_at = ended
                    name = self.detector.recognise(self.call.voice.last(TAIL_S + SLACK_S, ended))
                    if name:
                        self.heard_prompts.append(HeardPrompt(name, ended))
                    if name and (not names or name in names):
                        return name
                await asyncio.sleep(FRAME / RATE)
        return ""

    async def hears_onset(self, within_s: float = 60) -> float:
        """Wait for sound after the last prompt and reply; return its time."""
        after = max(self._looked_at, self.replies[-1].ended if self.replies else 0.0)
        async with asyncio.timeout(within_s):
            while self.call.voice.loud_until <= after and not self.call.over.is_set():  # noqa: ASYNC110
                await asyncio.sleep(FRAME / RATE)
        return self.call.voice.loud_until

    async def says(self, clip: str, to: str = "") -> Reply:
        """Speak a clip."""
        sound = self.clips[clip]
        words = speech(sound, SoundSpan(0, len(sound)))
        assert words
        last = -(-words.end // FRAME) * FRAME
        spoken, _ = await asyncio.gather(self.call.say(sound[:last]), self.call.say(sound[last:]))
        began, ended = spoken[0] + words.start / RATE, spoken[1] - (last - words.end) / RATE
        self.replies.append(Reply(to, began, ended))
        return self.replies[-1]

    async def presses(self, keys: str, to: str = "") -> Reply:
        """Press keys."""
        let_go = await self.call.press(keys)
        self.replies.append(Reply(to, let_go - 0.1, let_go))
        return self.replies[-1]

    async def takes_the_survey(
        self, voice: Mapping[str, str] = VOICE, keys: Mapping[str, str] = KEYS, until: str = ""
    ) -> None:
        """Answer each question after its end: by voice if there is a clip, else by key.

        Return at the question or prompt `until`, which stays unanswered, or at the end of the call.
        """
        asked: Counter[str] = Counter()
        while name := await self.hears_out():
            asks = question(name)
            if until and until in (name, asks):
                return
            asked[asks] += 1
            if asks in voice and (asked[asks] <= MISSES or asks == "confirm"):
                await self.says(voice[asks], asks)
            elif asks in keys:
                await self.presses(keys[asks], asks)

    def responses_ms(self, but: str = "comments") -> list[float]:
        """The times from each spoken answer's end to the service's next sound (ms), without the answers to `but`."""
        heard = self.heard
        sounds = heard.start + np.flatnonzero(np.abs(heard.samples.astype(np.int32)) >= SOUND) / RATE
        ended = [reply.ended for reply in self.replies if reply.question != but]
        return [float(sounds[sounds >= end][0] - end) * 1000 for end in ended if len(sounds) and sounds[-1] >= end]

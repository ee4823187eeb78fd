"""A scripted caller on the Python softphone: waits for the end of each prompt, then plays the recorded reply.

Must not know: the server's internals; it relies on the transcript only, as a person relies on what they hear.
"""

from __future__ import annotations

import asyncio
import wave
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from ivr.devtools.softphone import CallOver, Softphone
from ivr.devtools.timeline import SoundSpan
from ivr.telephony.browser import wire

PAUSE_MS = 300
"""Silence after a prompt before the caller answers."""

LineObserver = Callable[[wire.TranscriptMessage], None]


def load_clips(folder: Path) -> dict[str, bytes]:
    """Return the recordings in a folder (8 kHz, 16-bit, mono WAV) by file name without `.wav`."""
    clips = {}
    for file in sorted(folder.glob("*.wav")):
        with wave.open(str(file), "rb") as sound:
            clips[file.stem] = sound.readframes(sound.getnframes())
    return clips


@dataclass(frozen=True, slots=True)
class GivenReply:
    """A prompt's text and the position of the caller's reply on the phone's timeline."""

    prompt: str
    said: SoundSpan


@dataclass(frozen=True, slots=True)
class ScriptedCall:
    """A finished conversation."""

    replies: tuple[GivenReply, ...]
    ended: wire.EndedMessage


async def run_script(
    phone: Softphone, replies: Mapping[str, bytes], watch: LineObserver = lambda line: None, goodbye: str = ""
) -> ScriptedCall:
    """Answer each prompt with the first matching reply until the call is over.

    `replies` maps words that occur in a prompt to the reply's audio; a prompt without a match is not answered. `watch`
    is called with every transcript line. After a prompt that contains the words `goodbye` the caller hangs up.
    """
    prompts: asyncio.Queue[str] = asyncio.Queue()
    given: list[GivenReply] = []

    async def listen() -> None:
        async for line in phone.transcript():
            watch(line)
            if line.who == "us" and line.text:
                prompts.put_nowait(line.text)

    listening = asyncio.create_task(listen())
    try:
        while True:
            prompt = await _next(prompts, phone)
            await phone.heard_quiet(PAUSE_MS)
            while not prompts.empty():
                prompt = prompts.get_nowait()
            if goodbye and goodbye in prompt:
                await phone.hang_up()
            elif reply := next((audio for words, audio in replies.items() if words in prompt), None):
                given.append(GivenReply(prompt, await phone.say(reply)))
    except CallOver:
        await listening
        return ScriptedCall(tuple(given), await phone.ended())
    finally:
        listening.cancel()


async def _next(prompts: asyncio.Queue[str], phone: Softphone) -> str:
    """Return the next prompt's text; raise CallOver if the call ends first."""
    asked, over = asyncio.ensure_future(prompts.get()), asyncio.ensure_future(phone.ended())
    await asyncio.wait({asked, over}, return_when=asyncio.FIRST_COMPLETED)
    over.cancel()
    if not asked.done():
        asked.cancel()
        raise CallOver
    return asked.result()

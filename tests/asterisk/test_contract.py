"""The contract of call legs and media streams (tests/contract), on a real Asterisk with a real phone."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pytest
import pytest_asyncio

from tests.asterisk.phone import PhoneCall
from tests.asterisk.sound import Samples
from tests.contract.conftest import connected, find, voice  # noqa: F401
from tests.contract.test_media_stream import *  # noqa: F403

pytestmark = [pytest.mark.asyncio(loop_scope="session"), pytest.mark.calls(1)]


@dataclass
class Recorded:
    """The audio that the phone heard."""

    heard: Samples


class FarEnd:
    """A phone as the far end of the contract."""

    def __init__(self, call: PhoneCall) -> None:
        self._call = call

    @property
    def timeline(self) -> Recorded:
        return Recorded(self._call.heard().samples)

    async def say(self, pcm: bytes) -> None:
        await self._call.say(np.frombuffer(pcm, np.int16))

    async def press(self, digit: str) -> None:
        await self._call.press(digit)

    async def heard_sound(self) -> None:
        if not self._call.voice.loud_until:
            await self._call.hears_sound()

    async def heard_quiet(self, ms: int) -> None:
        await self.heard_sound()
        await self._call.hears_quiet(ms / 1000)

    async def hang_up(self) -> None:
        await self._call.hang_up()

    async def cut(self) -> None:
        self._call.voice.silent = True

    async def ended(self) -> None:
        await self._call.ended()


@pytest_asyncio.fixture(loop_scope="session")
async def call(service, phone):
    far, line = await service.connect(await phone("1001"))
    async with connected(line, FarEnd(far)) as both:
        yield both

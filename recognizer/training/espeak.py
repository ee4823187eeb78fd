"""Speech synthesis into memory with espeak-ng's C library (`speak_lib.h`). Must not know: what is said and why."""

from __future__ import annotations

import ctypes
from dataclasses import dataclass
from typing import Final

import numpy as np
import soxr
from numpy.typing import NDArray

from recognizer.base import SAMPLE_RATE_HZ

_LIBRARY: Final = "libespeak-ng.so.1"
MANDARIN: Final = "cmn-latn-pinyin"
ENGLISH: Final = ("en-us", "en-us", "en", "en-gb-scotland", "en-gb-x-rp", "en-029")
"""Voices of espeak-ng; the Mandarin one takes pinyin with tone digits."""
_SYNCHRONOUS: Final = 2
_UTF8: Final = 1
_RATE, _VOLUME, _PITCH, _RANGE, _GAP = 1, 2, 3, 4, 7
_CALLBACK: Final = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.POINTER(ctypes.c_short), ctypes.c_int, ctypes.c_void_p)

VARIANTS: Final = (
    "",
    *[
        "m1",
        "m2",
        "m3",
        "m4",
        "m5",
        "m6",
        "m7",
        "m8",
        "f1",
        "f2",
        "f3",
        "f4",
        "f5",
        "klatt",
        "klatt2",
        "klatt3",
        "klatt4",
        "klatt5",
        "klatt6",
    ],
    *[
        "Alex",
        "Alicia",
        "Andrea",
        "Andy",
        "Annie",
        "Denis",
        "Diogo",
        "Gene",
        "Gene2",
        "Henrique",
        "Hugo",
        "Jacky",
        "Lee",
        "Marco",
        "Mario",
        "Michael",
        "Mike",
    ],
    *[
        "Nguyen",
        "adam",
        "anika",
        "announcer",
        "antonio",
        "aunty",
        "belinda",
        "benjamin",
        "boris",
        "caleb",
        "david",
        "ed",
        "edward",
        "edward2",
    ],
    *[
        "grandma",
        "grandpa",
        "gustave",
        "iven",
        "iven2",
        "iven3",
        "iven4",
        "john",
        "linda",
        "marcelo",
        "michel",
        "miguel",
        "norbert",
        "pablo",
        "paul",
    ],
    *["pedro", "quincy", "robert", "sandro", "shelby", "steph", "steph2", "steph3", "travis", "victor", "zac"],
)
"""Voice variants (espeak-ng-data/voices/!v) that sound human; `rob` is left out because it crashes espeak-ng 1.51."""


@dataclass(frozen=True, slots=True)
class Manner:
    """Voice and speaking style.

    `rate` is in words per minute, `pitch` and `spread` (pitch range) 0 to 99, `gap` between words is in units of 10 ms.
    """

    voice: str
    variant: str
    rate: int
    pitch: int
    spread: int
    gap: int


class Espeak:
    """A synthesiser; at most one per process."""

    def __init__(self) -> None:
        self._library = ctypes.CDLL(_LIBRARY)
        self._rate: int = self._library.espeak_Initialize(_SYNCHRONOUS, 0, None, 0)
        self._parts: list[NDArray[np.int16]] = []
        self._callback = _CALLBACK(self._take)
        self._library.espeak_SetSynthCallback(self._callback)

    def say(self, text: str, manner: Manner) -> NDArray[np.float32]:
        """Synthesise a text: 8 kHz samples at 16-bit scale.

        Raises:
            ValueError: espeak-ng has no such voice.
        """
        voice = f"{manner.voice}+{manner.variant}" if manner.variant else manner.voice
        if self._library.espeak_SetVoiceByName(voice.encode()) != 0:
            raise ValueError(f'espeak-ng has no voice "{voice}"')
        settings = {_RATE: manner.rate, _VOLUME: 100, _PITCH: manner.pitch, _RANGE: manner.spread, _GAP: manner.gap}
        for parameter, value in settings.items():
            self._library.espeak_SetParameter(parameter, value, 0)
        self._parts = []
        spoken = text.encode() + b"\0"
        self._library.espeak_Synth(spoken, len(spoken), 0, 1, 0, _UTF8, None, None)
        self._library.espeak_Synchronize()
        sound = np.concatenate([np.zeros(0, np.int16), *self._parts]).astype(np.float32)
        at_8k: NDArray[np.float32] = soxr.resample(sound, self._rate, SAMPLE_RATE_HZ)
        return at_8k

    def _take(self, wave: ctypes._Pointer[ctypes.c_short], count: int, _events: object) -> int:
        if wave and count > 0:
            self._parts.append(np.ctypeslib.as_array(wave, shape=(count,)).copy())
        return 0

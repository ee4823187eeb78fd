"""Fillers: words around an answer that carry no meaning (“嗯…八分吧”, “我觉得满意”, “well, yes please”).

Must not know: models, audio, which question was asked.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class Fillers:
    """Words that may precede an answer and words that may follow it."""

    before: tuple[str, ...]
    after: tuple[str, ...]

    @property
    def all(self) -> tuple[str, ...]:
        """Both kinds without duplicates."""
        return tuple(dict.fromkeys((*self.before, *self.after)))


_HESITATION: Final = ("嗯", "呃", "啊", "哦", "那个", "这个", "那", "就")
_OPINION: Final = ("我", "我觉得", "我想", "我选", "我说", "我给", "应该", "应该是", "大概", "可能", "就是", "那就")
_PARTICLES: Final = ("吧", "啊", "呀", "嘛", "呢", "了", "的", "哈", "谢谢", "谢谢你")

_FILLERS: Final = {
    "zh": Fillers(before=(*_HESITATION, *_OPINION), after=(*_PARTICLES, "嗯", "哦")),
    "en": Fillers(
        before=("um", "uh", "er", "well", "oh", "so", "okay", "i think", "i guess", "i would say", "maybe", "probably"),
        after=("please", "thanks", "thank you", "i think", "i guess"),
    ),
}
_NONE: Final = Fillers(before=(), after=())


def fillers(language: str) -> Fillers:
    """Return the fillers of a language (BCP 47 tag, `zh-CN`); none for an unknown language."""
    return _FILLERS.get(language.partition("-")[0], _NONE)

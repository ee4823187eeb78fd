"""The model card: what a model is, what went into it by whose leave, how well it hears. Must not know: torch."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from recognizer.training.corpus import CorpusRecording

_LICENCE: Final = "CC BY-SA 3.0"
_NAMES: Final = {"zh": "Mandarin", "en": "English"}
_PHONES: Final = {"zh": "pinyin initials, and finals with tones", "en": "ARPAbet without stress"}


@dataclass(frozen=True, slots=True)
class Story:
    """How a model came about.

    `size_bytes` is that of the network's file; it was trained on `machine`, in `steps` of so many `clips` each;
    `callers` are clips of those who agreed that the service learns from them.
    """

    name: str
    language: str
    bands: int
    frame_ms: int
    phones: int
    size_bytes: int
    minutes: float
    machine: str
    steps: int
    clips: int
    trained_on: tuple[CorpusRecording, ...]
    callers: tuple[CorpusRecording, ...]
    noises: tuple[CorpusRecording, ...]
    synthetic: Mapping[str, int]


def card(story: Story) -> str:
    """The text of the model's README.md."""
    language = _NAMES[story.language]
    synthetic = " and ".join(f"{count} {_NAMES[name]}" for name, count in story.synthetic.items())
    return f"""\
# {story.name}: a small {language} telephone model

An acoustic model for answers on the telephone: 8 kHz, {story.bands}-band filter bank over {story.frame_ms} ms,
{story.phones} phones ({_PHONES[story.language]}); a time-delay network trained end to end with lattice-free MMI,
{story.size_bytes / 1e6:.1f} MB. Made by `python -m recognizer.training` from nothing, in {story.minutes:.0f} minutes
({story.machine}) and {story.steps} steps of {story.clips} clips, one network for all languages.

| file | what |
|---|---|
| `am/final.mdl` | transition model and network, as Vosk 0.3.45 loads them |
| `conf/` | front end and decoder settings; the endpointer is off, turn-taking decides when an answer ends |
| `phones.txt` | the phones in the order of the model |
| `phone_bigram.txt` | how likely (−ln p) one phone follows another in words and sentences; `-` begins a word |

There is no `graph/`: it is built from the phrases that are asked for (`recognizer/building.py`), so any {language}
phrase can be heard without training.

## Where it comes from
{synthetic} utterances of synthetic voices (espeak-ng, fast, slow, hesitant, with accents) and these recordings, with
other rooms, microphones, voices, noise, codecs and packet loss laid over them:

{_sources(story.trained_on)}
{_callers(story.callers)}
Noise, and rooms, which count as silence:

{_sources(story.noises)}

{_terms(story.callers)}

## How well it hears
`make eval` says; `FIGURES.md` is what it said. The model has heard all the speakers, so that others of its kind are
measured in its place: each was trained in the same way, but without a third of the speakers, and hears those.

## Limits
It has heard few real persons, most of them reading aloud and none, as far as is known, on a telephone. The trials are
by few speakers: “probably” in the tables says how little that tells about strangers. Audio must be brought to an even
level first, as `recognizer/passes.py` does.
"""


def _sources(recordings: Iterable[CorpusRecording]) -> str:
    groups: dict[tuple[str, str, str], list[CorpusRecording]] = {}
    for one in recordings:
        groups.setdefault((one.corpus, one.licence, one.source), []).append(one)
    return "\n".join(
        f"- {len(group)} of `{corpus}`, {len({one.speaker for one in group})} speaker(s): {source} ({licence})"
        for (corpus, licence, source), group in sorted(groups.items())
    )


def _callers(clips: Sequence[CorpusRecording]) -> str:
    if not clips:
        return ""
    speakers = len({clip.speaker for clip in clips})
    return f"- {len(clips)} confirmed answers of {speakers} caller(s) of the service, by their consent\n"


def _terms(callers: Sequence[CorpusRecording]) -> str:
    if callers:
        return "Callers agreed to models of the service that they called: this one is not to be passed on."
    return f"The model is shipped under {_LICENCE} with these attributions."

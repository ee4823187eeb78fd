"""The model card: what a model is, what went into it by whose leave, how well it hears. Must not know: torch."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from recognizer.training.corpus import Recording

_LICENCE: Final = "CC BY-SA 3.0"
_NAMES: Final = {"zh": "Mandarin", "en": "English"}
_PHONES: Final = {"zh": "pinyin initials, and finals with tones", "en": "ARPAbet without stress"}


_FIRST: Final = """\
- the first model of this kind, whose weights later ones began with: synthetic voices and three speakers that it kept
  no list of, among Yue Tan (Shtooka `cmn-caen-tan`, CC BY-SA 3.0), Chen Wang (CC BY-SA; both by way of
  github.com/hugolpz/audio-cmn), Davin Fifield (github.com/davinfifield/mp3-chinese-pinyin-sound, Unlicense) and Junze
  Wu (github.com/junzew/HanTTS, MIT), who is `hantts_m` among the speakers held out"""


@dataclass(frozen=True, slots=True)
class Story:
    """How a model came about.

    `figures` are tables in Markdown; `size_bytes` is that of the network's file; `callers` are clips of those who
    agreed that the service learns from them.
    """

    name: str
    language: str
    bands: int
    frame_ms: int
    phones: int
    size_bytes: int
    minutes: float
    steps: int
    started_from: str
    trained_on: tuple[Recording, ...]
    callers: tuple[Recording, ...]
    noises: tuple[Recording, ...]
    synthetic: Mapping[str, int]
    held_out: tuple[Recording, ...]
    figures: str


def card(story: Story) -> str:
    """The text of the model's README.md."""
    language = _NAMES[story.language]
    began = f" It began with the weights of {story.started_from}." if story.started_from else ""
    synthetic = " and ".join(f"{count} {_NAMES[name]}" for name, count in story.synthetic.items())
    return f"""\
# {story.name}: a small {language} telephone model

An acoustic model for answers on the telephone: 8 kHz, {story.bands}-band filter bank over {story.frame_ms} ms,
{story.phones} phones ({_PHONES[story.language]}); a time-delay network trained end to end with lattice-free MMI,
{story.size_bytes / 1e6:.1f} MB. Made by `python -m recognizer.training` in {story.minutes:.0f} minutes and
{story.steps} steps of up to two minutes of speech, one network for all languages.{began}

| file | what |
|---|---|
| `am/final.mdl` | transition model and network, as Vosk 0.3.45 loads them |
| `conf/` | front end and decoder settings; the endpointer is off, turn-taking decides when an answer ends |
| `phones.txt` | the phones in the order of the model |
| `phone_bigram.txt` | how likely (−ln p) one phone follows another in the training texts; `-` begins a word |

There is no `graph/`: it is built from the phrases that are asked for (`recognizer/building.py`), so any {language}
phrase can be heard without training.

## Where it comes from
{synthetic} utterances of synthetic voices (espeak-ng, fast, slow, hesitant, with accents) and these recordings, with
other rooms, microphones, voices, noise, codecs and packet loss laid over them:

{_sources(story.trained_on)}
{_callers(story.callers)}{_FIRST}

Noise, and rooms, which count as silence:

{_sources(story.noises)}

{_terms(story.callers)}

## How well it hears
Held out of the training: {_speakers(story.held_out)}. The figures are of the half of them that the weights of
`recognizer/confidence.py` were not chosen on, heard by the service's own way (`recognizer/evaluation/`), in per cent of
the trials. Real recordings and synthetic sounds are in tables of their own.

{story.figures}

## Limits
It has heard few real persons, most of them reading aloud and none, as far as is known, on a telephone. The trials are
few and by few speakers, one of whom the first model may have known: “probably” in the tables says how little that tells
about strangers. Audio must be brought to an even level first, as `recognizer/passes.py` does.
"""


def _sources(recordings: Iterable[Recording]) -> str:
    groups: dict[tuple[str, str, str], list[Recording]] = {}
    for one in recordings:
        groups.setdefault((one.corpus, one.licence, one.source), []).append(one)
    return "\n".join(
        f"- {len(group)} of `{corpus}`, {len({one.speaker for one in group})} speaker(s): {source} ({licence})"
        for (corpus, licence, source), group in sorted(groups.items())
    )


def _callers(clips: Sequence[Recording]) -> str:
    if not clips:
        return ""
    speakers = len({clip.speaker for clip in clips})
    return f"- {len(clips)} confirmed answers of {speakers} caller(s) of the service, by their consent\n"


def _terms(callers: Sequence[Recording]) -> str:
    if callers:
        return "Callers agreed to models of the service that they called: this one is not to be passed on."
    return f"The model is shipped under {_LICENCE} with these attributions."


def _speakers(recordings: Iterable[Recording]) -> str:
    return ", ".join(sorted({one.speaker for one in recordings}))

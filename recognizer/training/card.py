"""The model card: description, sources and their licences, accuracy. Must not know: torch."""

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
    """The facts of a training run.

    `size_bytes` is the size of the network's file; training ran on `machine` for `steps` steps of `clips` clips;
    `callers` are clips of callers who consented to training.
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
    """Return the text of the model's README.md."""
    language = _NAMES[story.language]
    synthetic = " and ".join(f"{count} {_NAMES[name]}" for name, count in story.synthetic.items())
    return f"""\
# {story.name}: a small {language} telephone model

An acoustic model for answers on the telephone: 8 kHz, {story.bands}-band filter bank over {story.frame_ms} ms,
{story.phones} phones ({_PHONES[story.language]}); a time-delay network trained end to end with lattice-free MMI,
{story.size_bytes / 1e6:.1f} MB. Trained from scratch by `python -m recognizer.training`, in {story.minutes:.0f} minutes
({story.machine}) and {story.steps} steps of {story.clips} clips, one network for all languages.

| file | content |
|---|---|
| `am/final.mdl` | transition model and network, in the format of Vosk 0.3.45 |
| `conf/` | front end and decoder settings; the endpointer is disabled, turn-taking detects the end of an answer |
| `phones.txt` | the phones in model order |
| `phone_bigram.txt` | phone bigram costs (−ln p) in words and sentences; `-` is the start of a word |

There is no `graph/`: it is built from the grammar's phrases (`recognizer/building.py`), so any {language} phrase can
be recognised without training.

## Sources
{synthetic} utterances of synthetic voices (espeak-ng, fast, slow, hesitant, with accents) and these recordings,
augmented with rooms, microphones, other voices, noise, codecs and packet loss:

{_sources(story.trained_on)}
{_callers(story.callers)}
Noise (background sound, and clips without speech) and room impulse responses (reverberation):

{_sources(story.noises)}

{_terms(story.callers)}

## Accuracy
`make eval` measures it; `FIGURES.md` is its output. The model was trained on all speakers, so fold models are measured
instead: each was trained in the same way, but without a third of the speakers, and is tested on those.

## Limitations
The model was trained on few real speakers, most of them reading aloud and none, as far as is known, on a telephone.
The trials are by few speakers: the 95 % confidence intervals (“probably” in the tables) show how little they say about
new speakers. The level of the audio must be normalised first, as `recognizer/passes.py` does.
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

"""The prompt catalog: texts and voices per language. Must not know: flows, audio, engines."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from io import StringIO
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError
from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError

from ivr.errors import Fault, FaultyFile
from ivr.prompts.render import DEFAULT_SPEED, Voice
from ivr.prompts.spoken import KINDS, TONGUES, fragments
from ivr.prompts.template import PromptTemplate, parse

CATALOG_FILE = "catalog.yaml"

CatalogName = Annotated[str, StringConstraints(pattern=r"^\w+(\.\w+)*$")]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class _Voice(_Strict):
    engine: str
    voice: str
    speed: Annotated[int, Field(ge=80, le=450)] = DEFAULT_SPEED
    pitch: Annotated[int, Field(ge=0, le=99)] = 50


class _File(_Strict):
    version: Literal[1]
    audio: str = "audio"
    languages: Annotated[list[str], Field(min_length=1)]
    voices: dict[str, Annotated[list[_Voice], Field(min_length=1)]]
    prompts: dict[CatalogName, dict[str, str]]


@dataclass(frozen=True, slots=True)
class Catalog:
    """A valid catalog. `audio` is the folder of its recordings; `voices` lists the preferred voice first."""

    folder: Path
    audio: Path
    languages: tuple[str, ...]
    voices: dict[str, tuple[Voice, ...]]
    prompts: dict[str, dict[str, PromptTemplate]]

    def wav(self, language: str, recording: str) -> Path:
        """Return the path of a recording's audio."""
        return self.audio / language / f"{recording}.wav"

    def absent(self, name: str, language: str) -> str | None:
        """Return why a prompt cannot be played in a language; None if it can."""
        templates = self.prompts.get(name)
        if templates is None:
            return f"there is no prompt {name!r} in {self.folder / CATALOG_FILE}"
        return None if language in templates else f"the prompt {name!r} has no text in {language}"

    def variables(self, name: str) -> dict[str, str]:
        """Return the variables in a prompt's text with their types; empty for an unknown prompt."""
        return {
            variable: kind
            for template in self.prompts.get(name, {}).values()
            for variable, kind in template.variables.items()
        }

    def recordings(self, language: str) -> dict[str, str]:
        """Return recording → words for a language; identical words share one recording."""
        first: dict[str, str] = {}
        for name, words in self._spoken(language):
            first.setdefault(words, name)
        return {name: words for words, name in first.items()}

    def sources(self, language: str) -> dict[str, str]:
        """Return piece or fragment → its recording."""
        recorded = {words: name for name, words in self.recordings(language).items()}
        return {name: recorded[words] for name, words in self._spoken(language)}

    def _spoken(self, language: str) -> Iterator[tuple[str, str]]:
        templates = [prompt[language] for prompt in self.prompts.values()]
        for template in templates:
            yield from ((piece.name, piece.words) for piece in template.pieces)
        for kind in sorted({kind for template in templates for kind in template.variables.values()}):
            yield from ((fragment_file(name), words) for name, words in fragments(kind, language).items())


def fragment_file(fragment: str) -> str:
    """Return the name of a fragment's recording, in a subfolder of the prompts' recordings."""
    return f"spoken/{fragment}"


def load(folder: Path) -> Catalog:
    """Load `folder/catalog.yaml`.

    Raises:
        FaultyFile: the file is missing or faulty; every fault names the file, the path in it and the reason.
    """
    file = folder / CATALOG_FILE
    raw = _read(file)
    try:
        content = _File.model_validate(raw)
    except ValidationError as error:
        faults = [Fault(str(file), ".".join(map(str, fault["loc"])), fault["msg"]) for fault in error.errors()]
        raise FaultyFile(faults) from error
    faults, prompts = _templates(file, content)
    faults += _voice_faults(file, content)
    if faults:
        raise FaultyFile(faults)
    voices = {
        language: tuple(Voice(**voice.model_dump()) for voice in listed) for language, listed in content.voices.items()
    }
    return Catalog(folder, folder / content.audio, tuple(content.languages), voices, prompts)


def _read(file: Path) -> Any:
    try:
        return YAML(typ="safe", pure=True).load(StringIO(file.read_text(encoding="utf-8")))
    except (OSError, UnicodeDecodeError) as error:
        raise FaultyFile([Fault(str(file), "", f"it cannot be read: {error}")]) from error
    except MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 0
        reason = f"it is not valid YAML: {error.problem or error.context}"
        raise FaultyFile([Fault(str(file), "", reason, line)]) from error


def _voice_faults(file: Path, content: _File) -> list[Fault]:
    faults = [
        Fault(str(file), "languages", f"{language} is not supported; supported languages: {', '.join(TONGUES)}")
        for language in content.languages
        if language not in TONGUES
    ]
    return faults + [
        Fault(str(file), "voices", f"there is no voice for {language}")
        for language in content.languages
        if language not in content.voices
    ]


def _templates(file: Path, content: _File) -> tuple[list[Fault], dict[str, dict[str, PromptTemplate]]]:
    faults: list[Fault] = []
    prompts: dict[str, dict[str, PromptTemplate]] = {}
    for name, texts in content.prompts.items():
        at = f"prompts.{name}"
        missing = [language for language in content.languages if language not in texts]
        unknown = [language for language in texts if language not in content.languages]
        faults += [Fault(str(file), at, f"it has no text in {language}") for language in missing]
        faults += [Fault(str(file), f"{at}.{language}", "this language is not in `languages`") for language in unknown]
        prompts[name] = {}
        for language, text in texts.items():
            try:
                prompts[name][language] = parse(name, text)
            except ValueError as error:
                faults.append(Fault(str(file), f"{at}.{language}", str(error)))
        faults += _variable_faults(file, at, prompts[name])
    return faults, prompts


def _variable_faults(file: Path, at: str, templates: dict[str, PromptTemplate]) -> list[Fault]:
    faults = [
        Fault(str(file), f"{at}.{language}", _unknown_kind(variable, kind))
        for language, template in templates.items()
        for variable, kind in template.variables.items()
        if kind not in KINDS
    ]
    faults += [
        Fault(str(file), f"{at}.{language}", "`said` and type `recording` only go together: {said:recording}")
        for language, template in templates.items()
        for variable, kind in template.variables.items()
        if (variable == "said") != (kind == "recording")
    ]
    if len({tuple(sorted(template.variables.items())) for template in templates.values()}) > 1:
        faults.append(Fault(str(file), at, "its variables differ between languages"))
    return faults


def _unknown_kind(variable: str, kind: str) -> str:
    if kind in ("name", "text"):
        return f"{{{variable}:{kind}}} is free text, which cannot be recorded; write the words into the text instead"
    return f"{{{variable}:{kind}}} has an unknown type; use one of {', '.join(KINDS)}"

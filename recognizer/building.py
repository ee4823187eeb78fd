"""Builder of Vosk model folders from an acoustic model and phrases, with a cache on disk.

Must not know: grammars, flows, how Vosk loads a model.
"""

from __future__ import annotations

import hashlib
import shutil
import tempfile
from collections.abc import Iterable
from pathlib import Path
from typing import Final

from recognizer.graph import Lexicon, write_graph
from recognizer.phones import Phones
from recognizer.pronounce import language as language_of

_LAYOUT: Final = "1"
"""Version of the graph layout, part of the cache key: raise it whenever graphs are built differently."""


class OtherLanguage(ValueError):
    """A model is configured for a language that it was not trained for."""


def build_model(language: str, acoustic: Path, phrases: Iterable[str], cache: Path, *, lattice_beam: float) -> Path:
    """Return the folder of a Vosk model with each phrase as one word; build it under `cache` unless it exists.

    `acoustic` is a folder with am/, conf/, phones.txt and phone_bigram.txt. `lattice_beam` is the pruning beam: the
    largest difference in log likelihood between the best path and an alternative that is kept. The folder is renamed
    into place atomically, so several processes may build the same model at once.

    Raises:
        Unpronounceable: a phrase cannot be pronounced.
        OtherLanguage: the model lacks phones of the language.
    """
    phones = Phones.of(acoustic)
    known = language_of(language)
    pronounce = known.toned if phones.toned else known.plain
    lexicon = {phrase: pronounce(phrase) for phrase in sorted(set(phrases))}
    if missing := {name for rows in lexicon.values() for row in rows for name in row}.difference(phones.names):
        names = ", ".join(sorted(missing))
        raise OtherLanguage(f"{acoustic}: not a model of {language}: it lacks the phones {names}; use another folder")
    built = cache / f"{acoustic.name}-{_fingerprint(acoustic, lexicon, lattice_beam)}"
    if built.is_dir():
        return built
    cache.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=cache, prefix=".building-") as scratch:
        folder = Path(scratch) / built.name
        folder.mkdir()
        (folder / "am").symlink_to((acoustic / "am").resolve(), target_is_directory=True)
        shutil.copytree(acoustic / "conf", folder / "conf")
        with (folder / "conf" / "model.conf").open("a") as conf:
            conf.write(f"--lattice-beam={lattice_beam}\n")
        write_graph(folder / "graph", lexicon, phones)
        try:
            folder.rename(built)
        except OSError:
            if not built.is_dir():
                raise
    return built


def _fingerprint(acoustic: Path, lexicon: Lexicon, lattice_beam: float) -> str:
    digest = hashlib.sha256(f"{_LAYOUT} {lattice_beam}".encode())
    for file in sorted(path for path in acoustic.rglob("*") if path.is_file() and path.suffix != ".md"):
        digest.update(file.relative_to(acoustic).as_posix().encode())
        digest.update(file.read_bytes())
    for word, spoken in lexicon.items():
        digest.update(word.encode() + b"\n" + repr(spoken).encode())
    return digest.hexdigest()[:16]

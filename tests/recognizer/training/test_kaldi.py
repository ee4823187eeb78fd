"""A model with random weights, written and then loaded by the real Vosk."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason='torch is not installed: pip install ".[training]"')
import vosk  # noqa: E402

from recognizer.building import build_model  # noqa: E402
from recognizer.lexicon import toned  # noqa: E402
from recognizer.training.export import export  # noqa: E402
from recognizer.training.features import Fbank, FrontEnd  # noqa: E402
from recognizer.training.inventory import NUMBER, phones_of  # noqa: E402
from recognizer.training.kaldi import read_layers  # noqa: E402
from recognizer.training.network import AcousticNetwork  # noqa: E402
from recognizer.training.phone_lm import PhoneLM  # noqa: E402

Babble = Callable[[float], np.ndarray]
HALF = math.log(2.0)


def decoded(model: Path, grammar: list[str], samples: np.ndarray) -> dict[str, object]:
    decoder = vosk.KaldiRecognizer(vosk.Model(str(model)), 8000, json.dumps(grammar, ensure_ascii=False))
    decoder.SetMaxAlternatives(1)
    decoder.SetWords(True)
    decoder.AcceptWaveform(samples.tobytes())
    best: dict[str, object] = json.loads(decoder.FinalResult())["alternatives"][0]
    return best


def test_vosk_loads_a_written_model_and_decodes_with_a_grammar(exported: Path, tmp_path: Path, babble: Babble) -> None:
    model = build_model("zh-CN", exported, ["满意", "不满意"], tmp_path / "cache", lattice_beam=4)
    best = decoded(model, ["满意"], babble(1.5))
    assert set(str(best["text"]).split()) <= {"满意"}


def test_a_new_answer_needs_only_a_new_graph(exported: Path, tmp_path: Path, babble: Babble) -> None:
    for phrase in ("香蕉", "退货"):
        model = build_model("zh-CN", exported, [phrase], tmp_path / "cache", lattice_beam=4)
        assert vosk.Model(str(model)).vosk_model_find_word(phrase) >= 0


def test_the_score_of_a_path_equals_that_of_the_network_in_torch(
    exported: Path, network: AcousticNetwork, tmp_path: Path, babble: Babble
) -> None:
    """Features, network and graph agree to 2e-3; the cost of the grammar is the same for all audio."""
    model = build_model("zh-CN", exported, ["八分"], tmp_path / "cache", lattice_beam=4)
    grammar_costs = []
    for seconds in (0.5, 0.7, 0.9, 1.1):
        samples = babble(seconds)
        best = decoded(model, ["八分"], samples)
        assert best["text"] == "八分"
        with torch.no_grad():
            outputs, _ = network(Fbank(FrontEnd())(torch.from_numpy(samples.astype(np.float32))[None]))
        likeliest = max(_best_path(outputs[0].numpy(), row) for row in toned("八分"))
        grammar_costs.append(likeliest - float(str(best["confidence"])))
    assert max(grammar_costs) - min(grammar_costs) < 2e-3, grammar_costs
    assert 0 < grammar_costs[0] < 5


def test_layers_are_read_back_as_written(exported: Path, network: AcousticNetwork) -> None:
    *inner, _ = network.kaldi_layers()
    *written, _ = read_layers(exported / "am" / "final.mdl")
    for layer, (weights, bias) in zip(inner, written, strict=True):
        assert np.allclose(layer.weights, weights, rtol=1e-6)
        assert np.allclose(layer.bias, bias, rtol=1e-6)


@pytest.mark.parametrize("language", ["zh", "en"])
def test_a_model_has_outputs_for_the_phones_of_its_language_only(
    language: str, network: AcousticNetwork, lm: PhoneLM, tmp_path: Path
) -> None:
    export(network.kaldi_layers(), FrontEnd(), lm, language, tmp_path)
    names = (tmp_path / "phones.txt").read_text().split()
    assert names == list(phones_of(language))
    everything = network.kaldi_layers()[-1]
    *_, (weights, bias) = read_layers(tmp_path / "am" / "final.mdl")
    for place, name in enumerate(names):
        for part in (0, 1):
            assert np.allclose(weights[2 * place + part], everything.weights[2 * NUMBER[name] + part], rtol=1e-6)
            assert bias[2 * place + part] == pytest.approx(everything.bias[2 * NUMBER[name] + part], rel=1e-6)


def _best_path(outputs: np.ndarray, word: tuple[str, ...]) -> float:
    """The likeliest path of silence, the word once, and silence, by a frame-by-frame search over all states.

    Every transition has a probability of one half in the graph; Vosk scales that cost by 0.9 in its scores.
    """
    phones = [NUMBER["SIL"], *(NUMBER[name] for name in word), NUMBER["SIL"]]
    never = (-np.inf, 0)
    paths: list[tuple[float, int]] = [never] * len(phones)
    before, after = (0.0, 0), never

    def on(path: tuple[float, int], gain: float = 0.0) -> tuple[float, int]:
        return path[0] - HALF + gain, path[1] + 1

    for frame in outputs:
        entered = [before, before, *paths[1:-2], after]
        paths = [
            max(on(come, float(frame[2 * phone])), on(stayed, float(frame[2 * phone + 1])))
            for come, stayed, phone in zip(entered, paths, phones, strict=True)
        ]
        before, after = on(paths[0]), max(on(paths[-2]), on(paths[-1]))
    score, transitions = after
    return score + 0.1 * HALF * transitions

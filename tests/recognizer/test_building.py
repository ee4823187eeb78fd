import threading
import time
from pathlib import Path

import pytest
from pypinyin.phrases_dict import phrases_dict

from recognizer.building import build_model
from recognizer.lexicon import Unpronounceable
from recognizer.vosk import SHIPPED

MODEL = SHIPPED["zh-CN"]


def test_a_model_is_built_once_for_the_same_phrases(tmp_path: Path) -> None:
    first = build_model("zh-CN", MODEL, ["满意", "不满意"], tmp_path, lattice_beam=4)
    made = (first / "graph" / "HCLr.fst").stat().st_mtime_ns
    assert build_model("zh-CN", MODEL, ["不满意", "满意", "满意"], tmp_path, lattice_beam=4) == first
    assert (first / "graph" / "HCLr.fst").stat().st_mtime_ns == made


def test_other_phrases_make_another_model(tmp_path: Path) -> None:
    assert build_model("zh-CN", MODEL, ["满意"], tmp_path, lattice_beam=4) != build_model(
        "zh-CN", MODEL, ["不满意"], tmp_path, lattice_beam=4
    )
    assert len(list(tmp_path.iterdir())) == 2


def test_a_model_has_all_that_vosk_reads(tmp_path: Path) -> None:
    folder = build_model("zh-CN", MODEL, ["满意"], tmp_path, lattice_beam=4)
    files = {path.relative_to(folder).as_posix() for path in folder.rglob("*")}
    assert {"am", "conf/model.conf", "conf/fbank.conf", "graph/HCLr.fst", "graph/Gr.fst", "graph/words.txt"} <= files
    assert {"graph/disambig_tid.int", "graph/phones/word_boundary.int"} <= files
    assert (folder / "graph" / "words.txt").read_text(encoding="utf-8") == "<eps> 0\n满意 1\n[unk] 2\n"


def test_concurrent_builds_of_the_same_model_agree(tmp_path: Path) -> None:
    built: list[Path] = []

    def build() -> None:
        built.append(build_model("zh-CN", MODEL, ["满意"], tmp_path, lattice_beam=4))

    threads = [threading.Thread(target=build) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(built) == 8
    assert [path.name for path in tmp_path.iterdir()] == [built[0].name]


def test_a_failed_build_leaves_nothing_behind(tmp_path: Path) -> None:
    with pytest.raises(Unpronounceable):
        build_model("zh-CN", MODEL, ["满意", "8"], tmp_path, lattice_beam=4)
    assert list(tmp_path.iterdir()) == []


def test_a_thousand_phrases_can_be_built(tmp_path: Path) -> None:
    begun = time.process_time()
    build_model("zh-CN", MODEL, list(phrases_dict)[:1000], tmp_path, lattice_beam=4)
    assert time.process_time() - begun < 3

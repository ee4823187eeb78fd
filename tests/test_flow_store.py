"""The flows in force: a good file replaces them, a faulty one never does."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from pathlib import Path

import pytest

from ivr.errors import FaultyFile
from ivr.flow_store import FlowStore, load_flows, phrases
from ivr.prompts.catalog import Catalog, load
from recognizer.grammar import unpronounceable
from recognizer.scripted import ScriptedRecognizer

ROOT = Path(__file__).parents[1]
SHIPPED = (ROOT / "callflows.yaml").read_text(encoding="utf-8")


class PronouncingRecognizer(ScriptedRecognizer):
    """Accepts every pronounceable phrase, like the shipped models."""

    def unheard(self, language: str, phrases: Sequence[str]) -> dict[str, str]:
        return unpronounceable(language, phrases)


class LearningRecognizer(ScriptedRecognizer):
    """Records the phrases that it learns."""

    def __init__(self) -> None:
        super().__init__(languages=["zh-CN"])
        self.learnt: set[str] = set()

    def learn(self, language: str, phrases: Sequence[str]) -> None:
        assert language == "zh-CN"
        self.learnt |= set(phrases)


@pytest.fixture(scope="module")
def catalog() -> Catalog:
    return load(ROOT / "prompts")


@pytest.fixture
def file(tmp_path: Path) -> Path:
    file = tmp_path / "callflows.yaml"
    file.write_text(SHIPPED, encoding="utf-8")
    return file


def change(file: Path, old: str, new: str) -> None:
    source = file.read_text(encoding="utf-8")
    assert old in source
    file.write_text(source.replace(old, new, 1), encoding="utf-8")


def test_every_possible_phrase_is_learnt(file: Path, catalog: Catalog) -> None:
    recognizer = LearningRecognizer()
    FlowStore(file, catalog, recognizer)
    assert {"解决了", "八分", "转人工", "没有意见", "明天", "对", "不对"} <= recognizer.learnt
    assert not {"fixed", "operator"} & recognizer.learnt


@pytest.mark.parametrize("language", ["zh-CN", "en-US"])
def test_every_possible_phrase_can_be_pronounced(file: Path, catalog: Catalog, language: str) -> None:
    said = phrases(load_flows(file, catalog, PronouncingRecognizer()).flows, language)
    assert len(said) > 300
    assert unpronounceable(language, sorted(said)) == {}


@pytest.mark.parametrize(
    ("old", "new", "reason"),
    [
        ("very good", "10 points", '“10 points” cannot be recognised: "10" is not an English word; say "ten points"'),
        ("not good", "blorgish", '“blorgish” cannot be recognised: "blorgish" is not in the dictionary'),
        ("not good", "grate", "“grate” (dissatisfied) and “great” (satisfied) sound alike in en-US"),
    ],
)
def test_unpronounceable_or_ambiguous_english_is_named(
    file: Path, catalog: Catalog, old: str, new: str, reason: str
) -> None:
    change(file, old, new)
    with pytest.raises(FaultyFile) as faulty:
        load_flows(file, catalog, PronouncingRecognizer())
    assert reason in str(faulty.value)


def test_a_good_file_replaces_the_flows(file: Path, catalog: Catalog) -> None:
    recognizer = LearningRecognizer()
    flow_store = FlowStore(file, catalog, recognizer)
    old = flow_store.current
    change(file, "[方便, 方便的", "[方便, 有空, 方便的")
    assert flow_store.reload()
    assert flow_store.current.version != old.version
    assert "有空" in recognizer.learnt
    assert old.flows.flows["survey"].nodes.keys() == flow_store.current.flows.flows["survey"].nodes.keys()


@pytest.mark.parametrize(
    ("old", "new", "reason"),
    [
        ("start: notice", "start: nowhere", "survey.start: unknown node “nowhere”"),
        ("version: 1", "version: [", "callflows.yaml:6: expected"),
        ("prompt: survey.closing", "prompt: survey.gone", "there is no prompt 'survey.gone'"),
    ],
)
def test_a_faulty_file_keeps_the_flows_and_learns_nothing(
    file: Path, catalog: Catalog, caplog: pytest.LogCaptureFixture, old: str, new: str, reason: str
) -> None:
    recognizer = LearningRecognizer()
    flow_store = FlowStore(file, catalog, recognizer)
    before, learnt = flow_store.current, set(recognizer.learnt)
    change(file, "[方便, 方便的", "[方便, 有空, 方便的")
    change(file, old, new)
    with caplog.at_level(logging.ERROR):
        assert not flow_store.reload()
    assert flow_store.current is before
    assert recognizer.learnt == learnt
    assert reason in caplog.text and before.version in caplog.text


def test_a_deleted_file_keeps_the_flows(file: Path, catalog: Catalog) -> None:
    flow_store = FlowStore(file, catalog, LearningRecognizer())
    before = flow_store.current
    file.unlink()
    assert not flow_store.reload()
    assert flow_store.current is before


def test_a_store_does_not_open_with_a_faulty_file(file: Path, catalog: Catalog) -> None:
    change(file, "start: notice", "start: nowhere")
    with pytest.raises(FaultyFile) as caught:
        FlowStore(file, catalog, LearningRecognizer())
    assert [(fault.path, fault.reason) for fault in caught.value.faults] == [("survey.start", "unknown node “nowhere”")]


def test_faults_of_the_form_the_contents_and_the_site_are_named_at_once(file: Path, catalog: Catalog) -> None:
    change(file, "version: 1", "version: 2")
    change(file, "next: attitude\n", "next: atitude\n")
    with pytest.raises(FaultyFile) as caught:
        FlowStore(file, catalog, LearningRecognizer(), lines=[("delivery", "zh-CN")], targets=["hotline", "desk"])
    lines = file.read_text(encoding="utf-8").splitlines()
    assert [(lines[fault.line - 1].strip(), fault.path) for fault in caught.value.faults] == [
        ("version: 2", "version"),
        ("flows:", "flows"),
        ("next: atitude", "survey.resolved.next"),
    ]


def test_flows_that_do_not_fit_the_telephone_lines_are_refused(file: Path, catalog: Catalog) -> None:
    lines = [("survey", "zh-CN"), ("delivery", "zh-CN")]
    with pytest.raises(FaultyFile) as caught:
        FlowStore(file, catalog, LearningRecognizer(), lines=lines, targets=["reception"])
    no_target = "“hotline” is not a transfer target of the site file; its targets: reception"
    transfers = [
        "complaint.complaint_untold",
        "complaint.put_through",
        "hotline.to_person",
        "repair.repair_to_person",
        "survey.to_agent",
        "verify.verify_to_person",
    ]
    assert {(fault.path, fault.reason) for fault in caught.value.faults} == {
        ("flows", "a telephone line uses flow “delivery” in zh-CN, which does not exist"),
        *((f"{transfer}.target", no_target) for transfer in transfers),
    }
    flow_store = FlowStore(file, catalog, LearningRecognizer(), lines=lines[:1], targets=["hotline"])
    assert flow_store.has("survey", "zh-CN") and not flow_store.has("delivery", "zh-CN")

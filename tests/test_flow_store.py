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


class Reader(ScriptedRecognizer):
    """Hears whatever can be pronounced, as the models that ship do."""

    def unheard(self, language: str, phrases: Sequence[str]) -> dict[str, str]:
        return unpronounceable(language, phrases)


class Pupil(ScriptedRecognizer):
    """Remembers what it was taught."""

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


def test_everything_that_may_be_said_is_taught(file: Path, catalog: Catalog) -> None:
    pupil = Pupil()
    FlowStore(file, catalog, pupil)
    assert {"解决了", "八分", "转人工", "没有意见", "明天", "对", "不对"} <= pupil.learnt
    assert not {"fixed", "operator"} & pupil.learnt


@pytest.mark.parametrize("language", ["zh-CN", "en-US"])
def test_all_that_callers_may_say_can_be_pronounced(file: Path, catalog: Catalog, language: str) -> None:
    said = phrases(load_flows(file, catalog, Reader()).flows, language)
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
def test_english_that_cannot_be_told_is_named(file: Path, catalog: Catalog, old: str, new: str, reason: str) -> None:
    change(file, old, new)
    with pytest.raises(FaultyFile) as faulty:
        load_flows(file, catalog, Reader())
    assert reason in str(faulty.value)


def test_a_good_file_replaces_the_book(file: Path, catalog: Catalog) -> None:
    pupil = Pupil()
    flow_store = FlowStore(file, catalog, pupil)
    old = flow_store.current
    change(file, "[方便, 方便的", "[方便, 有空, 方便的")
    assert flow_store.reload()
    assert flow_store.current.version != old.version
    assert "有空" in pupil.learnt
    assert old.flows.flows["survey"].nodes.keys() == flow_store.current.flows.flows["survey"].nodes.keys()


@pytest.mark.parametrize(
    ("old", "new", "reason"),
    [
        ("start: notice", "start: nowhere", "survey.start: unknown node “nowhere”"),
        ("version: 1", "version: [", "callflows.yaml:6: expected"),
        ("prompt: survey.closing", "prompt: survey.gone", "there is no prompt 'survey.gone'"),
    ],
)
def test_a_faulty_file_leaves_the_book_and_teaches_nothing(
    file: Path, catalog: Catalog, caplog: pytest.LogCaptureFixture, old: str, new: str, reason: str
) -> None:
    pupil = Pupil()
    flow_store = FlowStore(file, catalog, pupil)
    before, learnt = flow_store.current, set(pupil.learnt)
    change(file, "[方便, 方便的", "[方便, 有空, 方便的")
    change(file, old, new)
    with caplog.at_level(logging.ERROR):
        assert not flow_store.reload()
    assert flow_store.current is before
    assert pupil.learnt == learnt
    assert reason in caplog.text and before.version in caplog.text


def test_a_file_that_has_gone_leaves_the_book(file: Path, catalog: Catalog) -> None:
    flow_store = FlowStore(file, catalog, Pupil())
    before = flow_store.current
    file.unlink()
    assert not flow_store.reload()
    assert flow_store.current is before


def test_nothing_begins_with_a_faulty_file(file: Path, catalog: Catalog) -> None:
    change(file, "start: notice", "start: nowhere")
    with pytest.raises(FaultyFile) as caught:
        FlowStore(file, catalog, Pupil())
    assert [(fault.path, fault.reason) for fault in caught.value.faults] == [("survey.start", "unknown node “nowhere”")]


def test_faults_of_the_form_the_contents_and_the_site_are_named_at_once(file: Path, catalog: Catalog) -> None:
    change(file, "version: 1", "version: 2")
    change(file, "next: attitude\n", "next: atitude\n")
    with pytest.raises(FaultyFile) as caught:
        FlowStore(file, catalog, Pupil(), lines=[("delivery", "zh-CN")], targets=["hotline", "desk"])
    lines = file.read_text(encoding="utf-8").splitlines()
    assert [(lines[fault.line - 1].strip(), fault.path) for fault in caught.value.faults] == [
        ("version: 2", "version"),
        ("flows:", "flows"),
        ("next: atitude", "survey.resolved.next"),
    ]


def test_flows_that_do_not_fit_the_telephone_lines_are_refused(file: Path, catalog: Catalog) -> None:
    lines = [("survey", "zh-CN"), ("delivery", "zh-CN")]
    with pytest.raises(FaultyFile) as caught:
        FlowStore(file, catalog, Pupil(), lines=lines, targets=["reception"])
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
    flow_store = FlowStore(file, catalog, Pupil(), lines=lines[:1], targets=["hotline"])
    assert flow_store.has("survey", "zh-CN") and not flow_store.has("delivery", "zh-CN")

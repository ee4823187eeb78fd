from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from ivr.errors import FaultyFile
from ivr.prompts.catalog import load

HUM = [{"engine": "tone", "voice": "a"}]


def test_a_prompt_with_variables_is_recorded_in_pieces(make_catalog: Callable[..., Path]) -> None:
    catalog = load(make_catalog(prompts={"call": {"zh-CN": "请拨打{line:digits}，谢谢。"}}))
    recordings = catalog.recordings("zh-CN")
    assert recordings["call-1"] == "请拨打,"
    assert recordings["call-2"] == "谢谢。"
    assert recordings["spoken/digit-1"] == "幺"


def test_only_fragments_of_used_types_are_recorded(make_catalog: Callable[..., Path]) -> None:
    names = load(make_catalog()).recordings("zh-CN")
    assert [name for name in names if name.startswith("spoken/")] == [f"spoken/score-{score}" for score in range(11)]


def test_the_same_words_are_recorded_once(make_catalog: Callable[..., Path]) -> None:
    catalog = load(make_catalog(prompts={"first": {"zh-CN": "再见。"}, "second": {"zh-CN": "再见。"}}))
    assert catalog.recordings("zh-CN") == {"first": "再见。"}
    assert catalog.sources("zh-CN") == {"first": "first", "second": "first"}


def test_the_catalog_lists_its_prompts_and_their_variables(make_catalog: Callable[..., Path]) -> None:
    catalog = load(make_catalog())
    assert catalog.absent("confirm", "zh-CN") is None
    assert catalog.absent("confirm", "en-US") == "the prompt 'confirm' has no text in en-US"
    assert "there is no prompt 'bye' in " in str(catalog.absent("bye", "zh-CN"))
    assert catalog.variables("confirm") == {"value": "score"}
    assert catalog.variables("bye") == {}


@pytest.mark.parametrize(
    ("changes", "path", "reason"),
    [
        ({"version": 2}, "version", "Input should be 1"),
        ({"colour": "red"}, "colour", "Extra inputs are not permitted"),
        ({"prompts": None}, "prompts", "Field required"),
        ({"languages": []}, "languages", "at least 1 item"),
        ({"languages": ["tlh"], "prompts": {}, "voices": {"tlh": HUM}}, "languages", "tlh is not supported"),
        ({"voices": {}}, "voices", "there is no voice for zh-CN"),
        ({"voices": {"zh-CN": [{"engine": "tone", "voice": "a", "pitch": 200}]}}, "voices.zh-CN.0.pitch", "less than"),
        ({"prompts": {"a b": {"zh-CN": "好"}}}, "prompts.a b.[key]", "String should match pattern"),
        ({"prompts": {"a": {}}}, "prompts.a", "it has no text in zh-CN"),
        ({"prompts": {"a": {"zh-CN": "好", "en-US": "ok"}}}, "prompts.a.en-US", "this language is not in `languages`"),
        ({"prompts": {"a": {"zh-CN": "，"}}}, "prompts.a.zh-CN", "it has no words to speak"),
        ({"prompts": {"a": {"zh-CN": "好{value}"}}}, "prompts.a.zh-CN", "'{' is not part of a variable"),
        (
            {"prompts": {"a": {"zh-CN": "好{x:colour}"}}},
            "prompts.a.zh-CN",
            "{x:colour} has an unknown type; use",
        ),
        (
            {"prompts": {"a": {"zh-CN": "您说{what:recording}"}}},
            "prompts.a.zh-CN",
            "`said` and type `recording` only go together",
        ),
        (
            {"prompts": {"a": {"zh-CN": "{who:name}您好"}}},
            "prompts.a.zh-CN",
            "{who:name} is free text, which",
        ),
        (
            {
                "languages": ["zh-CN", "en-US"],
                "voices": {"zh-CN": HUM, "en-US": HUM},
                "prompts": {"a": {"zh-CN": "{x:score}", "en-US": "{x:number}"}},
            },
            "prompts.a",
            "its variables differ between languages",
        ),
    ],
)
def test_a_faulty_catalog_is_refused_with_file_path_and_reason(
    make_catalog: Callable[..., Path], changes: dict[str, object], path: str, reason: str
) -> None:
    folder = make_catalog(**changes)
    with pytest.raises(FaultyFile) as refused:
        load(folder)
    [fault] = refused.value.faults
    assert (fault.file, fault.path) == (str(folder / "catalog.yaml"), path)
    assert reason in fault.reason


def test_all_faults_are_reported_at_once(make_catalog: Callable[..., Path]) -> None:
    folder = make_catalog(prompts={"a": {"zh-CN": "{"}, "b": {}}, voices={})
    with pytest.raises(FaultyFile) as refused:
        load(folder)
    assert {fault.path for fault in refused.value.faults} == {"prompts.a.zh-CN", "prompts.b", "voices"}


@pytest.mark.parametrize(
    ("text", "line", "reason"),
    [
        ("version: 1\nversion: 1\n", 2, "duplicate key"),
        ("prompts: [\n", 2, "it is not valid YAML"),
        ("", 0, "Input should be"),
    ],
)
def test_a_file_that_is_no_catalog_is_refused(tmp_path: Path, text: str, line: int, reason: str) -> None:
    (tmp_path / "catalog.yaml").write_text(text, encoding="utf-8")
    with pytest.raises(FaultyFile) as refused:
        load(tmp_path)
    assert refused.value.faults[0].line == line
    assert reason in refused.value.faults[0].reason


def test_a_missing_catalog_is_refused(tmp_path: Path) -> None:
    with pytest.raises(FaultyFile, match="it cannot be read"):
        load(tmp_path)

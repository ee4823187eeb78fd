"""YAML files are read to the end: every fault with the line and the path where it is, whatever they contain."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, ConfigDict

from ivr.document import parse, read
from ivr.errors import FaultyFile


class Shop(BaseModel):
    model_config = ConfigDict(extra="forbid")
    name: str
    prices: dict[str, int] = {}
    days: list[str] = []


SOURCE = """name: 好店
prices:
  tea: 3
  rice: 5
days:
  - monday
  - friday
"""


def faults(source: str) -> list[str]:
    with pytest.raises(FaultyFile) as faulty:
        parse(Shop, source, "shop.yaml")
    return [str(fault) for fault in faulty.value.faults]


def test_a_good_file_has_a_line_for_every_part() -> None:
    assert parse(Shop, SOURCE, "shop.yaml") == Shop(
        name="好店", prices={"tea": 3, "rice": 5}, days=["monday", "friday"]
    )
    document = read(SOURCE, "shop.yaml")
    assert (document.line(["prices"]), document.line(["prices", "rice"])) == (2, 4)
    assert document.line(["days", 1]) == document.line(["days", "2"]) == 7
    assert document.line(["prices", "salt"]) == 2
    assert document.line([]) == document.line(["salt"]) == 0


def test_omitted_keys_may_be_skipped() -> None:
    document = read("shops:\n  north:\n    prices:\n      tea: 2\n  shops: 1\nnorth: 3\n", "shop.yaml")
    assert document.line(["north", "tea"], ["shops", "prices"]) == 4
    assert document.line(["north", "salt"], ["shops", "prices"]) == 6
    assert document.line(["north", "tea"]) == 6


def test_every_fault_has_its_line() -> None:
    source = SOURCE.replace("tea: 3", "tea: cheap").replace("friday", "5") + "colour: red\nname: 坏店\n"
    assert faults(source) == [
        "shop.yaml:3: prices.tea: input should be a valid integer, unable to parse string as an integer",
        "shop.yaml:7: days.1: input should be a valid string",
        "shop.yaml:8: colour: unknown field",
        "shop.yaml:9: name: duplicate key; the first is on line 1",
    ]


def test_a_missing_field_is_reported() -> None:
    assert faults("prices: {}\n") == ["shop.yaml: “name” is missing"]


@pytest.mark.parametrize(
    ("source", "reason"),
    [
        ("name: [", "shop.yaml:1: expected the node content, but found '<stream end>'"),
        ("name: *x", "shop.yaml:1: found undefined alias 'x'"),
        ("name: a\n\x01", "shop.yaml: not YAML: unacceptable character #x0001: special characters are not allowed"),
        ("days: &days [*days]\nname: a", "shop.yaml:1: days.0: it contains itself"),
        ("prices: {2026-13-01: 5}", "shop.yaml:1: prices: “2026-13-01” cannot be read: month must be in 1..12"),
        ("name: =", "shop.yaml:1: name: could not determine a constructor for the tag 'tag:yaml.org,2002:value'"),
        ("name: a\ndays: !!set {a, b}", "shop.yaml:2: days: the tag tag:yaml.org,2002:set is not supported"),
        ("name: a\nprices: {? [b] : 5}", "shop.yaml:2: prices: a list or a mapping cannot be a key"),
        ("name: a\nprices: {<<: 5}", "shop.yaml:2: prices: “<<” merges mappings only"),
    ],
)
def test_unreadable_parts_are_named(source: str, reason: str) -> None:
    assert any(fault.startswith(reason) for fault in faults(source))


def test_merged_keys_count() -> None:
    assert parse(Shop, "{days: [c], <<: [{name: a, days: [b]}, {name: b}]}", "shop.yaml") == Shop(name="a", days=["c"])


@given(st.text(alphabet="ab:-,[]{}&*!?|>'\"%#<= \n0123456789.~\\TZ", max_size=60))
def test_any_text_is_read_or_refused(source: str) -> None:
    try:
        document = read(source, "any.yaml")
    except FaultyFile:
        return
    assert all(fault.line for fault in document.faults)

"""Each kind of variable: what it takes, in which form it keeps it, and the reason when it refuses."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime
from io import StringIO
from typing import Any, get_args

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import TypeAdapter
from ruamel.yaml import YAML

from ivr.events import Value
from ivr.flow.kinds import (
    KIND_NAMES,
    MAX_SPOKEN_NUMBER,
    MAX_SPOKEN_SCORE,
    ChoiceVariable,
    DigitsVariable,
    FlagVariable,
    NumberVariable,
    PhoneVariable,
    TextVariable,
    UntypedVariable,
    Variable,
    VariableBase,
)
from ivr.prompts import spoken
from tests.flow.test_check import changed, located
from tests.spellings import COMPANY, COMPANYS, PERSON, PERSONS

VARIABLE: TypeAdapter[Variable] = TypeAdapter(Variable)
NOON = datetime(2026, 11, 19, 12, 0, tzinfo=UTC)
FLAG = FlagVariable(type="flag")
NUMBER = NumberVariable(type="number")
PHONE = PhoneVariable(type="phone")
DIGITS = DigitsVariable(type="digits")
TEXT = TextVariable(type="text")
COLOUR = ChoiceVariable(type="choice", values=("red", "no", "浅蓝"))


def refusal(variable: VariableBase, value: object) -> str:
    with pytest.raises(ValueError) as refused:
        variable.read(value)
    return str(refused.value)


@pytest.mark.parametrize(
    ("variable", "value", "kept"),
    [
        (FLAG, True, True),
        (FLAG, False, False),
        (FLAG, "true", True),
        (FLAG, " FALSE ", False),
        (NUMBER, 0, 0),
        (NUMBER, 9999, 9999),
        (NUMBER, "12", 12),
        (NUMBER, "+007", 7),
        (NumberVariable(type="number", low=-20, high=10**6), "-20", -20),
        (PHONE, "6789100", "6789100"),
        (PHONE, "6789-100", "6789100"),
        (PHONE, "02466778", "02466778"),
        (PHONE, "110", "110"),
        (PHONE, "95500", "95500"),
        *((PHONE, text, PERSON) for text in PERSONS),
        *((PHONE, text, COMPANY) for text in COMPANYS),
        (PHONE, "(024) 6677 8899", "+862466778899"),
        (PHONE, "+86 24 6677 8899", "+862466778899"),
        (PHONE, "400-678-9100", "+864006789100"),
        (PHONE, "0049 30 123456", "+4930123456"),
        (PHONE, "+12025550123", "+12025550123"),
        (PHONE, "024-66778899 ext. 12", "+862466778899;ext=12"),
        (PHONE, "024-66778899转12", "+862466778899;ext=12"),
        (DIGITS, "0042", "0042"),
        (DIGITS, "2026 1118-0007", "202611180007"),
        (DIGITS, "００４２", "0042"),
        (TEXT, "  张三 ", "张三"),
        (TEXT, "false", "false"),
        (TEXT, "", ""),
        (COLOUR, "red", "red"),
        (COLOUR, " 浅蓝", "浅蓝"),
        (COLOUR, "no", "no"),
    ],
)
def test_a_value_is_kept_in_its_canonical_form(variable: VariableBase, value: object, kept: Value) -> None:
    read = variable.read(value)
    assert (read, type(read)) == (kept, type(kept))
    assert variable.read(kept) == kept


IN_QUOTES = "must be text: put it in quotes, because a number loses its leading zeros and its plus"
NO_FLAG = "must be true or false; yes, no, on, off, 1 and 0 are not accepted"


@pytest.mark.parametrize(
    ("variable", "value", "reason"),
    [
        *((FLAG, value, NO_FLAG) for value in ("no", "yes", "on", "", "0", 0, 1, 1.0, [True])),
        *(
            (NUMBER, value, "must be a whole number from 0 to 9999")
            for value in (-1, 10000, 1.0, True, "1.5", "", "十二", "１２", "1_000", float("nan"), "9" * 5000)
        ),
        *((PHONE, value, IN_QUOTES) for value in (2466778, 8624, 2.5)),
        (PHONE, True, "must be text, in quotes"),
        (PHONE, "", "no telephone number is given"),
        (PHONE, "hotline", "“hotline” is not a telephone number"),
        (PHONE, "1-800-FLOWERS", "“1-800-FLOWERS” is not a telephone number"),
        (PHONE, "匿名", "“匿名” stands for a withheld number, which cannot be called"),
        (PHONE, "00000000", "“00000000” stands for a withheld number, which cannot be called"),
        (PHONE, "1381234567", "“1381234567” has too few digits for a telephone number"),
        (PHONE, "+999123456", "“+999123456” begins with a country code that does not exist"),
        (PHONE, ";ext=12", "“;ext=12” is not a telephone number"),
        (PHONE, "6" * 65, "must not be longer than 64 characters"),
        (DIGITS, 42, IN_QUOTES),
        *((DIGITS, value, "must be 1 to 20 digits") for value in ("", "+42", "4a", "1" * 21, "४२")),
        (TEXT, 42, IN_QUOTES),
        (TEXT, date(2026, 11, 19), "must be text, in quotes"),
        (TEXT, "a" * 501, "must not be longer than 500 characters"),
        *(
            (TEXT, value, "must not contain line breaks or other control characters")
            for value in ("a\nb", "\0", "\ud800")
        ),
        (COLOUR, "rad", "must be one of red, no, 浅蓝; did you mean “red”?"),
        (COLOUR, "Red?", "must be one of red, no, 浅蓝; did you mean “red”?"),
        (COLOUR, False, "must be text, in quotes"),
        (COLOUR, "", "must be one of red, no, 浅蓝"),
    ],
)
def test_any_other_value_is_refused_with_a_reason(variable: VariableBase, value: object, reason: str) -> None:
    assert refusal(variable, value) == reason


def test_only_a_variable_without_a_default_may_be_without_a_value() -> None:
    assert PHONE.read(None) is PHONE.initial is None
    assert refusal(FlagVariable(type="flag", default=False), None) == "must not be null; the variable has a default"


def test_a_bare_default_is_what_it_was_before_variables_had_types() -> None:
    for value in ("6789100", 0, False, None):
        variable = VARIABLE.validate_python(value)
        assert isinstance(variable, UntypedVariable)
        assert (variable.initial, type(variable.initial)) == (value, type(value))
        assert variable.read("x") == "x"


def test_a_default_that_became_faulty_stays_as_it_was() -> None:
    assert PhoneVariable(type="phone", default="hotline").initial == "hotline"


def test_prompts_speak_every_number_that_counts_as_speakable() -> None:
    assert (MAX_SPOKEN_NUMBER, MAX_SPOKEN_SCORE) == (spoken.MAX_NUMBER, spoken.MAX_SCORE)
    assert NUMBER.spoken_as == {"number"}
    assert NumberVariable(type="number", high=10).spoken_as == {"number", "score"}
    assert NumberVariable(type="number", high=10000).spoken_as == frozenset()
    assert NumberVariable(type="number", low=-1).spoken_as == frozenset()


PHONE_TEXT = st.one_of(
    st.from_regex(r"\A[+＋(]{0,2}[0-9０-９]{1,15}[)]?[- .0-9]{0,8}( ?(ext\.?|x|转|;ext=)[0-9]{1,9})?\Z"),
    st.from_regex(r"\A(\+86|0|)(1[3-9][0-9]{9}|24[0-9]{8}|400[0-9]{7}|[2-8][0-9]{6,7})\Z"),
    st.text("0123456789+-() ext转", max_size=24),
)


@given(PHONE_TEXT)
def test_a_phone_number_is_always_speakable(text: str) -> None:
    try:
        number = PHONE.read(text)
    except ValueError:
        return
    assert isinstance(number, str) and PHONE.read(number) == number
    dialled, _, extension = number.partition(";ext=")
    for language, tongue in spoken.TONGUES.items():
        groups = spoken.speak("phone", number, language, NOON)
        words = tongue.fragments("phone")
        said = [name for group in groups for name in group]
        assert all(name in words for name in said)
        digits = "".join(name.removeprefix("digit-") for name in said if name != "extension")
        assert ("extension" in said) == bool(extension)
        assert digits.endswith(extension)
        assert dialled.startswith("+") or digits == dialled + extension


@pytest.mark.parametrize("number", [*PERSONS, *COMPANYS, "6789100", "02466778", "95500", "+4930123456"])
def test_every_spelling_of_a_number_is_speakable(number: str) -> None:
    for language in spoken.TONGUES:
        assert spoken.speak("phone", PHONE.read(number), language, NOON)


# --- in a file --------------------------------------------------------------------------------------------------

MORE = {"choice": "values: [red, 'no', '1'], ", "number": "low: -5, high: 100000, "}


def file_with(kind: str, default: str) -> str:
    variable = f"fee: {{type: {kind}, {MORE.get(kind, '')}default: {default}}}"
    return changed(("fee: {type: number, default: 0}", variable))


def kept(kind: str, default: str) -> tuple[Any, list[str]]:
    """The value of a default in a file, and the faults of the file."""
    source = file_with(kind, default)
    found = located(source)
    if found:
        return None, [fault.path for fault in found]
    data = YAML(typ="safe", pure=True).load(source)["variables"]["fee"]
    return VARIABLE.validate_python(data).initial, []


@pytest.mark.parametrize(
    ("kind", "default", "value"),
    [
        ("flag", "no", ...),
        ("flag", "false", False),
        ("flag", '"false"', False),
        ("flag", "off", ...),
        ("phone", "02466778", ...),
        ("phone", '"02466778"', "02466778"),
        ("phone", "+8613812345678", ...),
        ("phone", "+86 138 1234 5678", "+8613812345678"),
        ("phone", '"+8613812345678"', "+8613812345678"),
        ("phone", "(024)66778899", "+862466778899"),
        ("phone", "024-66778899", "+862466778899"),
        ("digits", "0042", ...),
        ("digits", '"0042"', "0042"),
        ("number", "0o17", 15),
        ("number", "1_000", 1000),
        ("number", "1e3", ...),
        ("number", ".inf", ...),
        ("text", "yes", "yes"),
        ("text", "true", ...),
        ("text", "2026-11-19", ...),
        ("text", "2026-13-19", ...),
        ("text", "!!binary aGk=", ...),
        ("choice", "no", "no"),
        ("choice", "1", ...),
        ("choice", "[red]", ...),
        ("text", "{a: b}", ...),
    ],
)
def test_the_traps_of_yaml_are_right_or_refused_by_path(kind: str, default: str, value: object) -> None:
    assert kept(kind, default) == ((None, ["variables.fee.default"]) if value is ... else (value, []))


def dumped(value: object) -> str:
    """A value as YAML, on one line."""
    yaml, stream = YAML(typ="safe", pure=True), StringIO()
    yaml.default_flow_style, yaml.width = True, 10**6
    yaml.dump({"x": value}, stream)
    return stream.getvalue().strip().removeprefix("{x:").removesuffix("}").strip()


TRAPS = """
    no yes on off true True null ~ 0 -0 007 0o7 0x1f 1e3 1_0 .5 .nan +86 (024)66 2026-11-19 12:30 = << ' " | > - ? : & *
    ! % @ ` # , ] !!int !!bool !!null
"""
SCALARS = st.one_of(
    st.sampled_from(TRAPS.split()),
    st.text("0123456789+-().:_eExXoO~", max_size=14),
    st.text(max_size=20).map(json.dumps),
    st.text(max_size=20),
    st.one_of(st.integers(), st.floats(), st.booleans(), st.none(), st.dates(), st.binary(max_size=8)).map(dumped),
    PHONE_TEXT,
    PHONE_TEXT.map(json.dumps),
)


@settings(max_examples=200)
@given(kind=st.sampled_from(KIND_NAMES), default=SCALARS)
def test_any_scalar_is_kept_in_a_form_that_stays_or_refused_by_path(kind: str, default: str) -> None:
    found = located(file_with(kind, default))
    if found:
        assert all(fault.line or fault.path or "not YAML" in fault.reason for fault in found)
        return
    data = YAML(typ="safe", pure=True).load(file_with(kind, default))["variables"]["fee"]
    value = VARIABLE.validate_python(data).initial
    assert isinstance(value, get_args(Value))
    if value is not None:
        again = kept(kind, dumped(value))
        assert again == (value, []) and type(again[0]) is type(value)

"""Kinds of variables: each reads a value from a file, a request or a command line into its canonical form. Pure.

A canonical value is read as itself. Must not know: which variables exist, where a value comes from.
"""

from __future__ import annotations

import re
import unicodedata
from typing import Annotated, Any, Final, Literal, Self

from pydantic import Discriminator, Field, SkipValidation, StringConstraints, Tag, WithJsonSchema, model_validator
from pydantic.json_schema import SkipJsonSchema

from ivr.events import Value
from ivr.flow.nearest import suggestion
from ivr.flow.part import FlowPart
from ivr.phone_number import UnreadableNumber, canonical_number, parse_number

MAX_SPOKEN_NUMBER: Final = 9999
MAX_SPOKEN_SCORE: Final = 10
"""The largest numbers that prompts can speak as `number` and as `score`."""
MAX_NUMBER_TEXT: Final = 64
"""Maximum length of a phone number as written, in characters."""
MAX_TEXT: Final = 500
"""Maximum length of a text in characters, as in the browser phone's protocol."""
LIMIT: Final = 10**9
"""Largest magnitude of a number; every reader of JSON keeps it exactly."""

_NUMBER: Final = re.compile(r"[+-]?[0-9]{1,10}")
_DIGITS: Final = re.compile(r"[0-9]{1,20}")
_LOCAL_NUMBER: Final = re.compile(r"[0-9]{7,8}")

Text = Annotated[Value, SkipValidation, WithJsonSchema({"type": "string"})]
ChoiceText = Annotated[str, StringConstraints(strip_whitespace=True, pattern=r"^[^\x00-\x1f\x7f]+$")]


class VariableBase(FlowPart):
    """A variable. Without a default it has no value (null) until a call or a `set` node gives it one."""

    default: Annotated[Value, SkipValidation] = None

    @property
    def initial(self) -> Value:
        """The default in its canonical form; as written if it is faulty, which only a file in use before can be."""
        try:
            return self.read(self.default)
        except ValueError:
            return self.default

    @property
    def spoken_as(self) -> frozenset[str]:
        """The types as which prompts can speak every value of this kind."""
        return frozenset()

    def read(self, value: object) -> Value:
        """Return the value in its canonical form. Null is a value only without a default.

        Raises:
            ValueError: it is no value of this kind. The message can quote it, so it must not be logged as it is.
        """
        if value is not None:
            return self._read(value)
        if self.default is not None:
            raise ValueError("must not be null; the variable has a default")
        return None

    def _read(self, value: object) -> Value:
        raise NotImplementedError


class FlagVariable(VariableBase):
    """True or false; on a command line, or in quotes, the words `true` and `false`."""

    type: Literal["flag"]
    default: Annotated[Value, SkipValidation, WithJsonSchema({"type": "boolean"})] = None

    def _read(self, value: object) -> Value:
        if isinstance(value, bool):
            return value
        if isinstance(value, str) and value.strip().lower() in ("true", "false"):
            return value.strip().lower() == "true"
        raise ValueError("must be true or false; yes, no, on, off, 1 and 0 are not accepted")


class NumberVariable(VariableBase):
    """A whole number from `low` to `high`; also as text."""

    type: Literal["number"]
    default: Annotated[Value, SkipValidation, WithJsonSchema({"type": "integer"})] = None
    low: Annotated[int, Field(ge=-LIMIT, le=LIMIT)] = 0
    high: Annotated[int, Field(ge=-LIMIT, le=LIMIT)] = MAX_SPOKEN_NUMBER

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        if self.low > self.high:
            raise ValueError(f"low must not be above high, but low is {self.low} and high is {self.high}")
        return self

    @property
    def spoken_as(self) -> frozenset[str]:
        largest = {"number": MAX_SPOKEN_NUMBER, "score": MAX_SPOKEN_SCORE}
        return frozenset(kind for kind, limit in largest.items() if self.low >= 0 and self.high <= limit)

    def _read(self, value: object) -> Value:
        if isinstance(value, str) and _NUMBER.fullmatch(value.strip()):
            value = int(value)
        if isinstance(value, bool) or not isinstance(value, int) or not self.low <= value <= self.high:
            raise ValueError(f"must be a whole number from {self.low} to {self.high}")
        return value


class DigitsVariable(VariableBase):
    """A string of 1 to 20 digits, such as a work number; spaces and hyphens are dropped."""

    type: Literal["digits"]
    default: Text = None

    @property
    def spoken_as(self) -> frozenset[str]:
        return frozenset({"digits"})

    def _read(self, value: object) -> Value:
        digits = re.sub(r"[\s-]", "", unicodedata.normalize("NFKC", _text(value)))
        if not _DIGITS.fullmatch(digits):
            raise ValueError("must be 1 to 20 digits")
        return digits


class PhoneVariable(VariableBase):
    """A phone number in any usual spelling, kept in the canonical form of ivr/phone_number.py.

    A number of 7 or 8 digits without an area code, which is dialled only locally, keeps its digits.
    """

    type: Literal["phone"]
    default: Text = None

    @property
    def spoken_as(self) -> frozenset[str]:
        return frozenset({"phone"})

    def _read(self, value: object) -> Value:
        text = _text(value)
        if len(text) > MAX_NUMBER_TEXT:
            raise ValueError(f"must not be longer than {MAX_NUMBER_TEXT} characters")
        try:
            return str(parse_number(text))
        except UnreadableNumber as unreadable:
            if _LOCAL_NUMBER.fullmatch(local := canonical_number(text)):
                return local
            raise ValueError(str(unreadable)) from None


class TextVariable(VariableBase):
    """Free text on one line. Prompts cannot speak it."""

    type: Literal["text"]
    default: Text = None

    def _read(self, value: object) -> Value:
        text = _text(value).strip()
        if len(text) > MAX_TEXT:
            raise ValueError(f"must not be longer than {MAX_TEXT} characters")
        if any(unicodedata.category(character) in ("Cc", "Cs") for character in text):
            raise ValueError("must not contain line breaks or other control characters")
        return text


class ChoiceVariable(VariableBase):
    """One of the listed values."""

    type: Literal["choice"]
    default: Text = None
    values: tuple[ChoiceText, ...] = Field(min_length=1, max_length=100)

    @model_validator(mode="after")
    def _distinct(self) -> Self:
        for value in self.values:
            if self.values.count(value) > 1:
                raise ValueError(f"“{value}” is listed more than once")
        return self

    def _read(self, value: object) -> Value:
        text = _text(value).strip()
        if text not in self.values:
            raise ValueError(f"must be one of {', '.join(self.values)}{suggestion(text, self.values)}")
        return text


class UntypedVariable(VariableBase):
    """A variable of a file from before variables had types: a bare default. Takes any value; new files are refused."""

    type: Literal["untyped"] = "untyped"

    @model_validator(mode="before")
    @classmethod
    def _wrap(cls, default: object) -> object:
        return default if isinstance(default, UntypedVariable) else {"default": default}

    def read(self, value: object) -> Value:
        if value is not None and not isinstance(value, str | int | bool):
            raise ValueError("must be text, a whole number, true or false")
        return value


_Typed = Annotated[
    FlagVariable | NumberVariable | PhoneVariable | DigitsVariable | TextVariable | ChoiceVariable,
    Field(discriminator="type"),
]


def _form(value: Any) -> str:
    return "typed" if isinstance(value, dict | VariableBase) else "bare"


Variable = Annotated[
    Annotated[_Typed, Tag("typed")] | Annotated[SkipJsonSchema[UntypedVariable], Tag("bare")], Discriminator(_form)
]

KIND_NAMES: Final = ("flag", "number", "phone", "digits", "text", "choice")


def _text(value: object) -> str:
    """Return a text.

    Raises:
        ValueError: it is something else. YAML reads unquoted digits, dates, true, false and null as such.
    """
    if isinstance(value, str):
        return value
    if isinstance(value, int | float) and not isinstance(value, bool):
        raise ValueError("must be text: put it in quotes, because a number loses its leading zeros and its plus")
    raise ValueError("must be text, in quotes")

"""Conditions in flows, such as `attitude == 'satisfied' and fee_unpaid`: evaluated by simpleeval, never by eval.

Names, values, comparisons, `and`, `or`, `not`; nothing else. Must not know: which names exist.
"""

from __future__ import annotations

import ast
import operator
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from itertools import pairwise
from typing import Any

from simpleeval import DEFAULT_OPERATORS, InvalidExpression, SimpleEval

from ivr.events import Value


class ConditionFault(ValueError):
    """The condition is not an expression of this language, or cannot be evaluated."""


@dataclass(frozen=True, slots=True)
class Comparison:
    """A name compared with a value; `ordered` if by <, <=, > or >=."""

    name: str
    value: Value
    ordered: bool


def _same_type(compare: Callable[[Any, Any], bool]) -> Callable[[Any, Any], bool]:
    """Make an ordering false, not an error, if an operand is unanswered (None) or the types differ."""
    kinds = (int, str)
    return lambda left, right: any(isinstance(left, k) and isinstance(right, k) for k in kinds) and compare(left, right)


_OPERATORS = {
    **DEFAULT_OPERATORS,
    ast.Lt: _same_type(operator.lt),
    ast.LtE: _same_type(operator.le),
    ast.Gt: _same_type(operator.gt),
    ast.GtE: _same_type(operator.ge),
}
_ORDERED = ast.Lt | ast.LtE | ast.Gt | ast.GtE
_ALLOWED_NODES = (
    *(ast.Expression, ast.BoolOp, ast.boolop, ast.UnaryOp, ast.Not, ast.USub, ast.Compare, ast.Name, ast.Load),
    *(ast.Constant, ast.Eq, ast.NotEq, ast.Lt, ast.LtE, ast.Gt, ast.GtE),
)


def names(condition: str) -> frozenset[str]:
    """Return the names in the condition.

    Raises:
        ConditionFault: the condition is not an expression of this language.
    """
    return frozenset(node.id for node in ast.walk(_tree(condition)) if isinstance(node, ast.Name))


def comparisons(condition: str) -> Iterator[Comparison]:
    """Yield every comparison of a name with a value in the condition.

    Raises:
        ConditionFault: the condition is not an expression of this language.
    """
    for node in ast.walk(_tree(condition)):
        if isinstance(node, ast.Compare):
            for (left, right), op in zip(pairwise([node.left, *node.comparators]), node.ops, strict=True):
                match (left, right) if isinstance(left, ast.Name) else (right, left):
                    case ast.Name(id=name), ast.Constant(value=str() | int() | None as value):
                        yield Comparison(name, value, isinstance(op, _ORDERED))


def bare_names(condition: str) -> frozenset[str]:
    """Return the names used as truth values, without a comparison.

    Raises:
        ConditionFault: the condition is not an expression of this language.
    """
    tree = _tree(condition)
    parts = [tree.body]
    for node in ast.walk(tree):
        match node:
            case ast.BoolOp(values=values):
                parts += values
            case ast.UnaryOp(op=ast.Not(), operand=operand):
                parts.append(operand)
    return frozenset(part.id for part in parts if isinstance(part, ast.Name))


def holds(condition: str, values: Mapping[str, Value]) -> bool:
    """Return whether the condition is true for the values; a name without a value counts as unanswered (None).

    Raises:
        ConditionFault: it is not an expression of this language, or cannot be evaluated, such as a negated word.
    """
    known = dict.fromkeys(names(condition)) | dict(values)
    try:
        return bool(SimpleEval(names=known, operators=_OPERATORS, functions={}).eval(condition.strip()))
    except (InvalidExpression, TypeError) as error:
        raise ConditionFault(str(error)) from error


@cache
def _tree(condition: str) -> ast.Expression:
    try:
        tree = ast.parse(condition.strip(), mode="eval")
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        raise ConditionFault(f"not an expression: {getattr(error, 'msg', None) or error}") from error
    if forbidden := next((node for node in ast.walk(tree) if not isinstance(node, _ALLOWED_NODES)), None):
        raise ConditionFault(
            f"{type(forbidden).__name__.lower()} is not allowed; use names, values, comparisons, and, or, not"
        )
    return tree

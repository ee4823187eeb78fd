"""Validation of variables: declarations, values of set nodes, comparisons, and prompts that speak them.

Must not know: phrases, the graph of a flow, which prompts there are.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping

from ivr.flow import model
from ivr.flow.conditions import Comparison
from ivr.flow.kinds import KIND_NAMES, DigitsVariable, NumberVariable, PhoneVariable, UntypedVariable, Variable
from ivr.flow.nearest import suggestion
from ivr.flow.variables import declared

_Report = Callable[[str, str], None]
NO_TYPE = f"it has no type; write {{type: …, default: …}} with one of the types {', '.join(KIND_NAMES)}"


def check_variables(callflows: model.Callflows, fault: _Report) -> None:
    """Report faults of declarations: no type, a default that is no value of the type, two types for one name."""
    everywhere = declared(callflows)
    owners = {"variables": callflows.variables} | {
        f"{name}.variables": flow.variables for name, flow in callflows.flows.items()
    }
    for owner, variables in owners.items():
        for name, variable in variables.items():
            if isinstance(variable, UntypedVariable):
                fault(f"{owner}.{name}", NO_TYPE)
            elif _form(variable) != _form(everywhere[name]):
                fault(f"{owner}.{name}", f"the file declares another “{name}” of type {everywhere[name].type}")
            if variable.default is not None and (reason := _refusal(variable, variable.default)):
                fault(f"{owner}.{name}.default", reason)


def check_values(
    node: model.SetNode, path: str, variables: Mapping[str, Variable], known: Collection[str], fault: _Report
) -> None:
    """Report the values of a set node that no variable takes; `known` are the other names that may be set."""
    for name, value in node.values.items():
        if name in variables:
            if reason := _refusal(variables[name], value):
                fault(f"{path}.values.{name}", reason)
        elif name not in known:
            fault(f"{path}.values.{name}", unknown(name, {*known, *variables}))


def never_holds(comparison: Comparison, variable: Variable) -> str | None:
    """Return why a comparison with a variable can never be true; None if it can."""
    name, value = comparison.name, comparison.value
    if isinstance(variable, UntypedVariable) or value is None:
        return None
    if comparison.ordered:
        fits = isinstance(variable, NumberVariable) and type(value) is int
        return None if fits else f"“{name}” is of type {variable.type} and cannot be compared with {value!r}"
    if reason := _refusal(variable, value):
        return f"“{name}” is never {value!r}: it {reason}"
    form = variable.read(value)
    return None if form == value and type(form) is type(value) else f"“{name}” is never {value!r}; write {form!r}"


def unspeakable(name: str, variable: Variable, spoken_as: str) -> str | None:
    """Return why a prompt cannot speak every value of a variable as this type; None if it can."""
    if isinstance(variable, UntypedVariable):
        return None
    if spoken_as not in variable.spoken_as:
        can = " or ".join(sorted(f"{{{name}:{kind}}}" for kind in variable.spoken_as))
        return f"“{name}” as {spoken_as}, but {_noun(variable)} {f'is spoken as {can}' if can else 'cannot be spoken'}"
    return None if variable.default is not None else f"“{name}”, which has no default and may be without a value"


def unknown(name: str, known: Collection[str]) -> str:
    """Return the reason for an unknown name."""
    return f"“{name}” is neither a variable nor a question{suggestion(name, known)}"


def _noun(variable: Variable) -> str:
    match variable:
        case NumberVariable(low=low, high=high):
            return f"a number from {low} to {high}"
        case PhoneVariable():
            return "a phone number"
        case DigitsVariable():
            return "a string of digits"
    return f"a {variable.type}"


def _form(variable: Variable) -> dict[str, object]:
    return variable.model_dump(exclude={"default"})


def _refusal(variable: Variable, value: object) -> str:
    """Return why the variable refuses the value; empty if it takes it."""
    try:
        variable.read(value)
    except ValueError as reason:
        return str(reason)
    return ""

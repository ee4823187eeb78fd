"""The variables of a call: which there are, their defaults, and whether given values fit them. Pure.

Must not know: who gives the values.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from ivr.events import Value
from ivr.flow import model
from ivr.flow.kinds import ChoiceVariable, DigitsVariable, NumberVariable, PhoneVariable, TextVariable, Variable
from ivr.flow.nearest import suggestion


@dataclass(frozen=True, slots=True)
class GivenValues:
    """Values given to a call: the accepted ones in canonical form, and the reason why each other one is refused."""

    accepted: Mapping[str, Value]
    refused: Mapping[str, str]


def declared(callflows: model.Callflows) -> dict[str, Variable]:
    """Return all variables of the file; a name declared more than once has the same type everywhere."""
    everywhere: dict[str, Variable] = {}
    for flow in callflows.flows.values():
        everywhere |= flow.variables
    return everywhere | callflows.variables


def defaults(variables: Mapping[str, Variable]) -> dict[str, Value]:
    """Return the value of each variable before anything sets it."""
    return {name: variable.initial for name, variable in variables.items()}


def read_values(callflows: model.Callflows, flow: str, given: Mapping[str, object]) -> GivenValues:
    """Read the values that a call to `flow` brings: for its variables, and for questions that it need not ask.

    Raises:
        KeyError: the flow does not exist.
    """
    known = variables_of(callflows, flow)
    accepted: dict[str, Value] = {}
    refused: dict[str, str] = {}
    for name, value in given.items():
        variable = known.get(name)
        if variable is None:
            near = suggestion(name, known) or f"; it takes {', '.join(known)}"
            refused[name] = f"the flow takes no value of this name{near}"
            continue
        try:
            accepted[name] = variable.read(value)
        except ValueError as reason:
            refused[name] = str(reason)
    return GivenValues(accepted, refused)


def canonical(callflows: model.Callflows, values: Mapping[str, Value]) -> dict[str, Value]:
    """Return the values of a set node in canonical form; a value that its variable refuses stays as written."""
    variables = declared(callflows)
    return {name: _canonical(variables.get(name), value) for name, value in values.items()}


def _canonical(variable: Variable | None, value: Value) -> Value:
    try:
        return variable.read(value) if variable else value
    except ValueError:
        return value


def variables_of(callflows: model.Callflows, name: str) -> dict[str, Variable]:
    """Return the variables of a flow and its subflows, and their questions as variables that take an answer.

    Raises:
        KeyError: the flow does not exist.
    """
    variables = dict(callflows.variables)
    answers: dict[str, Variable] = {}
    entered = [name]
    for each in entered:
        flow = callflows.flows[each]
        variables = {**flow.variables, **variables}
        for key, node in flow.nodes.items():
            if isinstance(node, model.SubflowNode) and node.flow not in entered:
                entered.append(node.flow)
            if answer := _answer_variable(node):
                answers[key] = answer
    return {**variables, **answers, **variables}


def _answer_variable(node: model.FlowNode) -> Variable | None:
    """Return a variable that takes the answers of a question; None for nodes that take no answer in advance."""
    match node:
        case model.AskNode(answer=model.YesNo()):
            return ChoiceVariable(type="choice", values=("yes", "no"))
        case model.AskNode(answer=model.Choice(values=values)):
            return ChoiceVariable(type="choice", values=tuple(values))
        case model.AskNode(answer=model.Score(low=low, high=high)):
            return NumberVariable(type="number", low=low, high=high)
        case model.AskNode(answer=model.Digits(type="phone")):
            return PhoneVariable(type="phone")
        case model.AskNode(answer=model.Digits()):
            return DigitsVariable(type="digits")
        case model.RecordNode():
            return TextVariable(type="text")
    return None

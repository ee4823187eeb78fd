"""Read-back of an answer and the inputs that confirm it. Must not know: how the question was asked."""

from __future__ import annotations

from ivr.actions import Ask as AskAction
from ivr.actions import KeyInput, Prompt, SpeechInput
from ivr.events import format_span
from ivr.flow import answers, keypad, model
from ivr.flow.outcome import Understood
from ivr.flow.state import Candidate, Wait
from ivr.flow.step_builder import StepBuilder


def accepts_speech(builder: StepBuilder, node: model.QuestionNode) -> bool:
    """Return whether the question accepts speech and a recogniser supports the call's language."""
    return builder.state.speech and "speech" in node.input


def confirmation_inputs(builder: StepBuilder, node: model.QuestionNode) -> tuple[SpeechInput | None, KeyInput | None]:
    """Return the speech and the keys that confirm, reject or replace the answer."""
    universals, language = builder.callflows.universals, builder.state.language
    return (
        answers.confirmation_speech(node, universals, language) if accepts_speech(builder, node) else None,
        keypad.confirmation_key_input(universals) if "dtmf" in node.input else None,
    )


def confirm(
    builder: StepBuilder, node: model.QuestionNode, candidate: Candidate, wait: Wait, *, offer_keys: bool = False
) -> str | None:
    """Read the candidate back and wait for yes or no.

    The keys are announced if `offer_keys`, if the answer was keyed, or if speech is not recognised.
    """
    builder.say(_prompt(builder, node, candidate))
    if (offer_keys or candidate.by == "key" or not accepts_speech(builder, node)) and "dtmf" in node.input:
        builder.say(builder.prompt(builder.callflows.common.confirm_keys))
    speech, key_input = confirmation_inputs(builder, node)
    builder.add_action(
        AskAction(
            builder.wait("confirm", wait.silences, wait.mismatches, candidate),
            builder.state.place.node,
            builder.take_prompts(),
            speech,
            key_input,
            True,
            node.timeout,
            node.timing,
        )
    )
    return None


def offered_candidate(builder: StepBuilder, node: model.QuestionNode) -> Candidate | None:
    """Return an already known answer that the caller only has to confirm; None if there is none."""
    match node:
        case model.AskNode(answer=model.Digits(offer=model.OfferedAnswer(variable=variable)) as answer):
            known = str(builder.variables.get(variable) or "")
            match answers.read_digits(answer, builder.state.language, known, 1.0):
                case Understood(value=value):
                    return Candidate(value, known, 1.0, offered=True)
    return None


def _prompt(builder: StepBuilder, node: model.QuestionNode, candidate: Candidate) -> Prompt:
    value = candidate.value
    match node:
        case model.BookNode(confirm=prompt):
            return builder.prompt(prompt, when=value)
        case model.AskNode(answer=model.YesNo() as answer):
            return builder.prompt((answer.yes if value == "yes" else answer.no).confirm)
        case model.AskNode(answer=model.Choice(values=values)):
            return builder.prompt(values[str(value)].confirm)
        case model.AskNode(answer=model.Digits(offer=model.OfferedAnswer(prompt=prompt))) if candidate.offered:
            return builder.prompt(prompt, value=value)
        case model.AskNode(answer=model.Score(confirm=prompt) | model.Digits(confirm=prompt)):
            return builder.prompt(prompt, value=value)
        case model.RecordNode(read_back=model.ReadBack(prompt=prompt, unplayed=unplayed)) if candidate.span_ms:
            said = builder.prompt(prompt, said=format_span(candidate.span_ms))
            return Prompt(said.name, said.values, unplayed)
    raise AssertionError(node)

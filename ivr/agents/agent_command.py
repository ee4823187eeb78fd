"""An agent's command for a call on its way to the node that runs the call, and the reply. Pure.

Must not know: how commands and replies travel, what the commands do.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, Literal

from pydantic import TypeAdapter

from ivr.agents.transfer_state import AgentCommand

Refusal = Literal["not_on_call", "call_over", "not_possible", "too_late"]
"""Why a command was refused: the agent is not on the call, no agent has the call any more, the state of the call does
not allow it, its time was up before the call came to it."""


@dataclass(frozen=True, slots=True)
class CallCommand:
    """A command for the call with the id `call`."""

    call: str
    command: AgentCommand


@dataclass(frozen=True, slots=True)
class CommandReply:
    """The reply to a command; `refused` is None if it was accepted, else `why` explains it in a sentence."""

    call: str
    refused: Refusal | None = None
    why: str = ""


@dataclass(frozen=True, slots=True)
class CommandRequest:
    """A command that has reached its call. The call replies exactly once, and executes it only if it is `in_time`."""

    command: AgentCommand
    in_time: Callable[[], bool]
    accept: Callable[[], None]
    refuse: Callable[[Refusal, str], None]


_COMMAND: Final = TypeAdapter(CallCommand)
_REPLY: Final = TypeAdapter(CommandReply)


def encode_command(command: CallCommand) -> bytes:
    """Return a command as JSON."""
    return _COMMAND.dump_json(command)


def decode_command(content: bytes) -> CallCommand:
    """Return an encoded command.

    Raises:
        ValueError: the content is not a command.
    """
    return _COMMAND.validate_json(content)


def encode_reply(reply: CommandReply) -> bytes:
    """Return a reply as JSON."""
    return _REPLY.dump_json(reply)


def decode_reply(content: bytes) -> CommandReply:
    """Return an encoded reply.

    Raises:
        ValueError: the content is not a reply.
    """
    return _REPLY.validate_json(content)

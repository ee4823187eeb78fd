"""Takes an agent's command to the node that runs the call, and back comes the reply of the call.

Must not know: HTTP, what the commands do.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterator
from contextlib import aclosing, contextmanager
from typing import Final
from uuid import uuid4

from ivr.agents.agent_command import (
    CallCommand,
    CommandReply,
    CommandRequest,
    Refusal,
    decode_command,
    decode_reply,
    encode_command,
    encode_reply,
)
from ivr.agents.presence import AgentState, Presence
from ivr.agents.presence_store import PresenceStore
from ivr.agents.transfer_state import AgentCommand
from ivr.errors import HuifangError
from ivr.live.commands import LiveCommands
from ivr.live.errors import LiveStateUnavailable

log = logging.getLogger(__name__)

TIMEOUT_S: Final = 5.0
"""Seconds within which a call must come to a command; then the command is dropped."""
RESUME_S: Final = 1.0
"""Pause before commands are read again after a failure."""

PostCommand = Callable[[CommandRequest], None]


class CommandUnanswered(HuifangError):
    """No reply came in time. `dropped`: the command will never be executed; else that is not known."""

    def __init__(self, dropped: bool) -> None:
        super().__init__(
            "the node that runs the call does not answer; "
            + ("the command was dropped" if dropped else "whether the command was executed is not known")
        )
        self.dropped = dropped


class KeyReused(HuifangError):
    """The idempotency key belongs to a different command of the agent."""


class CommandService:
    """The commands sent from this node, and those for the calls of this node."""

    def __init__(self, live: LiveCommands, presences: PresenceStore, node: str, timeout_s: float = TIMEOUT_S) -> None:
        self._live, self._presences, self._node = live, presences, node
        self._timeout_s = timeout_s
        self._mailboxes: dict[str, PostCommand] = {}

    @contextmanager
    def mailbox(self, call: str, post: PostCommand) -> Iterator[None]:
        """Post the agents' commands for a call of this node within the block."""
        self._mailboxes[call] = post
        try:
            yield
        finally:
            del self._mailboxes[call]

    async def send(self, command: AgentCommand, key: str = "") -> CommandReply:
        """Send an agent's command for the call that they are on, and return the reply of the call.

        A repeated command with the same `key` (letters, digits, `_`, `-`) is not executed again: it gets the reply to
        the first one. A command that was dropped may be repeated.

        Raises:
            CommandUnanswered: no reply came within the time-out.
            KeyReused: the key belongs to a different command.
            LiveStateUnavailable: Redis is unavailable, and nothing was sent.
        """
        command_id = f"{command.by}:{key or uuid4().hex}"
        now = (await self._presences.all()).get(command.by, Presence())
        if now.state is AgentState.BUSY and now.engaged:
            wanted = encode_command(CallCommand(now.engaged.call, command))
            with _not_known_without_redis():
                content = await self._live.send(now.engaged.node, command_id, wanted, round(self._timeout_s * 1000))
        elif not (content := await self._live.find(command_id) or b""):
            return CommandReply("", "not_on_call", f"agent {command.by} is {now.state}, not on a call")
        if decode_command(content).command != command:
            raise KeyReused(f"the idempotency key {key} belongs to a different command")
        with _not_known_without_redis():
            return await self._reply_to(command_id)

    async def _reply_to(self, command_id: str) -> CommandReply:
        reply = await self._live.reply_to(command_id, self._timeout_s)
        if reply is None:
            raise CommandUnanswered(await self._live.withdraw(command_id))
        try:
            return decode_reply(reply)
        except ValueError as error:
            self._live.damaged.skip("replies", command_id, reply, f"not a reply: {type(error).__name__}")
            raise CommandUnanswered(dropped=False) from error

    async def run(self) -> None:
        """Run until cancelled: take the commands sent to this node, post them to their calls, send the replies."""
        replying: set[asyncio.Task[None]] = set()
        try:
            while True:
                try:
                    async with aclosing(self._live.follow(self._node)) as sent:
                        async for command_id in sent:
                            if reply := await self._post(command_id):
                                replying.add(task := asyncio.create_task(self._send_reply(command_id, reply)))
                                task.add_done_callback(replying.discard)
                except LiveStateUnavailable as error:
                    log.warning("agents' commands are not received: %s", error)
                    await asyncio.sleep(RESUME_S)
        finally:
            for task in tuple(replying):
                task.cancel()
            await asyncio.gather(*replying, return_exceptions=True)

    async def _post(self, command_id: str) -> asyncio.Future[CommandReply] | None:
        """Take a command and post it to its call; return its reply to come, None if nobody waits for it."""
        taken = await self._live.take(command_id)
        if taken is None:
            log.warning("command %s is dropped: its time is up", command_id)
            return None
        content, left_s = taken
        try:
            sent = decode_command(content)
        except ValueError as error:
            self._live.damaged.skip("commands", command_id, content, f"not a command: {type(error).__name__}")
            return None
        loop = asyncio.get_running_loop()
        reply: asyncio.Future[CommandReply] = loop.create_future()
        until = loop.time() + left_s

        def accept() -> None:
            if not reply.done():
                reply.set_result(CommandReply(sent.call))

        def refuse(refused: Refusal, why: str) -> None:
            if not reply.done():
                reply.set_result(CommandReply(sent.call, refused, why))

        if post := self._mailboxes.get(sent.call):
            post(CommandRequest(sent.command, lambda: loop.time() < until, accept, refuse))
        else:
            refuse("call_over", f"no agent has call {sent.call} any more")
        return reply

    async def _send_reply(self, command_id: str, reply: asyncio.Future[CommandReply]) -> None:
        content = encode_reply(await reply)
        try:
            await self._live.reply(command_id, content)
        except LiveStateUnavailable as error:
            log.warning("the reply to command %s was not sent: %s", command_id, error)


@contextmanager
def _not_known_without_redis() -> Iterator[None]:
    """Raise CommandUnanswered if Redis becomes unavailable after the command may have been sent."""
    try:
        yield
    except LiveStateUnavailable as error:
        raise CommandUnanswered(dropped=False) from error

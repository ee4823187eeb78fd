"""The callback dialer: places due callbacks, settles finished ones. Must not know: networks, how calls are run."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import Final, Protocol
from uuid import uuid4

from ivr.callbacks.scheduler import CallbackScheduler, DueCallback
from ivr.database.errors import describe
from ivr.errors import HuifangError
from ivr.telephony.port import Call

log = logging.getLogger(__name__)

POLL_S: Final = 2.0
MAX_CONCURRENT: Final = 4
"""Maximum concurrent callbacks per node, so that inbound callers still find free lines."""


class AvailableFlows(Protocol):
    """The flows in force."""

    @property
    def languages(self) -> tuple[str, ...]:
        """The languages of the flows; the first is the default."""

    def has(self, flow: str, language: str) -> bool:
        """Return whether this flow exists in this language."""


class CallbackDialer:
    """The callbacks of one node over one network.

    Args:
        network: the name of the network.
        place: places a call and runs it to its end, see OutboundCaller.place.
        ready: returns whether calls can be placed now.
    """

    def __init__(
        self,
        scheduler: CallbackScheduler,
        network: str,
        place: Callable[[Call], Awaitable[None]],
        flows: AvailableFlows,
        ready: Callable[[], Awaitable[bool]],
        now: Callable[[], datetime],
    ) -> None:
        self._scheduler, self._network, self._place = scheduler, network, place
        self._flows, self._ready, self._now = flows, ready, now
        self._calls: set[asyncio.Task[None]] = set()
        self.trouble = ""
        """Why the last round of `run` failed unexpectedly; empty if it did not."""

    async def run(self) -> None:
        """Run until cancelled: settle finished attempts, claim due callbacks, place them."""
        try:
            while True:
                try:
                    await self._settle()
                    await self._claim_due()
                    self.trouble = ""
                except HuifangError as error:
                    log.warning("callbacks are delayed; retrying: %s", error)
                except Exception as error:
                    self.trouble = f"the processing of callbacks failed: {describe(error)}"
                    log.exception("the processing of callbacks failed; retrying")
                await asyncio.sleep(POLL_S)
        finally:
            for call in self._calls:
                call.cancel()
            await asyncio.gather(*self._calls, return_exceptions=True)

    async def _settle(self) -> None:
        for settled in await self._scheduler.settle(self._now()):
            log.info("callback %s: %s", settled.call, settled.outcome)

    async def _claim_due(self) -> None:
        while len(self._calls) < MAX_CONCURRENT and await self._ready():
            due = await self._scheduler.claim(uuid4().hex, self._now())
            if due is None:
                return
            language = due.language or self._flows.languages[0]
            if not self._flows.has(due.flow, language):
                log.error("callback %s is postponed: there is no flow “%s” in %s", due.call, due.flow, language)
                await self._scheduler.postpone(due.call, self._now())
                continue
            self._calls.add(call := asyncio.create_task(self._call(due, language)))
            call.add_done_callback(self._calls.discard)

    async def _call(self, due: DueCallback, language: str) -> None:
        call = Call(due.call, self._network, "outbound", "", due.number, due.flow, language, due.variables)
        try:
            await self._place(call)
        except HuifangError as fault:
            log.warning("callback %s could not be placed: %s", due.call, fault)
        except Exception:
            log.exception("callback %s failed", due.call)

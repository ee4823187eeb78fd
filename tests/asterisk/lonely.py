"""The adapter in a process of its own, for tests that kill it: plays an endless tone to a caller or transfers them."""

from __future__ import annotations

import asyncio
import json
import sys

from ivr.telephony.asterisk.site import Secrets, Site
from tests.asterisk.service import AdapterFixture
from tests.asterisk.sound import tone


async def main() -> None:
    """Read the site and its passwords from standard input, as one line of JSON."""
    given = json.loads(sys.stdin.readline())
    async with AdapterFixture(
        Site.model_validate(given["site"]), Secrets(**given["secrets"]), node="lonely"
    ) as service:
        sys.stdout.write("ready\n")
        sys.stdout.flush()
        line = await (service.dial(given["dial"]) if "dial" in given else service.next_leg(within_s=60))
        if "transfer" in given:
            await service.transfer(line, given["transfer"])
        else:
            line.media.play(tone(1000, 60).tobytes())
            await line.over


if __name__ == "__main__":
    asyncio.run(main())

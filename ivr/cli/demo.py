"""The demo's scripted call: plays recorded speech in real time into the browser phone's socket, prints the record.

Must not know: how the service is assembled.
"""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Final
from urllib.parse import parse_qs, urlsplit

from rich.markup import escape

from ivr.call.node import ServiceNode
from ivr.cli.calls import print_record
from ivr.cli.console import out
from ivr.devtools.scripted_caller import load_clips, run_script
from ivr.devtools.softphone import dial
from ivr.events import Value
from ivr.lifecycle import Disposition
from ivr.records.record import CallRecord
from ivr.telephony.browser import wire

REPLIES: Final = {
    "对吗": "对",
    "方便吗": "方便",
    "解决了吗": "解决了",
    "态度": "满意",
    "收费了吗": "没有",
    "分": "九分",
    "建议": "师傅来得很快",
}
"""Words in a prompt → the clip that answers it."""

GOODBYE: Final = "感谢您的合作"

EXPECTED: Final[dict[str, Value]] = {"resolved": "yes", "attitude": "satisfied", "charged": "no", "score": 9}
RECORD_TIMEOUT_S: Final = 10


async def scripted_call(address: str, clips: Path, node: ServiceNode) -> int:
    """Take the survey by voice; return 0 if the record is complete and correct, else 1."""
    audio = load_clips(clips / "zh-CN")
    url = urlsplit(address)
    token = parse_qs(url.query).get("token", [None])[0]
    out.print("[bold]A scripted caller takes the survey by voice, in real time:[/]\n")
    socket = f"{url.scheme}://{url.netloc}{url.path}/socket"
    async with dial(socket, "survey", "zh-CN", {"fee_unpaid": True}, token) as phone:
        await run_script(phone, {words: audio[clip] for words, clip in REPLIES.items()}, _print_line, GOODBYE)
    record = await _record(node, phone.call)
    out.print("\n[bold]The call's record:[/]\n")
    print_record(record, node.timezone)
    wrong = {question: record.values.get(question) for question in EXPECTED if not _is_right(record, question)}
    if record.call.disposition is not Disposition.COMPLETED or wrong or not record.recordings:
        kept = f"{len(record.recordings)} recordings"
        out.print(f"\n[red]the record is wrong: {record.call.disposition}, wrong answers: {wrong}, {kept}[/]")
        return 1
    out.print("\n[green]the record is complete and correct[/]")
    return 0


def _is_right(record: CallRecord, question: str) -> bool:
    return record.values.get(question) == EXPECTED[question]


def _print_line(line: wire.TranscriptMessage) -> None:
    if line.who == "us" and line.text:
        out.print(f"  ☎  [cyan]{escape(line.text)}[/]")
    elif line.who == "caller":
        understood = line.detail.get("understood")
        sure = line.detail.get("confidence")
        taken = f"  → {understood}" if understood is not None else ""
        out.print(
            f"  🗣  [yellow]{escape(line.text) or '(silence)'}[/]{taken}"
            + (f"  ({sure:.2f})" if sure is not None else "")
        )


async def _record(node: ServiceNode, call_id: str) -> CallRecord:
    """Return the call's record once it is closed.

    Raises:
        TimeoutError: it was not closed within RECORD_TIMEOUT_S.
    """
    async with asyncio.timeout(RECORD_TIMEOUT_S):
        while (record := await node.records.call(call_id)).call.ended_at is None:  # noqa: ASYNC110 (there is no event to wait for)
            await asyncio.sleep(0.05)
    return record

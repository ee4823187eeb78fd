"""The whole survey in a real Chromium: a fake microphone plays the answers, and the record is correct."""

import asyncio

import pytest
from playwright.async_api import expect

from ivr.actions import Prompt
from ivr.devtools.scripted_caller import load_clips
from ivr.lifecycle import Disposition
from ivr.resource_files import ROOT
from ivr.service.process import serving
from ivr.settings import Settings

pytestmark = pytest.mark.calls(2)

QUESTIONS = {
    "survey.opening": "方便",
    "survey.resolved": "解决了",
    "survey.attitude": "满意",
    "survey.charged": "收了",
    "survey.score": "九分",
    "survey.comments": "师傅来得很快",
}
NOTICE = "survey.notice"
SETTING_UP_MS = 700
PAUSE_MS = 900
RESPONSE_MS = 350


def answers(prompts):
    """The clips of the microphone and their times (ms): each shortly after the expected end of its prompt."""
    clips = load_clips(ROOT / "prompts" / "caller" / "zh-CN")
    length_ms = {name: len(prompts.pcm(Prompt(name), "zh-CN")) // 16 for name in (NOTICE, *QUESTIONS)}
    at_ms = SETTING_UP_MS + length_ms[NOTICE]
    for prompt, clip in QUESTIONS.items():
        at_ms += length_ms[prompt] + PAUSE_MS
        yield at_ms, clips[clip]
        at_ms += len(clips[clip]) // 16 + RESPONSE_MS


async def test_the_survey_is_taken_by_voice(tmp_path, chromium, microphone):
    async with serving(Settings(data=tmp_path, port=0)) as listening:
        service, address = listening.service, listening.phone
        page = await chromium(address, microphone(*answers(service.node.prompts)), locale="zh-CN")
        await page.get_by_role("button", name="呼叫").click()
        await expect(page.get_by_role("log")).to_contain_text("感谢您的合作", timeout=90_000)
        await page.screenshot(path=tmp_path / "survey.png", full_page=True)
        await expect(page.get_by_role("status")).to_have_text("对方已挂断", timeout=20_000)
        [call] = await service.node.records.calls(10)
        async with asyncio.timeout(10):
            while (record := await service.node.records.call(call.id)).call.ended_at is None:  # noqa: ASYNC110
                await asyncio.sleep(0.05)
    assert record.call.disposition is Disposition.COMPLETED
    assert record.values == {
        "convenient": "yes",
        "resolved": "yes",
        "attitude": "satisfied",
        "charged": "yes",
        "score": 9,
        "comments": None,
    }
    assert all(answer.answer.by == "voice" for answer in record.answers)
    assert len(record.recordings) == 1

"""The page in a real Chromium with a fake microphone."""

import numpy as np
import pytest
from playwright.async_api import expect

from ivr.telephony.media import AudioFrame, KeyPressed, MarkReached, MediaClosed

pytestmark = pytest.mark.calls(2)

RATE = 8000


def chirp(ms, low=300, high=3000):
    """A rising tone as loud as a voice, which matches only if it is complete and at the right rate."""
    t = np.arange(ms * 8) / RATE
    phase = 2 * np.pi * (low * t + (high - low) * t**2 / (2 * t[-1]))
    return (10_000 * np.sin(phase)).astype("<i2").tobytes()


def likeness(whole, part):
    """The best normalised correlation of `part` within `whole`."""
    long, short = (np.frombuffer(pcm, "<i2").astype(float) for pcm in (whole, part))
    size = 1 << (len(long) + len(short)).bit_length()
    product = np.fft.irfft(np.fft.rfft(long, size) * np.conj(np.fft.rfft(short, size)), size)
    at = int(np.argmax(product[: len(long) - len(short) + 1]))
    there = long[at : at + len(short)]
    return float((there * short).sum() / np.sqrt((there**2).sum() * (short**2).sum()))


def share_of_tenths_heard(whole, said, piece=100 * 16):
    """The share of tenths of a second that were heard as spoken. A busy machine may lose some."""
    pieces = [said[at : at + piece] for at in range(0, len(said), piece)]
    return sum(likeness(whole, each) > 0.9 for each in pieces) / len(pieces)


def heard(events):
    return b"".join(event.pcm for event in events if isinstance(event, AudioFrame))


async def test_a_call(serve, sessions, chromium, microphone, tmp_path):
    said, prompt = chirp(1500), chirp(1000)

    def act(line, event):
        if len(sessions.events) == 1:
            line.media.play(prompt)
            line.media.mark("prompt")
            line.show("us", "您好，您家的暖气问题解决了吗？", {})
        if isinstance(event, KeyPressed):
            line.show("caller", event.digit, {"understood": "是", "by": "key"})

    sessions.act = act
    page = await chromium(await serve(sessions.answer) + "/phone", microphone((1500, said)), locale="zh-CN")
    await expect(page.get_by_role("status")).to_have_text("可以呼叫")
    await page.get_by_role("button", name="呼叫").click()
    await expect(page.get_by_role("status")).to_have_text("通话中")
    await expect(page.get_by_role("log")).to_contain_text("暖气问题解决了吗")

    await sessions.until(lambda events: MarkReached("prompt") in events)
    await expect(page.locator("#speaker")).to_have_attribute("data-played-ms", "1000")
    await sessions.until(lambda events: len(heard(events)) >= 16 * 4500)
    assert share_of_tenths_heard(heard(sessions.events), said) >= 0.7

    await page.get_by_role("button", name="5").click()
    await page.keyboard.press("#")
    await sessions.until(lambda events: {KeyPressed("5"), KeyPressed("#")} <= set(events))
    await expect(page.get_by_role("log")).to_contain_text("理解为：是")
    await page.screenshot(path=tmp_path / "call.png")

    await page.get_by_role("button", name="挂断").click()
    assert await sessions.closed() == MediaClosed(by="caller", cause="normal")
    await expect(page.get_by_role("status")).to_have_text("您已挂断")


async def test_a_denied_microphone_is_explained(serve, sessions, chromium):
    page = await chromium(await serve(sessions.answer) + "/phone", locale="en-US")
    await page.get_by_role("button", name="Call").click()
    await expect(page.get_by_role("alert")).to_contain_text("microphone")
    assert sessions.lines == []


async def test_the_page_speaks_english_when_asked(serve, sessions, chromium):
    page = await chromium(await serve(sessions.answer) + "/phone", locale="zh-CN")
    await page.get_by_role("button", name="English").click()
    await expect(page.get_by_role("status")).to_have_text("Ready to call")
    await expect(page.get_by_role("button", name="Call")).to_be_visible()


async def test_the_page_says_why_a_call_ended(serve, sessions, chromium, microphone):
    sessions.act = lambda line, event: line.media.end(MediaClosed(by="network", cause="media_lost"))
    page = await chromium(await serve(sessions.answer) + "/phone", microphone(), locale="zh-CN")
    await page.get_by_role("button", name="呼叫").click()
    await expect(page.get_by_role("status")).to_have_text("连接断了，通话已结束")


async def calling(page):
    await page.get_by_role("button", name="呼叫").click()
    await expect(page.get_by_role("status")).to_have_text("通话中")


async def test_clear_silences_the_page_and_drops_its_marks(serve, sessions, chromium, microphone):
    def act(line, event):
        if len(sessions.events) == 1:
            line.media.play(chirp(30_000))
            line.media.mark("old")
        if event == KeyPressed("1"):
            line.media.clear()
            line.media.play(chirp(500))
            line.media.mark("new")

    sessions.act = act
    page = await chromium(await serve(sessions.answer) + "/phone", microphone(), locale="zh-CN")
    await calling(page)
    await page.wait_for_function("document.getElementById('speaker').value > 0.5")
    await page.keyboard.press("1")
    events = await sessions.until(lambda events: any(isinstance(event, MarkReached) for event in events))
    assert [event for event in events if isinstance(event, MarkReached)] == [MarkReached("new")]
    assert float(await page.locator("#speaker").get_attribute("data-played-ms")) < 15_000


async def test_the_call_uses_the_chosen_flow_and_language(serve, sessions, chromium, microphone):
    page = await chromium(await serve(sessions.answer) + "/phone", microphone(), locale="zh-CN")
    await expect(page.get_by_label("业务").get_by_role("option")).to_have_text(["供暖回访", "报修"])
    await page.get_by_label("通话语言").select_option("英语")
    await calling(page)
    assert (sessions.lines[0].call.flow, sessions.lines[0].call.language) == ("survey", "en-US")
    await page.get_by_role("button", name="挂断").click()
    await page.get_by_label("业务").select_option("报修")
    await expect(page.get_by_label("通话语言").get_by_role("option")).to_have_text(["普通话"])
    await calling(page)
    assert (sessions.lines[1].call.flow, sessions.lines[1].call.language) == ("repair", "zh-CN")


async def test_a_second_call_starts_afresh(serve, sessions, chromium, microphone):
    sessions.act = lambda line, event: line.show("us", "您好", {}) if event == KeyPressed("1") else None
    page = await chromium(await serve(sessions.answer) + "/phone", microphone(), locale="zh-CN")
    for call in (1, 2):
        await calling(page)
        await page.keyboard.press("1")
        await expect(page.get_by_role("listitem")).to_have_count(1)
        await page.get_by_role("button", name="挂断").click()
        await expect(page.get_by_role("status")).to_have_text("您已挂断")
        assert len(sessions.lines) == call


async def test_hanging_up_at_the_microphone_prompt_places_no_call(serve, sessions, chromium, microphone):
    page = await chromium(await serve(sessions.answer) + "/phone", microphone(), locale="zh-CN")
    await page.evaluate("document.getElementById('call').click(), document.getElementById('hangup').click()")
    await expect(page.get_by_role("status")).to_have_text("可以呼叫")
    await calling(page)
    assert len(sessions.lines) == 1


KEEP_CONTEXTS = """window.contexts = [];
window.AudioContext = class extends AudioContext {
    constructor(...options) {
        super(...options);
        window.contexts.push(this);
    }
};"""
"""Keeps the page's AudioContexts where a test can suspend them, as a browser or a telephone call may."""
NEED_A_GESTURE = """window.AudioContext = class extends AudioContext {
    constructor(...options) {
        super(...options);
        super.suspend();
    }
    resume() {
        return window.gesture ? super.resume() : new Promise(() => {});
    }
};
addEventListener("click", (event) => { window.gesture ||= event.isTrusted; }, { capture: true });"""
"""Lets no sound run before a person clicks; a browser does so that does not take the page's first click for one."""
CALL_BY_SCRIPT = "document.getElementById('call').click()"


async def test_a_browser_that_runs_no_sound_is_said_so_and_a_click_starts_the_call(
    serve, sessions, chromium, microphone
):
    page = await chromium(await serve(sessions.answer) + "/phone", microphone(), locale="zh-CN")
    await page.add_init_script(NEED_A_GESTURE)
    await page.reload()
    await expect(page.get_by_role("button", name="呼叫")).to_be_enabled()
    await page.evaluate(CALL_BY_SCRIPT)
    await expect(page.get_by_role("alert")).to_have_text("浏览器暂停了声音。请点一下本页任意位置，恢复声音。")
    await expect(page.get_by_role("status")).to_have_text("正在呼叫…")
    assert sessions.lines == []
    await page.get_by_role("heading", name="网页电话").click()
    await expect(page.get_by_role("status")).to_have_text("通话中")
    await expect(page.get_by_role("alert")).to_be_hidden()
    await sessions.until(lambda events: any(isinstance(event, AudioFrame) for event in events))


async def test_who_hangs_up_while_no_sound_runs_calls_nobody(serve, sessions, chromium, microphone):
    page = await chromium(await serve(sessions.answer) + "/phone", microphone(), locale="zh-CN")
    await page.add_init_script(NEED_A_GESTURE)
    await page.reload()
    await expect(page.get_by_role("button", name="呼叫")).to_be_enabled()
    await page.evaluate(CALL_BY_SCRIPT)
    await expect(page.get_by_role("alert")).to_be_visible()
    await page.evaluate("document.getElementById('hangup').click()")
    await expect(page.get_by_role("status")).to_have_text("可以呼叫")
    await expect(page.get_by_role("alert")).to_be_hidden()
    assert sessions.lines == []


async def test_sound_that_is_suspended_in_a_call_is_resumed(serve, sessions, chromium, microphone):
    page = await chromium(await serve(sessions.answer) + "/phone", microphone(), locale="zh-CN")
    await page.add_init_script(KEEP_CONTEXTS)
    await page.reload()
    await calling(page)
    await page.evaluate("contexts[0].suspend().then(() => { window.wasSuspended = true; })")
    await page.wait_for_function("wasSuspended && contexts[0].state === 'running'")
    frames = len(heard(sessions.events))
    await sessions.until(lambda events: len(heard(events)) > frames + 16 * 500)
    await expect(page.get_by_role("status")).to_have_text("通话中")


async def test_sound_that_stays_suspended_in_a_call_is_said_in_plain_words_until_it_runs(
    serve, sessions, chromium, microphone
):
    page = await chromium(await serve(sessions.answer) + "/phone", microphone(), locale="en-US")
    await page.add_init_script(KEEP_CONTEXTS)
    await page.reload()
    await page.get_by_role("button", name="Call").click()
    await expect(page.get_by_role("status")).to_have_text("In call")
    await page.evaluate("contexts[0].resume = () => new Promise(() => {}), contexts[0].suspend()")
    await expect(page.get_by_role("alert")).to_have_text(
        "The browser has paused the sound. Click or tap anywhere on this page to resume it."
    )
    await page.evaluate("delete contexts[0].resume, 0")
    await page.get_by_role("heading", name="Browser phone").click()
    await expect(page.get_by_role("alert")).to_be_hidden()
    await expect(page.get_by_role("status")).to_have_text("In call")


async def test_a_closed_page_hangs_up(serve, sessions, chromium, microphone):
    page = await chromium(await serve(sessions.answer) + "/phone", microphone(), locale="zh-CN")
    await calling(page)
    await page.close()
    assert await sessions.closed() == MediaClosed(by="caller", cause="normal")


async def test_a_service_lost_before_the_call_is_explained(serve, sessions, chromium, microphone):
    address = await serve(sessions.answer, token="secret")
    page = await chromium(f"{address}/phone?token=secret", microphone(), expected="401", locale="zh-CN")
    await expect(page).to_have_url(f"{address}/phone")
    await page.context.clear_cookies()
    await page.get_by_role("button", name="呼叫").click()
    await expect(page.get_by_role("alert")).to_contain_text("连不上服务")
    await expect(page.get_by_role("button", name="呼叫")).to_be_visible()


async def test_a_socket_closed_before_the_answer_is_explained(serve, sessions, chromium, microphone):
    page = await chromium(await serve(sessions.answer) + "/phone", microphone(), locale="zh-CN")
    await page.route_web_socket("**/phone/socket", lambda socket: socket.close())
    await page.get_by_role("button", name="呼叫").click()
    await expect(page.get_by_role("alert")).to_contain_text("连不上服务")
    await expect(page.get_by_role("status")).to_have_text("可以呼叫")
    assert sessions.lines == []


async def test_keys_typed_outside_a_call_do_nothing(serve, sessions, chromium):
    page = await chromium(await serve(sessions.answer) + "/phone", locale="zh-CN")
    await page.keyboard.press("1")
    await expect(page.get_by_role("button", name="1")).to_be_disabled()
    assert sessions.lines == []


async def test_all_controls_fit_a_small_phone_without_horizontal_scrolling(
    serve, sessions, chromium, microphone, tmp_path
):
    def act(line, event):
        if len(sessions.events) == 1:
            for _ in range(8):
                line.show("us", "您好，我们是供暖报修平台，对您家报修的处理情况进行回访。" * 2, {})
                line.show("caller", "解决了", {"understood": "是", "confidence": 0.93, "by": "voice"})

    sessions.act = act
    viewport = {"width": 360, "height": 640}
    page = await chromium(await serve(sessions.answer) + "/phone", microphone(), locale="zh-CN", viewport=viewport)
    await calling(page)
    await expect(page.get_by_role("listitem")).to_have_count(16)
    assert await page.evaluate("document.documentElement.scrollWidth") == 360
    for name in ("挂断", "0"):
        box = await page.get_by_role("button", name=name).bounding_box()
        assert box["y"] + box["height"] <= 640
    await page.screenshot(path=tmp_path / "small.png", full_page=True)


async def test_the_resampler_keeps_the_telephone_band_and_suppresses_aliases(serve, sessions, chromium):
    page = await chromium(await serve(sessions.answer) + "/phone")
    gain_db = """async ([from, to, hz]) => {
        const { Resampler } = await import("/phone/static/resampler.js");
        const resampler = new Resampler(from, to);
        const out = [];
        for (let n = 0; n < from; n++) resampler.push(Math.sin((2 * Math.PI * hz * n) / from), (s) => out.push(s));
        const steady = out.slice(to / 4, (to * 3) / 4);
        const power = steady.reduce((sum, s) => sum + s * s, 0) / steady.length;
        return [out.length, 10 * Math.log10(2 * power + 1e-12)];
    }"""
    for rate in (16_000, 44_100, 48_000, 96_000):
        for hz in (100, 1000, 3400):
            for ways in ([rate, 8000, hz], [8000, rate, hz]):
                count, gain = await page.evaluate(gain_db, ways)
                assert (count, abs(gain) < 0.2) == (ways[1], True), ways
        for hz in (4300, 5000, 7000):
            assert (await page.evaluate(gain_db, [rate, 8000, hz]))[1] < -60, (rate, hz)

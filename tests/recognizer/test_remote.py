"""A Vosk server in a process of its own, and servers that fail in every way."""

from __future__ import annotations

import asyncio
import logging
import subprocess
import sys
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from recognizer.base import FRAME_BYTES, Grammar, Hypothesis, Listener, Recognizer, UnheardLanguage
from recognizer.building import build_model
from recognizer.confidence import REJECT_BELOW
from recognizer.english import PHONES, pronunciations
from recognizer.remote import RemoteRecognizer, ServerFailed
from recognizer.router import RecognizerRouter, display_location
from recognizer.vosk import SHIPPED
from tests.ports import PORTS
from tests.recognizer.chords import say, write_model

Clip = Callable[[str], bytes]
CONTENT = Grammar("zh-CN", "closed", ("满意", "很满意", "一般", "不满意"))
SCORE = Grammar("en-US", "closed", ("two", "four", "eight points"))
PROGRAM = Path(__file__).parent / "vosk_server.py"


@contextmanager
def server(model: Path) -> Iterator[str]:
    process = subprocess.Popen([sys.executable, PROGRAM, model], stdout=subprocess.PIPE, text=True)
    assert process.stdout
    try:
        yield f"ws://127.0.0.1:{int(process.stdout.readline())}"
    finally:
        process.kill()
        process.wait()
        process.stdout.close()


@pytest.fixture(scope="module")
def chinese(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A server with the shipped model and a fixed vocabulary."""
    words = ["满意", "很", "不", "一般", "我觉得", "快递", "放", "在", "门口", "八分"]
    folder = build_model("zh-CN", SHIPPED["zh-CN"], words, tmp_path_factory.mktemp("zh"), lattice_beam=4)
    with server(folder) as address:
        yield address


@pytest.fixture(scope="module")
def english(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A server with a model of chords and English words, which accepts grammars."""
    words = ["two", "four", "eight", "points", "well", "thanks", "water", "please"]
    folder = tmp_path_factory.mktemp("en")
    with server(build_model("en-US", write_model(folder / "chords", PHONES), words, folder, lattice_beam=4)) as address:
        yield address


async def hear(recognizer: Recognizer, grammar: Grammar, pcm: bytes) -> tuple[Hypothesis, ...]:
    listener = recognizer.listen(grammar)
    await feed(listener, pcm)
    heard = tuple(await listener.hypotheses())
    listener.close()
    return heard


async def feed(listener: Listener, pcm: bytes) -> None:
    for place in range(0, len(pcm), FRAME_BYTES):
        listener.feed(pcm[place : place + FRAME_BYTES])
        await asyncio.sleep(0)


def speak(*phrases: str) -> bytes:
    return b"".join(
        say(PHONES, [name for word in phrase.split() for name in pronunciations(word)[0]]) for phrase in phrases
    )


async def test_a_server_recognises_an_answer(chinese: str, clip: Clip) -> None:
    best, *_ = await hear(RemoteRecognizer({"zh-CN": chinese}), CONTENT, clip("wo_juede_manyi"))
    assert best.text == "满意"
    assert best.confidence >= REJECT_BELOW
    assert 300 <= best.words[0].start_ms < best.words[0].end_ms


async def test_other_speech_is_no_answer(chinese: str, clip: Clip) -> None:
    heard = await hear(RemoteRecognizer({"zh-CN": chinese}), CONTENT, clip("kuaidi_fang_menkou"))
    assert [one for one in heard if one.confidence >= REJECT_BELOW] == []


async def test_free_speech_is_transcribed(chinese: str, clip: Clip) -> None:
    (speech,) = await hear(RemoteRecognizer({"zh-CN": chinese}), Grammar("zh-CN", "free", ()), clip("wo_juede_manyi"))
    assert speech.text == "我觉得满意"
    assert 0 < speech.confidence <= 1


@pytest.mark.parametrize("answer", SCORE.phrases)
async def test_an_english_answer_is_recognised_by_its_grammar(english: str, answer: str) -> None:
    best, *_ = await hear(RemoteRecognizer({"en-US": english}), SCORE, speak("well", answer, "thanks"))
    assert best.text == answer
    assert best.confidence >= REJECT_BELOW


async def test_words_outside_the_grammar_are_no_answer(english: str) -> None:
    heard = await hear(RemoteRecognizer({"en-US": english}), SCORE, speak("water water"))
    assert [one for one in heard if one.confidence >= REJECT_BELOW] == []


async def test_later_hypotheses_cover_all_audio_since_the_start(english: str) -> None:
    listener = RemoteRecognizer({"en-US": english}).listen(Grammar("en-US", "sequence", ("two", "four")))
    await feed(listener, speak("two"))
    first = await listener.hypotheses()
    assert await listener.hypotheses() == first
    await feed(listener, speak("four"))
    second = await listener.hypotheses()
    assert (first[0].text, second[0].text) == ("two", "two four")
    listener.close()


async def test_languages_may_be_recognised_locally_and_remotely(english: str, clip: Clip, tmp_path: Path) -> None:
    recognizer = RecognizerRouter(tmp_path, {"zh-CN": SHIPPED["zh-CN"], "en-US": english})
    for language, grammar in (("zh-CN", CONTENT), ("en-US", SCORE)):
        recognizer.learn(language, grammar.phrases)
    assert recognizer.languages == {"zh-CN", "en-US"}
    assert recognizer.unheard("zh-CN", ["8分"]) and not recognizer.unheard("en-US", ["blorgish"])
    assert (await hear(recognizer, CONTENT, clip("manyi")))[0].text == "满意"
    assert (await hear(recognizer, SCORE, speak("four")))[0].text == "four"
    await recognizer.remote.check("en-US")
    recognizer.close()


# --- failures ---------------------------------------------------------------------------------------------------


async def disconnects(socket: web.WebSocketResponse) -> None:
    """Disconnect in the middle of the answer."""
    await socket.receive()
    await socket.receive()


async def stays_silent(socket: web.WebSocketResponse) -> None:
    await asyncio.sleep(60)


async def sends_invalid_json(socket: web.WebSocketResponse) -> None:
    async for _ in socket:
        await socket.send_str("hello")


async def sends_a_list(socket: web.WebSocketResponse) -> None:
    async for _ in socket:
        await socket.send_str("[]")


@asynccontextmanager
async def bad_server(behave: Callable[[web.WebSocketResponse], object]) -> AsyncIterator[str]:
    async def serve(request: web.Request) -> web.WebSocketResponse:
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        await behave(socket)  # type: ignore[misc]
        return socket

    app = web.Application()
    app.router.add_get("/", serve)
    running = TestServer(app, host="127.0.0.1")
    await running.start_server(shutdown_timeout=0.1)
    yield str(running.make_url("/")).replace("http", "ws")
    await running.close()


@pytest.mark.parametrize(
    ("behave", "reason"),
    [
        (disconnects, "it closed the connection before the result"),
        (stays_silent, "no answer within 0.3 s"),
        (sends_invalid_json, "Expecting value"),
        (sends_a_list, "[] is not a result"),
    ],
)
async def test_a_failing_server_recognises_nothing_and_the_reason_is_logged(
    behave: Callable[[web.WebSocketResponse], object], reason: str, caplog: pytest.LogCaptureFixture
) -> None:
    async with bad_server(behave) as address:
        with caplog.at_level(logging.WARNING):
            assert await hear(RemoteRecognizer({"zh-CN": address}, timeout_s=0.3), CONTENT, bytes(16000)) == ()
    assert f"this answer is not recognised: the speech server {address}: " in caplog.text
    assert reason in caplog.text


async def test_an_unreachable_server_recognises_nothing_and_its_password_stays_secret(
    caplog: pytest.LogCaptureFixture,
) -> None:
    port = PORTS.one()
    recognizer = RemoteRecognizer({"zh-CN": f"ws://me:secret@127.0.0.1:{port}"})
    with caplog.at_level(logging.WARNING):
        assert await hear(recognizer, CONTENT, bytes(16000)) == ()
    assert f"the speech server ws://127.0.0.1:{port}" in caplog.text
    assert "secret" not in caplog.text
    with pytest.raises(ServerFailed, match="Connect"):
        await recognizer.check("zh-CN")


async def test_after_a_failure_the_next_attempt_sends_all_the_audio() -> None:
    calls: list[int] = []

    async def sometimes(socket: web.WebSocketResponse) -> None:
        calls.append(0)
        if len(calls) == 1:
            return
        async for message in socket:
            if isinstance(message.data, bytes):
                calls[-1] += len(message.data)
                await socket.send_str('{"partial": ""}')
            elif "eof" in message.data:
                await socket.send_str('{"alternatives": [{"confidence": 9, "text": ""}]}')

    async with bad_server(sometimes) as address:
        listener = RemoteRecognizer({"zh-CN": address}).listen(CONTENT)
        listener.feed(bytes(16000))
        assert await listener.hypotheses() == ()
        assert await listener.hypotheses() == ()
        assert calls == [0, 16000]
        listener.close()


async def test_a_closed_listener_disconnects() -> None:
    gone = asyncio.Event()

    async def waits(socket: web.WebSocketResponse) -> None:
        await socket.receive()
        await socket.receive()
        await socket.send_str('{"partial": ""}')
        await socket.receive()
        gone.set()

    async with bad_server(waits) as address:
        recognizer = RemoteRecognizer({"zh-CN": address})
        listener = recognizer.listen(CONTENT)
        listener.feed(bytes(320))
        await asyncio.sleep(0.1)
        recognizer.close()
        await asyncio.wait_for(gone.wait(), 10)
    assert await listener.hypotheses() == ()
    with pytest.raises(ValueError, match="closed"):
        listener.feed(bytes(320))


async def test_no_audio_gives_no_hypotheses() -> None:
    listener = RemoteRecognizer({"zh-CN": "ws://127.0.0.1:9"}).listen(CONTENT)
    assert await listener.hypotheses() == ()
    with pytest.raises(ValueError, match="321 bytes"):
        listener.feed(bytes(321))


def test_an_address_is_shown_without_its_password() -> None:
    assert display_location("wss://me:secret@host:2700/zh") == "wss://host:2700/zh"
    assert display_location(Path("/srv/models/cn")) == "/srv/models/cn"


def test_a_language_without_a_server_is_refused() -> None:
    port: Recognizer = RemoteRecognizer({})
    with pytest.raises(UnheardLanguage, match="zh-CN"):
        port.listen(CONTENT)
    assert port.unheard("zh-CN", ["满意"]) == {"满意": "no model for zh-CN"}

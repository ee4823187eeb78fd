"""Invalid and missing input: the client learns the reason, the call ends cleanly, the server stays up."""

import asyncio
import json
from contextlib import suppress
from dataclasses import replace
from socket import SO_RCVBUF, SOL_SOCKET

import pytest
from aiohttp import ClientSession, WSCloseCode, WSMsgType

from ivr.telephony.browser.limits import PhoneLimits
from ivr.telephony.media import FRAME_BYTES, AudioFrame, KeyPressed, MarkReached, MediaClosed

CALL = {"type": "call", "version": 1, "flow": "survey", "language": "zh-CN", "rate": 8000}
FRAME = bytes(FRAME_BYTES)
PROTOCOL = MediaClosed(by="network", cause="protocol")
PATIENT = PhoneLimits(first_message_s=60, silence_s=60, stalled_s=60, heartbeat_s=60)
"""Limits so high that only the one a test lowers can end its call."""
CUT = MediaClosed(by="network", cause="media_lost")


async def refusal(socket):
    """The reason of the refusal and the close code; earlier messages are skipped."""
    reason = None
    async with asyncio.timeout(20):
        async for message in socket:
            if message.type is WSMsgType.TEXT and (said := json.loads(message.data))["type"] == "error":
                reason = said["reason"]
    return reason, socket.close_code


def once(act):
    """An `act` of SessionRecorder that runs on the first frame only."""

    def at_first(line, event, done=[]):  # noqa: B006 (remembers that it ran)
        if isinstance(event, AudioFrame) and not done:
            done.append(True)
            act(line)

    return at_first


async def calling(socket, **changes):
    await socket.send_json(CALL | changes)
    answered = await socket.receive_json()
    assert answered["type"] == "answered"
    return answered["call"]


@pytest.mark.parametrize(
    ("first", "reason", "code"),
    [
        (CALL | {"version": 2}, "version 2", WSCloseCode.UNSUPPORTED_DATA),
        (CALL | {"rate": 16000}, "rate 16000 Hz", WSCloseCode.UNSUPPORTED_DATA),
        (CALL | {"rate": "8000"}, "call.rate", WSCloseCode.INVALID_TEXT),
        (CALL | {"flow": ""}, "call.flow", WSCloseCode.INVALID_TEXT),
        (CALL | {"flow": "unknown"}, "no such flow", WSCloseCode.POLICY_VIOLATION),
        (CALL | {"flow": "repair", "language": "en-US"}, "no such flow", WSCloseCode.POLICY_VIOLATION),
        (CALL | {"variables": {"name": ["a"]}}, "call.variables", WSCloseCode.INVALID_TEXT),
        (CALL | {"variables": {"name": "x" * 501}}, "call.variables", WSCloseCode.INVALID_TEXT),
        (CALL | {"variables": {f"v{n}": n for n in range(33)}}, "call.variables", WSCloseCode.INVALID_TEXT),
        (CALL | {"variables": {"misspelt": 1}}, "call.variables.misspelt: survey takes", WSCloseCode.POLICY_VIOLATION),
        (CALL | {"more": 1}, "call.more", WSCloseCode.INVALID_TEXT),
        ({"type": "call", "version": 1}, "call.flow", WSCloseCode.INVALID_TEXT),
        ({"type": "key", "digit": "1"}, "key before the call", WSCloseCode.POLICY_VIOLATION),
        ({"type": "hello"}, "hello", WSCloseCode.UNSUPPORTED_DATA),
        ([], "", WSCloseCode.INVALID_TEXT),
        (FRAME, "audio before the call", WSCloseCode.POLICY_VIOLATION),
        ("{", "JSON", WSCloseCode.INVALID_TEXT),
        ("", "JSON", WSCloseCode.INVALID_TEXT),
        ("[" * 5000, "JSON", WSCloseCode.INVALID_TEXT),
    ],
)
async def test_a_bad_first_message_is_refused_and_no_session_begins(connect, sessions, first, reason, code):
    socket = await connect(sessions.answer)
    if isinstance(first, bytes):
        await socket.send_bytes(first)
    else:
        await socket.send_str(first if isinstance(first, str) else json.dumps(first))
    reason_given, closed = await refusal(socket)
    assert reason in reason_given
    assert closed == code
    assert sessions.lines == []


@pytest.mark.parametrize(
    ("bad", "reason", "code"),
    [
        (FRAME[:-1], "odd number of bytes", WSCloseCode.INVALID_TEXT),
        (FRAME[:-2], "318 bytes", WSCloseCode.INVALID_TEXT),
        (b"", "0 bytes", WSCloseCode.INVALID_TEXT),
        (FRAME * 2, "640 bytes", WSCloseCode.MESSAGE_TOO_BIG),
        ({"type": "key", "digit": "A"}, "key.digit", WSCloseCode.INVALID_TEXT),
        ({"type": "key", "digit": "12"}, "key.digit", WSCloseCode.INVALID_TEXT),
        ({"type": "key"}, "key.digit", WSCloseCode.INVALID_TEXT),
        ({"type": "mark", "name": ""}, "mark.name", WSCloseCode.INVALID_TEXT),
        ({"type": "answered", "call": "x"}, "answered", WSCloseCode.UNSUPPORTED_DATA),
        (CALL, "second call", WSCloseCode.POLICY_VIOLATION),
        ({"type": "mark", "name": "x" * 20_000}, "longer than", WSCloseCode.MESSAGE_TOO_BIG),
    ],
)
async def test_a_bad_message_during_a_call_ends_it_as_a_protocol_error(connect, sessions, bad, reason, code):
    socket = await connect(sessions.answer)
    await calling(socket)
    await (socket.send_bytes(bad) if isinstance(bad, bytes) else socket.send_json(bad))
    reason_given, closed = await refusal(socket)
    assert reason in reason_given
    assert closed == code
    assert await sessions.closed() == PROTOCOL


async def test_an_oversized_message_closes_the_socket_with_1009(connect, sessions):
    socket = await connect(sessions.answer)
    await calling(socket)
    await socket.send_bytes(bytes(200_000))
    _, code = await refusal(socket)
    assert code == WSCloseCode.MESSAGE_TOO_BIG
    assert await sessions.closed() == PROTOCOL


async def test_invalid_utf_8_closes_the_socket_with_1007(connect, sessions):
    socket = await connect(sessions.answer)
    await calling(socket)
    await socket.send_frame(b"\xff\xfe", WSMsgType.TEXT)
    _, code = await refusal(socket)
    assert code == WSCloseCode.INVALID_TEXT
    assert await sessions.closed() == PROTOCOL


async def test_an_invalid_websocket_frame_closes_the_socket(serve, sessions):
    address = await serve(sessions.answer)
    port = int(address.rsplit(":", 1)[1])
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(
        b"GET /phone/socket HTTP/1.1\r\nHost: 127.0.0.1\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n"
    )
    await reader.readuntil(b"\r\n\r\n")
    writer.write(bytes(range(256)) * 8)
    async with asyncio.timeout(20):
        assert await reader.read()
    writer.close()
    assert sessions.lines == []


async def test_a_plain_get_of_the_socket_is_a_bad_request(serve, sessions, http):
    async with http.get(await serve(sessions.answer) + "/phone/socket") as response:
        assert response.status == 400


async def test_a_flood_of_frames_is_cut_off(connect, sessions):
    socket = await connect(sessions.answer)
    await calling(socket)
    with suppress(ConnectionError):
        for _ in range(2_000):
            await socket.send_bytes(FRAME)
    reason_given, code = await refusal(socket)
    assert reason_given == "too many messages"
    assert code == WSCloseCode.POLICY_VIOLATION
    assert await sessions.closed() == PROTOCOL
    assert len(sessions.events) < 600


async def test_a_client_without_a_call_message_is_disconnected(connect, sessions):
    socket = await connect(sessions.answer, replace(PATIENT, first_message_s=0.05))
    assert await refusal(socket) == ("no call message received in time", WSCloseCode.POLICY_VIOLATION)


async def test_a_client_that_sends_nothing_is_a_lost_call(connect, sessions):
    socket = await connect(sessions.answer, replace(PATIENT, silence_s=0.05))
    await calling(socket)
    assert await sessions.closed() == CUT


async def test_a_client_that_keeps_sending_is_not_lost(connect, sessions):
    socket = await connect(sessions.answer, replace(PATIENT, silence_s=0.5))
    await calling(socket)
    loop = asyncio.get_running_loop()
    began = loop.time()
    while loop.time() < began + 1:
        await socket.send_bytes(FRAME)
        await asyncio.sleep(0.02)
    await socket.send_json({"type": "hangup"})
    assert await sessions.closed() == MediaClosed(by="caller", cause="normal")


async def test_a_mark_returned_while_a_clear_is_in_flight_is_ignored(connect, sessions):
    def speak(line):
        line.media.mark("old")
        line.media.mark("same")

    def act(line, event):
        if event == KeyPressed("1"):
            line.media.clear()
            line.media.mark("same")

    sessions.act = lambda line, event: (first(line, event), act(line, event))
    first = once(speak)
    socket = await connect(sessions.answer)
    await calling(socket)
    await socket.send_bytes(FRAME)
    before = [(await socket.receive_json())["name"] for _ in range(2)]
    await socket.send_json({"type": "key", "digit": "1"})
    for name in before:
        await socket.send_json({"type": "mark", "name": name})
    assert await socket.receive_json() == {"type": "clear"}
    after = (await socket.receive_json())["name"]
    await socket.send_json({"type": "mark", "name": after})
    await socket.send_json({"type": "hangup"})
    await sessions.closed()
    assert [event for event in sessions.events if isinstance(event, MarkReached)] == [MarkReached("same")]


async def test_a_client_that_answers_no_heartbeat_is_a_lost_call(connect, sessions):
    socket = await connect(sessions.answer, replace(PATIENT, heartbeat_s=0.05), autoping=False)
    await calling(socket)
    assert await sessions.closed() == CUT


async def test_a_closed_tab_is_a_caller_who_hung_up(connect, sessions):
    socket = await connect(sessions.answer)
    await calling(socket)
    await socket.close(code=WSCloseCode.GOING_AWAY)
    assert await sessions.closed() == MediaClosed(by="caller", cause="normal")


async def test_a_close_for_an_error_is_a_lost_call(connect, sessions):
    socket = await connect(sessions.answer)
    await calling(socket)
    await socket.close(code=WSCloseCode.INTERNAL_ERROR)
    assert await sessions.closed() == CUT


async def test_a_client_that_does_not_read_its_socket_is_a_lost_call(connect, sessions):
    sessions.act = once(lambda line: line.media.play(bytes(16_000_000)))
    socket = await connect(sessions.answer, replace(PATIENT, stalled_s=0.2, closing_s=0.1, unplayed_bytes=20_000_000))
    socket.get_extra_info("socket").setsockopt(SOL_SOCKET, SO_RCVBUF, 4096)
    await calling(socket)
    await socket.send_bytes(FRAME)
    assert await sessions.closed() == CUT


async def test_too_much_unplayed_audio_ends_the_call(connect, sessions):
    sessions.act = once(lambda line: line.media.play(bytes(100_000)))
    socket = await connect(sessions.answer, replace(PATIENT, unplayed_bytes=50_000))
    await calling(socket)
    await socket.send_bytes(FRAME)
    assert await sessions.closed() == CUT


async def test_a_session_that_reads_no_events_ends_its_call(connect, sessions):
    reading = asyncio.Event()

    async def slow(line):
        await reading.wait()
        await sessions.answer(line)

    socket = await connect(slow, PhoneLimits(unread_events=10))
    await calling(socket)
    for _ in range(20):
        await socket.send_bytes(FRAME)
    assert await socket.receive_json() == {"type": "ended", "by": "us", "cause": "failed"}
    reading.set()
    assert await sessions.closed() == MediaClosed(by="us", cause="failed")
    assert len(sessions.events) == 11


async def test_a_session_that_fails_ends_its_call(connect, caplog):
    async def failing(line):
        raise RuntimeError("out of order")

    socket = await connect(failing)
    call = await calling(socket)
    assert await socket.receive_json() == {"type": "ended", "by": "us", "cause": "failed"}
    assert call in caplog.text


@pytest.mark.parametrize("moment", ["connected", "called", "answered", "talking", "listening", "ending"])
async def test_a_socket_cut_at_any_moment_ends_the_call_and_the_next_one_works(serve, sessions, http, moment):
    sessions.act = lambda line, event: line.media.play(bytes(32_000))
    address = await serve(sessions.answer)
    socket = await http.ws_connect(address + "/phone/socket")
    if moment != "connected":
        await socket.send_json(CALL)
    if moment in ("answered", "talking", "listening", "ending"):
        await socket.receive_json()
    if moment in ("talking", "listening", "ending"):
        await socket.send_bytes(FRAME)
    if moment == "listening":
        await socket.receive_bytes()
    if moment == "ending":
        await socket.send_json({"type": "hangup"})
    await http.close()
    if moment != "connected":
        assert (await sessions.closed()).cause in ("media_lost", "normal")
    async with ClientSession() as fresh, fresh.ws_connect(address + "/phone/socket") as again:
        await calling(again)

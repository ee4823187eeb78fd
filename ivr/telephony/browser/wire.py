"""Messages on the browser phone's socket, protocol version 1 (docs/browser-phone.md).

Must not know: sockets, flows, sessions.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Final, Literal, TypeVar

from aiohttp import WSCloseCode
from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from ivr.events import EndedBy, Value
from ivr.telephony.media import FRAME_BYTES, SAMPLE_RATE_HZ, AudioFrame

VERSION: Final = 1
MESSAGE_BYTES: Final = 16_384
"""Maximum length of a text message from either side."""

M = TypeVar("M")
WireName = Annotated[str, Field(min_length=1, max_length=64)]
WireText = Annotated[str, Field(max_length=500)]


class WireError(Exception):
    """The far end violated the protocol. `code` is the close code sent to it (RFC 6455, section 7.4.1)."""

    def __init__(self, reason: str, code: WSCloseCode) -> None:
        super().__init__(reason)
        self.reason = reason
        self.code = code


class WireMessage(BaseModel):
    """A text message from either side."""

    model_config = ConfigDict(frozen=True, strict=True, extra="forbid")

    def encode(self) -> str:
        return self.model_dump_json()


class CallMessage(WireMessage):
    """The client's first message: the flow called, the language, and variables for the flow."""

    type: Literal["call"] = "call"
    version: int
    flow: WireName
    language: WireName
    rate: int
    variables: Annotated[
        dict[WireName, Annotated[str, Field(max_length=500)] | bool | int | None], Field(max_length=32)
    ] = {}


class KeyPressMessage(WireMessage):
    type: Literal["key"] = "key"
    digit: Annotated[str, Field(pattern=r"^[0-9*#]$")]


class MarkMessage(WireMessage):
    """From the server: a position in the audio. From the client: everything before that position has been played."""

    type: Literal["mark"] = "mark"
    name: WireName


class HangUpMessage(WireMessage):
    type: Literal["hangup"] = "hangup"


class AnsweredMessage(WireMessage):
    type: Literal["answered"] = "answered"
    call: str


class ClearMessage(WireMessage):
    """Discard all audio and marks not yet played."""

    type: Literal["clear"] = "clear"


class TranscriptMessage(WireMessage):
    """One line of the live transcript: speaker, text, and in `detail` how it was understood."""

    type: Literal["transcript"] = "transcript"
    who: Literal["us", "caller"]
    text: str
    detail: Mapping[str, Value | float] = {}


class EndedMessage(WireMessage):
    type: Literal["ended"] = "ended"
    by: EndedBy
    cause: str


class ErrorMessage(WireMessage):
    """The client violated the protocol; the socket is closed right after."""

    type: Literal["error"] = "error"
    reason: str


ClientMessage = CallMessage | KeyPressMessage | MarkMessage | HangUpMessage
ServerMessage = AnsweredMessage | MarkMessage | ClearMessage | TranscriptMessage | EndedMessage | ErrorMessage

_client: TypeAdapter[ClientMessage] = TypeAdapter(Annotated[ClientMessage, Field(discriminator="type")])
_server: TypeAdapter[ServerMessage] = TypeAdapter(Annotated[ServerMessage, Field(discriminator="type")])


def decode_client(text: str) -> ClientMessage:
    """Parse a text message from the client; raise WireError if it is invalid."""
    if len(text) > MESSAGE_BYTES:
        raise WireError(f"message longer than {MESSAGE_BYTES} characters", WSCloseCode.MESSAGE_TOO_BIG)
    message = _decode(_client, text)
    if isinstance(message, CallMessage):
        if message.version != VERSION:
            raise WireError(
                f"protocol version {message.version} is not supported, only {VERSION}", WSCloseCode.UNSUPPORTED_DATA
            )
        if message.rate != SAMPLE_RATE_HZ:
            raise WireError(
                f"rate {message.rate} Hz is not supported, only {SAMPLE_RATE_HZ} Hz", WSCloseCode.UNSUPPORTED_DATA
            )
    return message


def decode_frame(data: bytes) -> AudioFrame:
    """Parse a binary message from the client: one frame of microphone audio; raise WireError if it is invalid."""
    if len(data) % 2:
        raise WireError("audio has an odd number of bytes; a sample has two", WSCloseCode.INVALID_TEXT)
    if len(data) != FRAME_BYTES:
        code = WSCloseCode.MESSAGE_TOO_BIG if len(data) > FRAME_BYTES else WSCloseCode.INVALID_TEXT
        raise WireError(f"audio message of {len(data)} bytes; a frame has {FRAME_BYTES}", code)
    return AudioFrame(data)


def decode_server(text: str) -> ServerMessage:
    """Parse a text message from the server; raise WireError if it is invalid."""
    return _decode(_server, text)


def _decode(kind: TypeAdapter[M], text: str) -> M:
    try:
        return kind.validate_json(text)
    except ValidationError as error:
        fault = error.errors(include_url=False, include_input=False)[0]
        where = ".".join(str(step) for step in fault["loc"])
        reason = f"{where}: {fault['msg']}" if where else fault["msg"]
        unknown = fault["type"] == "union_tag_invalid"
        raise WireError(reason, WSCloseCode.UNSUPPORTED_DATA if unknown else WSCloseCode.INVALID_TEXT) from None

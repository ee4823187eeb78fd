"""What is particular to one place: lines, phones, trunk, addresses; and the secrets that go with it.

Must not know: how Asterisk writes any of it down.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from ipaddress import IPv4Network
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError, model_validator
from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

from ivr.errors import Fault, FaultyFile, HuifangError

EndpointName = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_-]+$")]
DialString = Annotated[str, StringConstraints(pattern=r"^[0-9+*#]+$")]
Host = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9.:_-]+$")]
Port = Annotated[int, Field(ge=1, le=65535)]
DialTarget = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_]+/[A-Za-z0-9_.+*#@:/-]+$")]
FilePath = Annotated[str, StringConstraints(pattern=r"^[^;\n]*$")]


class _Model(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class ServedLine(_Model):
    """What answers a number of ours."""

    flow: str
    language: str = "zh-CN"


class Bind(_Model):
    """An address that Asterisk listens on."""

    host: Host = "127.0.0.1"
    port: Port


class RtpPorts(_Model):
    """UDP ports for voice, two for each leg of a call."""

    first: Port = 20000
    last: Port = 20999


class Fallback(_Model):
    """The people who take calls when the service can't: `ring_s` for each round, at most `wait_s` in all."""

    phones: tuple[EndpointName, ...] = ()
    ring_s: int = Field(default=20, ge=1)
    wait_s: int = Field(default=120, ge=1)


class Ringing(_Model):
    """What callers hear while the service has no room: so many rings at most, then a person takes the call.

    In China it rings every 5 s: a second of tone, four of silence.
    """

    rings: int = Field(default=8, ge=0)
    every_s: int = Field(default=5, ge=1)


class Trunk(_Model):
    """The way to the telephone network. `authorities`: whom to trust to vouch for the far end (PEM file)."""

    host: Host
    port: Port | None = None
    transport: Literal["tls", "tcp", "udp"] = "tls"
    srtp: bool = True
    user: EndpointName | None = None
    register_there: bool = Field(default=False, alias="register")
    local_port: Port = 5061
    authorities: FilePath = "/etc/ssl/certs/ca-certificates.crt"
    certificate: FilePath | None = None
    key: FilePath | None = None

    @property
    def uri(self) -> str:
        """The far end's SIP address."""
        port = self.port or (5061 if self.transport == "tls" else 5060)
        return f"sip:{self.host}:{port}" + ("" if self.transport == "udp" else f"\\;transport={self.transport}")

    @model_validator(mode="after")
    def _check_transport(self) -> Trunk:
        if self.srtp and self.transport != "tls":
            raise ValueError("srtp sends its keys in the signalling, so it needs transport tls (or say srtp: false)")
        if self.register_there and not self.user:
            raise ValueError("register needs a user")
        return self


class Site(_Model):
    """One Asterisk and what hangs on it. `service` is where Asterisk finds the service (ws:// or wss://)."""

    app: EndpointName = "huifang"
    ari_user: EndpointName = "huifang"
    language: EndpointName = "zh-CN"
    service: Annotated[str, StringConstraints(pattern=r"^wss?://[A-Za-z0-9.:_/-]+$")] = "ws://127.0.0.1:8080"
    events: Literal["we_connect", "asterisk_connects"] = "we_connect"
    http: Bind = Bind(port=8088)
    sip: Bind = Bind(port=5060)
    rtp: RtpPorts = RtpPorts()
    outside: Host | None = None
    """This machine's address as others see it, where that is not its own (NAT, containers)."""
    inside: tuple[IPv4Network, ...] = tuple(map(IPv4Network, ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16")))
    """The networks that see this machine's own address instead."""
    lines: dict[DialString, ServedLine] = {}
    phones: tuple[EndpointName, ...] = ()
    voiceless_s: int = Field(default=30, ge=1)
    """A phone that sends no voice for so long has lost its connection."""
    qualify_s: int = Field(default=30, ge=0)
    fallback: Fallback = Fallback()
    ringing: Ringing = Ringing()
    targets: dict[str, DialTarget] = {}
    trunk: Trunk | None = None

    @model_validator(mode="after")
    def _check_fallback(self) -> Site:
        for phone in self.fallback.phones:
            if phone not in self.phones:
                raise ValueError(f"fallback.phones: {phone} is not among the phones")
        return self

    @property
    def ari_url(self) -> str:
        """Where ARI is, unless ASTERISK_ARI_URL says otherwise."""
        return f"http://{self.http.host}:{self.http.port}/ari"


def load_site(path: Path) -> Site:
    """Read a site file.

    Raises:
        FaultyFile: not YAML, or something in it is unknown, missing or unsafe to write into a configuration.
    """
    try:
        return Site.model_validate(YAML(typ="safe").load(path.read_text(encoding="utf-8")) or {})
    except OSError as error:
        raise FaultyFile([Fault(str(path), "", error.strerror or str(error))]) from error
    except YAMLError as error:
        raise FaultyFile([Fault(str(path), "", str(error))]) from error
    except ValidationError as error:
        raise FaultyFile(
            [Fault(str(path), ".".join(map(str, one["loc"])), one["msg"]) for one in error.errors()]
        ) from error


class MissingSecrets(HuifangError):
    """The environment lacks passwords that the site needs; `names` are the variables."""

    def __init__(self, names: tuple[str, ...]) -> None:
        super().__init__("not in the environment: " + ", ".join(names))
        self.names = names


@dataclass(frozen=True, slots=True)
class Secrets:
    """The passwords of a site; never printed."""

    ari: str = field(repr=False)
    media: str = field(repr=False)
    phones: Mapping[str, str] = field(default_factory=dict, repr=False)
    trunk: str = field(default="", repr=False)


def own_secrets(environment: Mapping[str, str] = os.environ) -> Secrets:
    """The two passwords that Asterisk and the service show each other; all that the service needs to know.

    Raises:
        MissingSecrets: naming every variable that is absent or empty.
    """
    ari, media = _read_variables(("ASTERISK_ARI_PASSWORD", "ASTERISK_MEDIA_PASSWORD"), environment)
    return Secrets(ari, media)


def _read_variables(names: tuple[str, ...], environment: Mapping[str, str]) -> list[str]:
    if missing := tuple(name for name in names if not environment.get(name)):
        raise MissingSecrets(missing)
    return [environment[name] for name in names]


def secrets(site: Site, environment: Mapping[str, str] = os.environ) -> Secrets:
    """Take the site's passwords from the environment.

    Raises:
        MissingSecrets: naming every variable that is absent or empty.
    """
    phones = {phone: "ASTERISK_PHONE_PASSWORD_" + phone.upper().replace("-", "_") for phone in site.phones}
    trunk = ("ASTERISK_TRUNK_PASSWORD",) if site.trunk and site.trunk.user else ()
    names = ("ASTERISK_ARI_PASSWORD", "ASTERISK_MEDIA_PASSWORD", *phones.values(), *trunk)
    ari, media, *others = _read_variables(names, environment)
    return Secrets(ari, media, dict(zip(phones, others, strict=False)), others[-1] if trunk else "")

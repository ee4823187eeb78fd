"""Site configuration: lines, phones, trunk, addresses; and the passwords that go with it.

Must not know: Asterisk's configuration syntax.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from ipaddress import IPv4Network
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError, field_validator, model_validator
from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

from ivr.errors import Fault, FaultyFile, HuifangError
from ivr.phone_number import REGION, REGIONS

EndpointName = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_-]+$")]
DialString = Annotated[str, StringConstraints(pattern=r"^[0-9+*#]+$")]
Host = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9.:_-]+$")]
Port = Annotated[int, Field(ge=1, le=65535)]
DialTarget = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_]+/[A-Za-z0-9_.+*#@:/-]+$")]
DialPrefix = Annotated[str, StringConstraints(pattern=r"^\+?[0-9*#]*$")]
AreaCode = Annotated[str, StringConstraints(pattern=r"^[0-9]{0,6}$")]
FilePath = Annotated[str, StringConstraints(pattern=r"^[^;\n]*$")]


class _Model(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class ServedLine(_Model):
    """The flow and language that answer a number."""

    flow: str
    language: str = "zh-CN"


class Bind(_Model):
    """An address that Asterisk listens on."""

    host: Host = "127.0.0.1"
    port: Port


class RtpPorts(_Model):
    """UDP ports for voice, two per call leg."""

    first: Port = 20000
    last: Port = 20999


class Fallback(_Model):
    """Phones that take calls when the service cannot: `ring_s` per ringing attempt, at most `wait_s` in total."""

    phones: tuple[EndpointName, ...] = ()
    ring_s: int = Field(default=20, ge=1)
    wait_s: int = Field(default=120, ge=1)


class Ringing(_Model):
    """Ringing heard by callers while the service is at capacity: at most `rings`, then the call goes to a person.

    The ring period in China is 5 s: one second of tone, four of silence.
    """

    rings: int = Field(default=8, ge=0)
    every_s: int = Field(default=5, ge=1)


class TrunkNumbers(_Model):
    """The forms of telephone numbers on a trunk; records keep E.164."""

    region: str = REGION
    """The region (ISO 3166) whose numbers have no country code on the trunk."""
    dialled: Literal["national", "international"] = "national"
    """`national`: as dialled within the region (13812345678, 041183612345); `international`: country code and number
    (8613812345678)."""
    dialled_prefix: DialPrefix = ""
    """Put before every number dialled, except those of at most six digits."""
    shown_prefix: DialPrefix = ""
    """Put by the network before the callers' numbers it shows; removed."""
    area_code: AreaCode = ""
    """The area code, with its 0, of callers whom the network shows without one."""

    @field_validator("region")
    @classmethod
    def _check_region(cls, region: str) -> str:
        if region not in REGIONS:
            raise ValueError(f"{region} is not a region that has a numbering plan; use a code of ISO 3166, such as CN")
        return region


class Trunk(_Model):
    """SIP trunk to the telephone network. `authorities` is the PEM file of CAs trusted to certify the far end."""

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
    numbers: TrunkNumbers = TrunkNumbers()

    @property
    def uri(self) -> str:
        """The far end's SIP address."""
        port = self.port or (5061 if self.transport == "tls" else 5060)
        return f"sip:{self.host}:{port}" + ("" if self.transport == "udp" else f"\\;transport={self.transport}")

    @model_validator(mode="after")
    def _check_transport(self) -> Trunk:
        if self.srtp and self.transport != "tls":
            raise ValueError("srtp sends its keys in the signalling: use transport: tls, or set srtp: false")
        if self.register_there and not self.user:
            raise ValueError("register: true needs a user")
        return self


class Site(_Model):
    """One Asterisk with its lines, phones and trunk. `service` is the service's address (ws:// or wss://)."""

    app: EndpointName = "huifang"
    ari_user: EndpointName = "huifang"
    language: EndpointName = "zh-CN"
    service: Annotated[str, StringConstraints(pattern=r"^wss?://[A-Za-z0-9.:_/-]+$")] = "ws://127.0.0.1:8080"
    events: Literal["we_connect", "asterisk_connects"] = "we_connect"
    http: Bind = Bind(port=8088)
    sip: Bind = Bind(port=5060)
    rtp: RtpPorts = RtpPorts()
    outside: Host | None = None
    """This machine's address as seen from outside, if it differs from its own (NAT, containers)."""
    inside: tuple[IPv4Network, ...] = tuple(map(IPv4Network, ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16")))
    """The networks that reach this machine under its own address instead."""
    lines: dict[DialString, ServedLine] = {}
    phones: tuple[EndpointName, ...] = ()
    voiceless_s: int = Field(default=30, ge=1)
    """A phone that sends no RTP for this long counts as disconnected."""
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
    def trunk_numbers(self) -> TrunkNumbers:
        """The forms of numbers on the trunk; the defaults if the site names none."""
        return self.trunk.numbers if self.trunk else TrunkNumbers()

    @property
    def ari_url(self) -> str:
        """The default address of ARI, which ASTERISK_ARI_URL overrides."""
        return f"http://{self.http.host}:{self.http.port}/ari"


def load_site(path: Path) -> Site:
    """Read a site file.

    Raises:
        FaultyFile: the file is unreadable or not YAML, or an entry is unknown, missing or unsafe in a configuration.
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
    """Passwords required by the site are missing from the environment; `names` are the variables."""

    def __init__(self, names: tuple[str, ...]) -> None:
        super().__init__("not set in the environment: " + ", ".join(names))
        self.names = names


@dataclass(frozen=True, slots=True)
class Secrets:
    """The passwords of a site; never printed."""

    ari: str = field(repr=False)
    media: str = field(repr=False)
    phones: Mapping[str, str] = field(default_factory=dict, repr=False)
    trunk: str = field(default="", repr=False)


def own_secrets(environment: Mapping[str, str] = os.environ) -> Secrets:
    """Return the two passwords with which Asterisk and the service authenticate; the service needs no others.

    Raises:
        MissingSecrets: names every variable that is absent or empty.
    """
    ari, media = _read_variables(("ASTERISK_ARI_PASSWORD", "ASTERISK_MEDIA_PASSWORD"), environment)
    return Secrets(ari, media)


def _read_variables(names: tuple[str, ...], environment: Mapping[str, str]) -> list[str]:
    if missing := tuple(name for name in names if not environment.get(name)):
        raise MissingSecrets(missing)
    return [environment[name] for name in names]


def secrets(site: Site, environment: Mapping[str, str] = os.environ) -> Secrets:
    """Read all the site's passwords from the environment.

    Raises:
        MissingSecrets: names every variable that is absent or empty.
    """
    phones = {phone: "ASTERISK_PHONE_PASSWORD_" + phone.upper().replace("-", "_") for phone in site.phones}
    trunk = ("ASTERISK_TRUNK_PASSWORD",) if site.trunk and site.trunk.user else ()
    names = ("ASTERISK_ARI_PASSWORD", "ASTERISK_MEDIA_PASSWORD", *phones.values(), *trunk)
    ari, media, *others = _read_variables(names, environment)
    return Secrets(ari, media, dict(zip(phones, others, strict=False)), others[-1] if trunk else "")

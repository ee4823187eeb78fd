"""Operator settings: environment variables prefixed HUIFANG_; the defaults need no external server."""

from __future__ import annotations

from pathlib import Path
from zoneinfo import ZoneInfo

from pydantic import Field, SecretStr, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from ivr.resource_files import DATA, RESOURCES


class Settings(BaseSettings):
    """Operator settings; `docs/operating.md` explains each."""

    model_config = SettingsConfigDict(env_prefix="HUIFANG_", extra="ignore")

    host: str = Field("127.0.0.1", description="address to listen on; any but loopback requires a token")
    port: int = Field(8080, ge=0, le=65535, description="0: any free port")
    data: Path = Field(DATA, description="folder for all persistent data")
    flows: Path = Field(RESOURCES / "callflows.yaml", description="the flows file")
    lines: Path = Field(RESOURCES / "lines.yaml", description="the complaint lines and routing rules")
    calendar: Path = Field(
        RESOURCES / "calendar.yaml", description="days off and workdays that override the annual notice"
    )
    prompts: Path = Field(RESOURCES / "prompts", description="the prompts folder")
    models: dict[str, str] = Field(
        default_factory=dict,
        description='language → folder of a Vosk model or address of a Vosk server, as JSON: {"zh-CN": "/models/cn"}',
    )
    database: str = Field("", description="postgresql://… ; empty: SQLite in the data folder")
    redis: SecretStr = Field(SecretStr(""), description="redis://… ; empty: the service starts a private one")
    recordings: str = Field(
        "", description="folder or URL (s3://bucket/prefix) for recordings; empty: a folder in the data folder"
    )
    site: Path | None = Field(None, description="the site file of the Asterisk (dialplans/site.yaml); empty: none")
    rosters: Path | None = Field(
        RESOURCES / "rosters.yaml", description="agents and their lines; empty: the site's targets"
    )
    capacity: int = Field(100, ge=1, description="concurrent Asterisk calls; excess callers go to a person")
    timezone: str = Field("Asia/Shanghai", description="the callers' time zone")
    log_level: str = "INFO"

    @field_validator("site", "rosters", mode="before")
    @classmethod
    def _empty_is_none(cls, written: object) -> object:
        return None if written == "" else written

    @field_validator("timezone")
    @classmethod
    def _check_zone(cls, name: str) -> str:
        ZoneInfo(name)
        return name

    @property
    def database_url(self) -> str:
        """URL of the records database."""
        return self.database or f"sqlite:///{self.data / 'records.sqlite'}"

    @property
    def recordings_url(self) -> str:
        """Folder or URL of the recordings."""
        return self.recordings or str(self.data / "recordings")

    @property
    def zone(self) -> ZoneInfo:
        """The callers' time zone."""
        return ZoneInfo(self.timezone)

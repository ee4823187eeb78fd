"""Databases to keep projects in."""

from tests.records.conftest import postgres, records, server, sqlite, url

__all__ = ["postgres", "records", "server", "sqlite", "url"]

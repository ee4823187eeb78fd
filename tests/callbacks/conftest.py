"""The lines that ship, and databases to keep bookings in."""

from tests.complaints.conftest import postgres, records, rules, server, sqlite, url

__all__ = ["postgres", "records", "rules", "server", "sqlite", "url"]

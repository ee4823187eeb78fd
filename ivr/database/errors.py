"""The errors of the records, besides ivr.errors.IllegalMove."""

from __future__ import annotations

from ivr.errors import HuifangError


class UnknownCall(HuifangError):
    """No call with this id exists."""


class RecordsUnavailable(HuifangError):
    """The database cannot be used: it does not respond, or was written by a newer version of this program."""


class RecordingLost(HuifangError):
    """A recording could not be written completely; the part written so far is readable."""

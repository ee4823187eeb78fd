"""What can go wrong with the records, beside ivr.errors.IllegalMove."""

from __future__ import annotations

from ivr.errors import HuifangError


class UnknownCall(HuifangError):
    """No call with this id was ever opened."""


class RecordsUnavailable(HuifangError):
    """The database cannot be used: it does not answer, or is newer than this program."""


class RecordingLost(HuifangError):
    """A recording could not be written to its end; what was written until then is readable."""

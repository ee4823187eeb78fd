"""The names of our applications, contexts, channels and bridges in Asterisk. Pure.

Each node has an ARI application of its own, `SITE@NODE`. The name of every channel and bridge that a node creates tells
the node and the call: `SITE@NODE.voice.CALL.….` No name may begin with another one: Asterisk 22.10 takes that for the
same id, and crashes if the new channel is a media channel. Must not know: requests, what the channels are for.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final, Literal

Kind = Literal["voice", "party", "other", "spy", "tap", "bridge"]
"""The media channel of a call, a party whom we called, a person rung for a caller on hold, a snoop channel and its
media channel, a bridge."""

MEDIA: Final = frozenset({"voice", "spy", "tap"})
"""The kinds of channels that are no people."""
NODE_MAX: Final = 64
_NAME: Final = re.compile(r"([^@.]+@[^.]+)\.(voice|party|other|spy|tap|bridge)\.([^.]+)(?:\..*)?")


@dataclass(frozen=True, slots=True)
class Owner:
    """The node, by its application, and the call that a channel or a bridge belongs to."""

    app: str
    kind: str
    call: str


def application(site: str, node: str) -> str:
    """Return the ARI application of a node of a site."""
    return f"{site}@{re.sub(r'[^A-Za-z0-9]+', '-', node)[-NODE_MAX:]}"


def pattern(site: str) -> str:
    """Return a regular expression for the applications of all nodes of a site."""
    return f"^{site}@"


def site(app: str) -> str:
    """Return the site of an application."""
    return app.partition("@")[0]


def is_other_node(app: str, other: str) -> bool:
    """Return whether `other` is the application of another node of the same site."""
    return other != app and "@" in other and site(other) == site(app)


def context(app: str, name: str) -> str:
    """Return a context of extensions.conf; all nodes of a site share them."""
    return f"{site(app)}-{name}"


def name(app: str, kind: Kind, call: str, *parts: str) -> str:
    """Return the name of a channel or a bridge of a call; `parts` tell it from others of its kind."""
    return ".".join((app, kind, call, *parts))


def is_media(app: str, named: str) -> bool:
    """Return whether a channel of a node of the site is no person."""
    found = owner(app, named)
    return found is not None and found.kind in MEDIA


def owner(app: str, named: str) -> Owner | None:
    """Return the owner of a channel or bridge, None if no node of the site of `app` has created it."""
    found = _NAME.fullmatch(named)
    if found is None or site(found[1]) != site(app):
        return None
    return Owner(found[1], found[2], found[3])

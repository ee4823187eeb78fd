"""Comparison of presented credentials with the expected ones. Must not know: where they come from."""

from __future__ import annotations

import hmac


def matches(presented: str, expected: str) -> bool:
    """Return whether two secrets are equal, comparing them in constant time.

    `presented` may hold surrogates, the bytes of a header or an environment variable that are not UTF-8: such a secret
    is never equal.
    """
    return hmac.compare_digest(presented.encode(errors="surrogateescape"), expected.encode())

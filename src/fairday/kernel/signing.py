"""Texts signed with the shop's own key: what a cookie or a link says cannot be made up. Pure."""

from __future__ import annotations

import base64
import hashlib
import hmac


def sign(key: bytes, text: str, until: int) -> str:
    """A text with its end (ms) and a signature over both, fit for a cookie."""
    body = base64.urlsafe_b64encode(f"{until:x}|{text}".encode()).decode().rstrip("=")
    return f"{body}.{_mac(key, body)}"


def signed(key: bytes, value: str, now: int) -> str | None:
    """The text of a signed value, or None where it was not signed by us or is over."""
    body, _, mac = value.partition(".")
    if len(value) > 2000 or not hmac.compare_digest(mac.encode(), _mac(key, body).encode()):
        return None
    until, _, text = base64.urlsafe_b64decode(body + "=" * (-len(body) % 4)).decode().partition("|")
    return text if int(until, 16) > now else None


def _mac(key: bytes, body: str) -> str:
    return hmac.new(key, body.encode(), hashlib.sha256).hexdigest()[:32]

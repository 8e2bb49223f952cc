"""What an event says of how its person came: campaign words and click ids."""

from __future__ import annotations

import re
from typing import Any
from urllib.parse import unquote_plus

CLICK_IDS = ("gclid", "fbclid", "msclkid", "bd_vid", "qz_gdt")
"""Google, Meta, Microsoft, Baidu and Tencent: what each puts into the address of a bought visit."""

CAMPAIGN_WORDS = ("source", "medium", "campaign", "term", "content")

MAX_WORD = 200
"""Characters kept of one word or click id."""

_IN_URL = re.compile(r"[?&#](?:utm_(source|medium|campaign|term|content)|(" + "|".join(CLICK_IDS) + r"))=([^&#]*)")


def touch_of(context: dict[str, Any], properties: dict[str, Any]) -> dict[str, str]:
    """The campaign words and click ids of an event, empty where it has none.

    What the sender states (``context.campaign``, then ``properties.campaign``) goes before what stands in the page's
    address: the first with a query of ``context.page.url`` and ``search``, ``properties.url`` and ``search``; also
    behind its ``#``, where pages inside WeChat keep their route.

    Returns:
        Any of ``source``, ``medium``, ``campaign``, ``term``, ``content`` and the click ids by their own names.
    """
    found: dict[str, str] = {}
    for holder in (context, properties):
        campaign = holder.get("campaign")
        if isinstance(campaign, dict):
            for key, value in campaign.items():
                word = "campaign" if key == "name" else key
                if word in CAMPAIGN_WORDS or word in CLICK_IDS:
                    _keep(found, word, value)
    for word, value in _marks(_address(context.get("page")) or _address(properties)):
        _keep(found, word, value)
    for click_id in CLICK_IDS:
        if click_id in context:
            _keep(found, click_id, context[click_id])
    return found


def _address(holder: Any) -> str:
    """The address with a query that a page object holds, or ""."""
    if isinstance(holder, dict):
        for key in ("url", "search"):
            address = holder.get(key)
            if isinstance(address, str) and "=" in address:
                return address
    return ""


def _marks(address: str) -> list[tuple[str, str]]:
    found = []
    for word, click_id, value in _IN_URL.findall(address) if address else ():
        if "%" in value or "+" in value:
            value = unquote_plus(value, errors="replace").replace("\0", "")
        found.append((word or click_id, value))
    return found


def _keep(found: dict[str, str], word: str, value: Any) -> None:
    if isinstance(value, str) and (value := value.strip()):
        found.setdefault(word, value[:MAX_WORD])

"""The console's menu: one list of groups, each page a line in one of them.

A page of its own gets a line here, its words ``nav.NAME`` in three languages and its icon in ``parts.html``; a page
that belongs to another's (quotes to companies) stands in that one's ``also``. A test fails for a page under no line.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple


class Page(NamedTuple):
    """A line of the menu: its name, where it leads, and what else is looked at under it.

    ``also``: the beginnings of further addresses. The first of ``(href, *also)`` that somebody may open is where the
    line leads them.
    """

    name: str
    href: str
    also: tuple[str, ...] = ()


class Line(NamedTuple):
    """A line as somebody sees it: ``here`` when they look at it or at what belongs to it."""

    name: str
    href: str
    here: bool


class Group(NamedTuple):
    """A group as somebody sees it: its name ("" for the lines that stand free above) and its lines."""

    name: str
    lines: tuple[Line, ...]
    here: bool


GROUPS: tuple[tuple[str, tuple[Page, ...]], ...] = (
    ("", (
        Page("overview", "/console"),
        Page("morning", "/console/morning"),
    )),
    ("customers", (
        Page("people", "/console/people", ("/console/why",)),
        Page("audiences", "/console/audiences"),
        Page("members", "/console/members", ("/console/rewards",)),
        Page("companies", "/console/companies", ("/console/quotes",)),
    )),
    ("goods", (
        Page("goods", "/console/goods", ("/console/prices",)),
        Page("stock", "/console/stock", ("/console/shipping", "/console/stores")),
        Page("borders", "/console/borders"),
    )),
    ("offers", (
        Page("scenes", "/console/scenes", ("/console/gallery", "/console/foresee")),
        Page("promotions", "/console/promotions"),
        Page("coupons", "/console/coupons", ("/console/reprice",)),
        Page("mailbox", "/console/mailbox"),
    )),
    ("trade", (
        Page("orders", "/console/orders", ("/console/making",)),
        Page("payments", "/console/payments", ("/console/reconciliation",)),
        Page("market", "/console/market"),
        Page("briefs", "/console/briefs"),
        Page("designs", "/console/designs"),
    )),
    ("results", (
        Page("report", "/console/report"),
        Page("follow", "/console/follow"),
    )),
    ("shop", (
        Page("data", "/console/data", ("/console/data/imports",)),
        Page("settings", "/console/settings"),
    )),
)  # fmt: skip
"""The menu, group by group. Names of groups are words ``menu.NAME``."""


def holds(page: Page, path: str) -> bool:
    """Whether an address is a page's own or under it; ``/console`` has nothing under it but itself."""
    return any(path == h or (h != "/console" and path.startswith(f"{h}/")) for h in (page.href, *page.also))


def groups(opens: Callable[[str], bool], path: str) -> list[Group]:
    """The menu of somebody who looks at ``path``, without what they may not open and without empty groups.

    Args:
        opens: whether they may follow a link.
    """
    found = []
    for name, pages in GROUPS:
        led = ((page, next((h for h in (page.href, *page.also) if opens(h)), "")) for page in pages)
        lines = tuple(Line(page.name, href, holds(page, path)) for page, href in led if href)
        if lines:
            found.append(Group(name, lines, any(line.here for line in lines)))
    return found

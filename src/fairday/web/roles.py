"""Who may do what on the console: one table of roles by permission, one of permissions by route.

A route that stands in neither is the owner's alone, and a test fails until it is declared here.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import cache
from typing import Literal, get_args

from fairday.operators import Role

Permission = Literal[
    "own",
    "overview",
    "report",
    "audiences.read",
    "audiences.write",
    "scenes.read",
    "scenes.write",
    "goods.read",
    "goods.write",
    "stock.read",
    "stock.write",
    "offers.read",
    "offers.write",
    "orders.read",
    "orders.ship",
    "orders.refund",
    "members.adjust",
    "people.look_up",
    "people.list",
    "people.consent",
    "people.mend",
    "people.erase",
    "mail.read",
    "data.read",
    "data.import",
    "data.run",
    "follow",
    "market.read",
    "market.moderate",
    "market.settle",
    "companies.read",
    "companies.write",
    "payments.read",
    "payments.take",
    "payments.refund",
    "settings",
]
"""What can be allowed.

``own``: one's own password and sign-out. ``goods``: goods and price lists. ``offers``: promotions and coupons.
``orders.ship``: send, hand over and cancel orders, answer returns; ``orders.refund``: give money of them back.
``members.adjust``: give points or balance by hand, or take them, and make two accounts one. ``companies``: companies
that buy, their members, credit and quotes. ``people.look_up``: find one customer by a whole id and see their page;
``people.list``: see people in lists and samples, by name or address. ``people.mend``: join and part people.
``people.erase``: export or erase everything of somebody. ``data.read``: what came in, event by event. ``data.run``: how
far the followers are, and rebuilding them. ``follow``: walk through the shop as a visitor and see what it does.
``market.moderate``: let members' listings be shown or refuse them; ``market.settle``: decide disputes and say that
payouts were made. ``payments.take``: say that money came by hand, ask a provider now; ``payments.refund``: give money
back. ``settings``: the shop's settings, its write keys and its operators.
"""

MAY: Mapping[Permission, tuple[Role, ...]] = {
    "own": ("owner", "marketer", "analyst", "clerk"),
    "overview": ("owner", "marketer", "analyst"),
    "report": ("owner", "marketer", "analyst"),
    "audiences.read": ("owner", "marketer", "analyst"),
    "audiences.write": ("owner", "marketer"),
    "scenes.read": ("owner", "marketer", "analyst"),
    "scenes.write": ("owner", "marketer"),
    "goods.read": ("owner", "marketer", "analyst", "clerk"),
    "goods.write": ("owner", "marketer"),
    "stock.read": ("owner", "marketer", "analyst", "clerk"),
    "stock.write": ("owner", "marketer", "clerk"),
    "offers.read": ("owner", "marketer", "analyst"),
    "offers.write": ("owner", "marketer"),
    "orders.read": ("owner", "analyst", "clerk"),
    "orders.ship": ("owner", "clerk"),
    "orders.refund": ("owner",),
    "members.adjust": ("owner",),
    "people.look_up": ("owner", "marketer", "clerk"),
    "people.list": ("owner", "marketer"),
    "people.consent": ("owner", "marketer", "clerk"),
    "people.mend": ("owner",),
    "people.erase": ("owner",),
    "mail.read": ("owner", "marketer"),
    "data.read": ("owner", "marketer"),
    "data.import": ("owner", "marketer"),
    "data.run": ("owner",),
    "follow": ("owner", "marketer"),
    "market.read": ("owner", "marketer", "clerk"),
    "market.moderate": ("owner", "marketer", "clerk"),
    "market.settle": ("owner",),
    "companies.read": ("owner", "marketer", "analyst", "clerk"),
    "companies.write": ("owner", "marketer"),
    "payments.read": ("owner", "analyst", "clerk"),
    "payments.take": ("owner", "clerk"),
    "payments.refund": ("owner",),
    "settings": ("owner",),
}

ROUTES: Mapping[str, Permission] = {
    "POST /console/sign-out": "own",
    "GET /console/password": "own",
    "POST /console/password": "own",
    "GET /console": "overview",
    "GET /console/report": "report",
    "GET /console/report.json": "report",
    "GET /console/report.html": "report",
    "GET /console/report/{name}.{kind}": "report",
    "GET /console/audiences": "audiences.read",
    "GET /console/audiences/new": "audiences.read",
    "POST /console/audiences/count": "audiences.read",
    "POST /console/audiences": "audiences.write",
    "GET /console/audiences/{name}": "audiences.read",
    "GET /console/audiences/{name}/edit": "audiences.read",
    "POST /console/audiences/{name}/remove": "audiences.write",
    "GET /console/scenes": "scenes.read",
    "GET /console/scenes/new": "scenes.read",
    "POST /console/scenes/check": "scenes.read",
    "POST /console/scenes/form": "scenes.read",
    "GET /console/scenes/calendar": "scenes.read",
    "POST /console/scenes": "scenes.write",
    "GET /console/stores": "scenes.read",
    "POST /console/stores": "scenes.write",
    "POST /console/stores/import": "scenes.write",
    "POST /console/stores/{store}/remove": "scenes.write",
    "GET /console/goods": "goods.read",
    "GET /console/goods/good": "goods.read",
    "GET /console/goods/prices": "goods.read",
    "POST /console/goods/good": "goods.write",
    "GET /console/goods/pictures": "goods.read",
    "POST /console/goods/pictures": "goods.write",
    "GET /console/goods/groups": "goods.read",
    "POST /console/goods/groups": "goods.write",
    "POST /console/goods/elsewhere": "goods.write",
    "POST /console/goods/forms": "goods.write",
    "GET /console/prices": "goods.read",
    "GET /console/prices/clashes": "goods.read",
    "POST /console/prices/clashes": "goods.write",
    "POST /console/prices": "goods.write",
    "POST /console/prices/{name}/set": "goods.write",
    "POST /console/prices/{name}/remove": "goods.write",
    "GET /console/borders": "goods.read",
    "POST /console/borders": "settings",
    "GET /console/borders/goods.csv": "goods.read",
    "POST /console/borders/goods": "goods.write",
    "GET /console/borders/rates": "goods.read",
    "POST /console/borders/rates": "goods.write",
    "POST /console/borders/rates/import": "goods.write",
    "POST /console/borders/rates/remove": "goods.write",
    "GET /console/borders/taxes": "goods.read",
    "POST /console/borders/taxes": "settings",
    "POST /console/borders/taxes/abroad": "settings",
    "GET /console/borders/duties": "goods.read",
    "POST /console/borders/duties": "settings",
    "GET /console/stock": "stock.read",
    "GET /console/stock/good": "stock.read",
    "POST /console/stock/good": "stock.write",
    "POST /console/stock/import": "stock.write",
    "GET /console/shipping": "stock.read",
    "POST /console/shipping": "settings",
    "POST /console/shipping/{rate}/remove": "settings",
    "GET /console/scenes/{scene}": "scenes.read",
    "GET /console/scenes/{scene}/preview": "scenes.read",
    "GET /console/scenes/{scene}/edit": "scenes.read",
    "POST /console/scenes/{scene}/{move}": "scenes.write",
    "GET /console/foresee/{scene}": "scenes.read",
    "POST /console/foresee/{scene}": "scenes.read",
    "GET /console/morning": "overview",
    "POST /console/morning/{playbook}": "scenes.write",
    "GET /console/gallery": "scenes.read",
    "POST /console/gallery/{name}": "scenes.write",
    "GET /console/reprice": "offers.read",
    "POST /console/reprice": "offers.write",
    "GET /console/promotions": "offers.read",
    "GET /console/promotions/calendar": "offers.read",
    "GET /console/promotions/policy": "offers.read",
    "POST /console/promotions/policy": "settings",
    "GET /console/promotions/one": "offers.read",
    "GET /console/promotions/new": "offers.write",
    "GET /console/promotions/edit": "offers.write",
    "POST /console/promotions": "offers.write",
    "POST /console/promotions/check": "offers.write",
    "POST /console/promotions/form": "offers.write",
    "POST /console/promotions/move": "offers.write",
    "GET /console/coupons": "offers.read",
    "GET /console/coupons/new": "offers.write",
    "POST /console/coupons": "offers.write",
    "POST /console/coupons/reminders": "offers.write",
    "POST /console/coupons/forecast": "offers.read",
    "GET /console/coupons/{batch}": "offers.read",
    "POST /console/coupons/{batch}/print": "offers.write",
    "POST /console/coupons/{batch}/void": "offers.write",
    "POST /console/coupons/{batch}/stop": "offers.write",
    "GET /console/orders": "orders.read",
    "GET /console/making": "orders.read",
    "GET /console/orders/{order}": "orders.read",
    "POST /console/orders/{order}/ship": "orders.ship",
    "POST /console/orders/{order}/refund": "orders.refund",
    "POST /console/orders/{order}/exchange": "orders.refund",
    "GET /console/orders/settings": "orders.read",
    "POST /console/orders/settings/sending": "settings",
    "POST /console/orders/settings/mails": "settings",
    "POST /console/orders/{order}/{step}": "orders.ship",
    "GET /console/members": "people.look_up",
    "GET /console/members/{account}": "people.look_up",
    "POST /console/members/{account}": "members.adjust",
    "POST /console/members/{account}/merge": "members.adjust",
    "GET /console/rewards": "offers.write",
    "POST /console/rewards": "offers.write",
    "GET /console/people": "people.look_up",
    "GET /console/people/{person}": "people.look_up",
    "GET /console/why": "people.look_up",
    "POST /console/people/{person}/consent": "people.consent",
    "POST /console/people/{person}/merge": "people.mend",
    "POST /console/people/{person}/split": "people.mend",
    "GET /console/people/{person}/export.json": "people.erase",
    "POST /console/people/{person}/erase": "people.erase",
    "GET /console/mailbox": "mail.read",
    "GET /console/mailbox/{message}": "mail.read",
    "GET /console/mailbox/{message}/view": "mail.read",
    "GET /console/data": "data.read",
    "GET /console/data/rejected": "data.read",
    "GET /console/data/followers": "data.run",
    "POST /console/data/followers/{name}/rebuild": "data.run",
    "GET /console/data/imports": "data.import",
    "GET /console/data/imports/new": "data.import",
    "POST /console/data/imports/new": "data.import",
    "GET /console/data/imports/{token}": "data.import",
    "POST /console/data/imports/{token}": "data.import",
    "POST /console/data/imports/{token}/start": "data.import",
    "POST /console/data/imports/{token}/drop": "data.import",
    "GET /console/data/imports/{token}/rejects/{number}": "data.import",
    "GET /console/data/keys": "settings",
    "POST /console/data/keys": "settings",
    "POST /console/data/keys/revoke": "settings",
    "GET /console/follow": "follow",
    "POST /console/follow": "follow",
    "GET /console/follow/{token}": "follow",
    "GET /console/follow/person/{person}": "follow",
    "POST /console/follow/{token}/order": "follow",
    "POST /console/follow/{token}/mail": "follow",
    "GET /console/market": "market.read",
    "POST /console/market/settings": "settings",
    "GET /console/briefs": "market.read",
    "GET /console/briefs/write": "market.moderate",
    "POST /console/briefs/write": "market.moderate",
    "POST /console/briefs/settings": "settings",
    "GET /console/briefs/{brief}": "market.read",
    "POST /console/briefs/{brief}/choose": "market.settle",
    "POST /console/briefs/{brief}/work": "market.settle",
    "POST /console/briefs/{brief}/end": "market.moderate",
    "GET /console/designs": "market.read",
    "POST /console/designs/{design}/accept": "market.moderate",
    "POST /console/designs/{design}/refuse": "market.moderate",
    "POST /console/designs/{design}/stop": "market.settle",
    "POST /console/market/listings/{listing}": "market.moderate",
    "POST /console/market/payouts/{payout}": "market.settle",
    "GET /console/market/disputes/{number}": "market.read",
    "POST /console/market/disputes/{number}": "market.settle",
    "GET /console/companies": "companies.read",
    "POST /console/companies": "companies.write",
    "GET /console/companies/{company}": "companies.read",
    "GET /console/companies/{company}/statement.{kind}": "companies.read",
    "GET /console/companies/{company}/needs": "companies.read",
    "POST /console/companies/{company}/transfer": "payments.take",
    "POST /console/companies/{company}/{act}": "companies.write",
    "GET /console/quotes/{number}": "companies.read",
    "POST /console/quotes/{number}/{act}": "companies.write",
    "GET /console/payments": "payments.read",
    "POST /console/payments/settings": "settings",
    "GET /console/payments/{number}": "payments.read",
    "POST /console/payments/{number}/ask": "payments.take",
    "POST /console/payments/{number}/confirm": "payments.take",
    "POST /console/payments/{number}/refund": "payments.refund",
    "POST /console/payments/{number}/refunds/{refund}/again": "payments.refund",
    "POST /console/payments/{number}/refunds/{refund}": "payments.refund",
    "GET /console/reconciliation": "payments.read",
    "GET /console/reconciliation/{method}/{day}": "payments.read",
    "POST /console/reconciliation": "payments.take",
    "GET /console/settings": "settings",
    "POST /console/settings": "settings",
    "POST /console/settings/mail": "settings",
    "POST /console/settings/operators": "settings",
    "POST /console/settings/operators/{number}": "settings",
    "POST /console/settings/operators/{number}/reset": "settings",
}
"""The permission each route of the console asks for, by method and path as it is declared."""

HOMES = ("/console", "/console/people")
"""Where somebody who may not see a console's first page belongs: the first of these that they may."""


def may(role: str, permission: Permission) -> bool:
    """Whether a role has a permission."""
    return role in MAY[permission]


def who_may(permission: Permission | None) -> tuple[Role, ...]:
    """The roles that have a permission; the owner alone for what is not declared."""
    return ("owner",) if permission is None else MAY[permission]


def needed(method: str, path: str) -> Permission | None:
    """The permission a route (its path as declared, "/console/people/{person}") asks for; None if not declared."""
    return ROUTES.get(f"{'GET' if method == 'HEAD' else method} {path}")


def opens(role: str, href: str) -> bool:
    """Whether a role may follow a link of the console; pages draw only such links."""
    path = href.partition("?")[0].partition("#")[0]
    found = next((permission for pattern, permission in _patterns() if pattern.fullmatch(path)), None)
    return role in who_may(found)


def home(role: str) -> str:
    """The page a role begins at."""
    return next(path for path in (*HOMES, "/console/password") if opens(role, path))


@cache
def _patterns() -> list[tuple[re.Pattern[str], Permission]]:
    # A path without parameters goes before one with: /scenes/new is not the scene called new.
    read = [(r.removeprefix("GET "), p) for r, p in ROUTES.items() if r.startswith("GET ")]
    read.sort(key=lambda r: r[0].count("{"))
    return [(re.compile(re.sub(r"\\\{\w+\\\}", "[^/]+", re.escape(path))), p) for path, p in read]


__all__ = ["HOMES", "MAY", "ROUTES", "Permission", "home", "may", "needed", "opens", "who_may"]
assert set(MAY) == set(get_args(Permission))

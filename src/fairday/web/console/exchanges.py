"""Exchanges in the console: what comes back, what goes out instead, the difference shown first and then made."""

from __future__ import annotations

from typing import Any

from fastapi import Request
from starlette.exceptions import HTTPException
from starlette.responses import Response

from fairday.kernel.errors import Conflict, FairdayError
from fairday.trade.exchanges import MOST
from fairday.web.auth import inside
from fairday.web.ordering import actor_of, drawn, given_in, state_of, units_in
from fairday.web.render import go, shop_of
from fairday.web.storefront.order_page import REASONS


@inside.post("/orders/{order}/exchange")
def exchange(request: Request, order: str) -> Response:
    """First what it would cost, then, confirmed, exactly that."""
    shop, state = shop_of(request), state_of(request, order)
    asked: dict[str, Any] = {}
    try:
        why = given_in(request, "why", 40)
        asked = {
            "units": units_in(request, "units", state), "wants": _wants(request),
            "why": why if why in REASONS else "other", "return": given_in(request, "return", 4),
        }  # fmt: skip
        if given_in(request, "sure", 4) != "yes":
            swap = shop.exchanges.look(f"order:{order}", asked["units"], asked["wants"])
            return drawn(request, order, swap=swap, asked=asked)
        into = given_in(request, "into", 64)
        if not (into.isalnum() and len(into) == 26):
            raise HTTPException(422)
        shop.exchanges.make(
            f"order:{order}", f"order:{into}", asked["units"], asked["wants"], seen=given_in(request, "seen", 20_000),
            actor=actor_of(request), why=asked["why"], answers=asked["return"],
            restock={} if given_in(request, "broken", 4) == "yes" else None,
        )  # fmt: skip
    except FairdayError as error:
        return drawn(request, order, 409 if isinstance(error, Conflict) else 422, error, asked=asked)
    return go(f"/console/orders/{into}?done=order_exchanged")


def _wants(request: Request) -> list[tuple[str, int]]:
    """The articles of the form: ``sku.N`` and ``qty.N``.

    Raises:
        FairdayError: no whole number of units.
    """
    found = []
    for n in range(1, MOST + 1):
        sku, qty = given_in(request, f"sku.{n}", 200).strip(), given_in(request, f"qty.{n}", 8).strip() or "1"
        if sku:
            if not (qty.isascii() and qty.isdigit()):
                raise FairdayError("That is not a number of units.", code="bad_quantity", where=qty)
            found.append((sku, int(qty)))
    return found

"""How promotions are put together and rounded, and what no promotion takes a piece below: one page of settings."""

from __future__ import annotations

from decimal import Decimal, InvalidOperation
from typing import get_args, get_type_hints

from fastapi import Request
from starlette.responses import Response

from fairday.goods.naming import all_groups
from fairday.kernel.errors import FairdayError
from fairday.kernel.settings import PricingSettings
from fairday.web.auth import field, inside
from fairday.web.render import go, page, say, shop_of, status_of, tongue_of

CHOICES: dict[str, tuple[str, ...]] = {
    name: get_args(get_type_hints(PricingSettings)[name])
    for name in ("objective", "remainder", "rounding", "half", "tax_by")
}
"""What each setting may be, the usual first."""


@inside.get("/promotions/policy")
def policy(request: Request) -> Response:
    return _show(request)


def _show(request: Request, error: FairdayError | None = None, given: str | None = None) -> Response:
    shop = shop_of(request)
    kept = shop.settings.pricing
    with shop.db.read() as conn:
        known = [g.name for g in all_groups(conn) if g.kind == "category"]
    floors = "\n".join(f"{category} {share.normalize():f}%" for category, share in kept.floors.items())
    return page(
        request, "promotion_policy.html", status_of(error) if error else 200, kept=kept, choices=CHOICES,
        floors=floors if given is None else given, known=known,
        error=say(tongue_of(request), error) if error else None, where=error.where if error else "",
    )  # fmt: skip


@inside.post("/promotions/policy")
def save(request: Request) -> Response:
    """Keep all of it, or nothing where something cannot be."""
    text = field(request, "floors", 20_000)
    try:
        asked = {name: field(request, name, 40) for name in CHOICES}
        for name, value in asked.items():
            if value not in CHOICES[name]:
                raise FairdayError(f"{value!r} is no {name}.", code="bad_choice", where=name)
        shop_of(request).change_settings(pricing=asked | {"floors": read_floors(text)})
    except FairdayError as error:
        return _show(request, error, text)
    return go("/console/promotions/policy?done=settings")


def read_floors(text: str) -> dict[str, str]:
    """Floors as they are written: a category and its share on each line, ``tea 80%``.

    Raises:
        FairdayError: ``where`` is the line that cannot be.
    """
    found: dict[str, str] = {}
    for line in filter(None, (row.strip() for row in text.splitlines())):
        category, _, share = line.replace(":", " ").replace("：", " ").rpartition(" ")
        try:
            value = Decimal(share.removesuffix("%").removesuffix("％").replace(",", "."))
            if not (value.is_finite() and 0 < value <= 100) or value != round(value, 2):
                raise InvalidOperation
        except InvalidOperation:
            value = Decimal(0)
        category = category.strip()
        if not value or not 1 <= len(category) <= 200 or category in found:
            raise FairdayError(
                f"{line[:80]!r} is no floor.",
                code="bad_floor",
                where=line[:80],
                remedy="Write a category once: tea 80%",
            )
        found[category] = str(value)
    return found

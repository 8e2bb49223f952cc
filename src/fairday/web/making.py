"""A piece made for one, as people read it: what was said of it in their words, and its picture."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from markupsafe import Markup
from sqlalchemy import Connection

from fairday.goods.catalogue import products_named
from fairday.goods.made import MadeOption, make, picture
from fairday.goods.photos import photos_named
from fairday.goods.records import Details, details_of, variants_named
from fairday.kernel.errors import FairdayError
from fairday.web.goods import safe
from fairday.web.i18n import Tongue


def spoken(tongue: Tongue, options: tuple[MadeOption, ...], said: Mapping[str, Any]) -> list[dict[str, str]]:
    """What was said, option by option: title, value, and the photo's address where it is one."""
    by_name = {o.name: o for o in options}
    found = []
    for name, value in said.items():
        option = by_name.get(name)
        title = (tongue.pick(option.titles) if option else "") or name
        if option is not None and option.kind == "photo":
            found.append({"title": title, "value": tongue.plain("goods.made.photo"), "photo": f"/photos/{value}"})
            continue
        choice = next((c for c in option.choices if c.name == value), None) if option else None
        words = (tongue.pick(choice.titles) if choice else "") or str(value)
        found.append({"title": title, "value": words, "photo": ""})
    return found


class Pieces:
    """Pieces of several lines, their products read at once."""

    def __init__(self, conn: Connection, tongue: Tongue, lines: list[tuple[str, str, Mapping[str, Any]]], now: int):
        """Args: lines: (product, sku, what was said)."""
        numbers = [product for product, _, said in lines if said]
        self._tongue = tongue
        self._details = details_of(conn, numbers)
        self._rows = products_named(conn, numbers)
        self._forms = variants_named(conn, [sku for _, sku, said in lines if said])
        values = {str(v) for _, _, said in lines for v in said.values()}
        self._photos = photos_named(conn, values, now)

    def said(self, product: str, said: Mapping[str, Any]) -> list[dict[str, str]]:
        """What was said of a piece, in the reader's words."""
        return spoken(self._tongue, self._options(product), said)

    def picture(self, product: str, sku: str, said: Mapping[str, Any]) -> Markup | None:
        """The piece as it will be; None where its options have changed so that it can no longer be drawn."""
        options = self._options(product)
        try:
            made = make(options, {k: str(v) for k, v in said.items()}, self._photos)
        except FairdayError:
            return None
        row, form = self._rows.get(product), self._forms.get(sku)
        image = safe(form.image if form else None) or safe(row.image if row else None)
        at = {line.value: f"/photos/{line.value}" for line in made.lines if line.kind == "photo"}
        return Markup(picture(options, made, image, at))

    def _options(self, product: str) -> tuple[MadeOption, ...]:
        return self._details.get(product, Details(product=product)).made

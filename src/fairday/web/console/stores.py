"""Stores and the weather over them: what scenes that wait for a moment know of the world."""

from __future__ import annotations

import re

from fastapi import Request
from starlette.responses import Response

from fairday.kernel.errors import FairdayError
from fairday.stores.near import Store
from fairday.stores.records import COLUMNS, all_places, delete_store, read_csv, read_store, save_stores
from fairday.stores.weather import weather_by_city
from fairday.web.auth import field, inside
from fairday.web.render import go, page, say, shop_of, status_of, tongue_of

MOST_CSV = 200_000
"""Characters of a pasted file."""
_LINE = re.compile(r"(?:line |stores\.csv:)(\d+)")


def written(store: Store) -> dict[str, str]:
    """A place as its form has it."""
    minute = store.collect_until
    until = "" if minute is None else f"{minute // 60:02}:{minute % 60:02}"
    return {name: str(getattr(store, name)) for name in COLUMNS} | {"collect_until": until}


def _show(request: Request, error: FairdayError | None = None, given: dict[str, str] | None = None) -> Response:
    shop, tongue = shop_of(request), tongue_of(request)
    with shop.db.read() as conn:
        stores, weather = all_places(conn), weather_by_city(conn)
    chosen = next((s for s in stores if s.store == request.query_params.get("store")), None)
    fields = (written(chosen) if chosen else dict.fromkeys(COLUMNS, "")) | {"csv": ""} | (given or {})
    return page(
        request,
        "stores.html",
        status_of(error) if error else 200,
        stores=stores,
        weather=[(city, w, tongue.plain(f"weather.{w.weather}") if w.weather else "") for city, w in weather.items()],
        given=fields,
        error=say(tongue, error) if error else None,
        line=line[1] if (line := _LINE.fullmatch(error.where if error else "")) else "",
    )


@inside.get("/stores")
def stores(request: Request) -> Response:
    return _show(request)


@inside.post("/stores")
def save(request: Request) -> Response:
    given = {name: field(request, name, 200) if name in request.state.form else "" for name in COLUMNS}
    try:
        found = read_store(given)
    except FairdayError as error:
        return _show(request, error, given)
    with shop_of(request).db.write() as conn:
        save_stores(conn, [found])
    shop_of(request).staging.forget()
    return go("/console/stores?done=store_saved")


@inside.post("/stores/import")
def bring(request: Request) -> Response:
    text = field(request, "csv", MOST_CSV)
    try:
        found = read_csv(text.encode())
    except FairdayError as error:
        return _show(request, error, {"csv": text})
    with shop_of(request).db.write() as conn:
        save_stores(conn, found)
    shop_of(request).staging.forget()
    return go("/console/stores?done=stores_saved")


@inside.post("/stores/{store}/remove")
def remove(request: Request, store: str) -> Response:
    with shop_of(request).db.write() as conn:
        delete_store(conn, store)
    shop_of(request).staging.forget()
    return go("/console/stores?done=store_removed")

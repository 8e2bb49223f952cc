"""One order as its console page shows it, and what its forms share."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from fastapi import Request
from sqlalchemy import Connection
from starlette.exceptions import HTTPException
from starlette.responses import Response

from fairday.goods.called import calm
from fairday.goods.records import Variant, variants_of
from fairday.kernel import ids
from fairday.kernel.decider import Refusal, State
from fairday.kernel.errors import Conflict, FairdayError
from fairday.kernel.money import major
from fairday.people.identity import person_of
from fairday.reach import outbox
from fairday.reach.orders import phases_of
from fairday.scenes.life import get_scene
from fairday.storage.log import stream_events
from fairday.stores.places import place_names
from fairday.stores.records import all_places
from fairday.trade import order as rules
from fairday.trade.documents import sums_of
from fairday.trade.exchanges import Swap
from fairday.trade.links import order_number as number_of
from fairday.trade.links import order_token
from fairday.trade.making import due_day
from fairday.trade.records import contact_of, parcels_of
from fairday.trade.refunds import Refund
from fairday.trade.rows import waiting_at
from fairday.trade.shipping.carriers import CARRIERS, carrier_name, tracking_link
from fairday.web import desk
from fairday.web.auth import field
from fairday.web.making import Pieces
from fairday.web.render import page, say, shop_of, tongue_of
from fairday.web.signing import secret_of
from fairday.web.storefront.landing import abroad_drawn
from fairday.web.storefront.order_page import REASONS
from fairday.web.storefront.prefer import address_lines

WANTED = 3
"""Articles that the form of an exchange has room for."""


def state_of(request: Request, order: str) -> State:
    """An order's state, or 404."""
    state = shop_of(request).orders.state(f"order:{order}") if 0 < len(order) <= 64 else None
    if state is None:
        raise HTTPException(404)
    return state


def drawn(
    request: Request,
    order: str,
    status: int = 200,
    error: FairdayError | None = None,
    found: Refund | None = None,
    asked: dict[str, Any] | None = None,
    swap: Swap | None = None,
) -> Response:
    """The page of an order.

    Args:
        found: a refund that is looked at before it is made; ``swap``: an exchange.
        asked: what its form said.
    """
    shop, tongue = shop_of(request), tongue_of(request)
    state = state_of(request, order)
    with shop.db.read() as conn:
        contact, told_by = contact_of(conn, order)
        owner = next((p for t, v in told_by if (p := person_of(conn, t, v)) is not None), None)
        sent = [p | {"name": carrier_name(p["carrier"]), "link": tracking_link(p["carrier"], p["tracking"])}
                for p in parcels_of(conn, order)]  # fmt: skip
        store = next((p.name for p in all_places(conn) if p.store == state["store"]), state["store"])
        names, told = place_names(conn), timeline(conn, f"order:{order}")
        said = {part: contact.options.get(part, {}) for part in state["lines"]}
        pieces = Pieces(conn, tongue, [(x["product"], x["sku"], said[p]) for p, x in state["lines"].items()],
                        shop.clock.now())  # fmt: skip
        several = variants_of(conn, {x["product"] for x in state["lines"].values()})
        scenes = scenes_of(request, conn, state)
    lines = [
        x | {"line": part, "waiting": rules.waiting(x), "out": x["shipped"] - x["returned"],
             "options": pieces.said(x["product"], said[part]), "said": said[part], "title": calm(x["title"]),
             "due": due_day(state, x["days"], shop.settings.zone) if said[part] and rules.waiting(x) else None}
        for part, x in state["lines"].items()
    ]  # fmt: skip
    address = address_lines(tongue, contact)
    ready = state["life"] == "open" and (rules.is_paid(state) or state["on_account"])
    return page(
        request, "order.html", status, order=state, id=order, number=number_of(order), number_of=number_of,
        stands=rules.status(state),
        lines=lines, sums=sums_of(state), due=rules.due(state), contact=contact, address=address, parcels=sent,
        store=store, reasons=REASONS, carriers=sorted((c.carrier, c.name) for c in CARRIERS.values()),
        error=say(tongue, error) if error else None, found=found, asked=asked or {},
        extra=f"{major((asked or {}).get('extra', 0), state['currency']):f}",
        # However old the order is: a merchant keeps papers for years.
        papers=f"/order/{order_token(secret_of(shop), order, max(state['placed_at'], shop.clock.now()))}",
        parcel=ids.new_id(shop.clock.now()), left_to_ship=sum(x["waiting"] for x in lines),
        kept=rules.kept_paid(state), swap=swap, wanted=range(1, WANTED + 1), told=told,
        into=ids.new_id(shop.clock.now()),
        at=[(place, names.get(place, place), units) for place, units in waiting_at(state).items()],
        called=called_of(state, several), scenes=scenes,
        customer={"person": owner, "account": str(state.get("account") or "").partition(":")[2]},
        articles=[(v.sku, " · ".join(v.options.values())) for found in several.values() for v in found],
        may_do={
            "ship": ready and any(x["waiting"] for x in lines) and state["way"] == "ship",
            "hand_over": ready and any(x["waiting"] for x in lines) and state["way"] == "pickup",
            "ready": ready and state["way"] == "pickup" and state["ready_at"] is None,
            "cancel": state["life"] == "open" and not any(x["shipped"] for x in lines),
            "refund": state["life"] in ("open", "completed") and (rules.is_paid(state) or state["on_account"])
            and (state["refunded"] < state["total"] or any(x["out"] or x["waiting"] for x in lines)),
            "exchange": state["life"] in ("open", "completed") and shop.exchanges.takes(state)
            and any(x["out"] for x in lines),
        },
        money=lambda n: tongue.money(n, state["currency"]), abroad=abroad_drawn(tongue, state),
    )  # fmt: skip


def scenes_of(request: Request, conn: Connection, state: State) -> list[tuple[str, str, str]]:
    """The scenes by whose arms an order was priced: name, title, arm."""
    shop, language, found = shop_of(request), tongue_of(request).language, []
    for scene, arm in state["data"].get("scenes", {}).items():
        spec = desk.scene(shop, get_scene(conn, scene).text)
        found.append((scene, scene if spec is None else spec.title.get(language), arm))
    return found


def called_of(state: State, several: Mapping[str, Sequence[Variant]]) -> dict[str, str]:
    """What the variants of an order's products are called, by SKU."""
    titles = {x["product"]: calm(x["title"]) for x in state["lines"].values()}
    named = {x["sku"]: calm(x["title"]) for x in state["lines"].values()}
    found = {v.sku: " · ".join([titles[p], *v.options.values()]) for p, some in several.items() for v in some}
    return named | found


def timeline(conn: Connection, order: str) -> list[dict[str, Any]]:
    """What happened to an order and which mails told of it, the first first."""
    told = [
        {"at": e.at, "event": e.name.lower().replace(" ", "_"), "data": e.data, "mail": None}
        for e in stream_events(conn, order)
    ]
    mails = [{"at": m.done_at or m.planned_at, "event": "mail", "data": {}, "mail": m}
             for m in outbox.of_order(conn, phases_of(order))]  # fmt: skip
    return sorted([*told, *mails], key=lambda x: x["at"])


def given_in(request: Request, name: str, most: int) -> str:
    """A field of the form; "" where it is not there."""
    return field(request, name, most) if name in request.state.form else ""


def units_in(request: Request, name: str, state: State) -> dict[str, int]:
    """Units by line from fields ``NAME.LINE``.

    Raises:
        FairdayError: one is no whole number.
    """
    found = {}
    for part in state["lines"]:
        given = given_in(request, f"{name}.{part}", 8).strip()
        if given and given != "0":
            if not (given.isascii() and given.isdigit()):
                raise FairdayError("That is not a number of units.", code="bad_quantity", where=given)
            found[part] = int(given)
    return found


def actor_of(request: Request) -> str:
    """Who does it, as streams keep it."""
    return f"operator:{request.state.operator.id}"


def refuse(refusal: Refusal | None) -> None:
    """Say a step's refusal, if it is one.

    Raises:
        Conflict: in the words of the orders' pages.
    """
    if refusal is not None:
        raise Conflict(refusal.message, code=f"order_{refusal.code}", where=str(refusal.detail.get("line", "")))

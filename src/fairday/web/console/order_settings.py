"""How orders are sent and which mails tell of them: the settings of orders."""

from __future__ import annotations

from fastapi import Request
from starlette.responses import Response

from fairday.goods.stock.allocation import POLICIES
from fairday.kernel.errors import FairdayError
from fairday.kernel.money import major, typed
from fairday.reach.orders import KINDS
from fairday.stores.records import all_places
from fairday.web.auth import inside
from fairday.web.ordering import given_in
from fairday.web.render import go, page, say, shop_of, status_of, tongue_of


def _show(request: Request, error: FairdayError | None = None) -> Response:
    shop = shop_of(request)
    settings, currency = shop.settings, shop.settings.currency
    with shop.db.read() as conn:
        places = [p for p in all_places(conn) if p.ships]
    prices = {
        place: tuple(f"{major(n, currency):f}" if n else "" for n in told)
        for place, told in settings.sending.prices.items()
    }
    return page(
        request, "order_settings.html", status_of(error) if error else 200, places=places, prices=prices, kinds=KINDS,
        policies=POLICIES, sending=settings.sending,
        mails={kind: getattr(settings.order_mails, kind) for kind in KINDS},
        error=say(tongue_of(request), error) if error else None,
    )  # fmt: skip


@inside.get("/orders/settings")
def order_settings(request: Request) -> Response:
    return _show(request)


@inside.post("/orders/settings/sending")
def save_sending(request: Request) -> Response:
    """Where orders are sent from, and what a parcel from each place costs the shop."""
    shop = shop_of(request)
    with shop.db.read() as conn:
        places = [p.store for p in all_places(conn) if p.ships]
    try:
        prices = {}
        for place in places:
            told = [given_in(request, f"{name}.{place}", 20).strip() for name in ("parcel", "per_kg")]
            amounts = [typed(one, shop.settings.currency) if one else 0 for one in told]
            if any(amounts):
                prices[place] = amounts
        shop.change_settings(sending={"policy": given_in(request, "policy", 20), "prices": prices})
    except FairdayError as error:
        return _show(request, error)
    return go("/console/orders/settings?done=settings")


@inside.post("/orders/settings/mails")
def save_mails(request: Request) -> Response:
    """Which mails buyers get about their own orders."""
    form = request.state.form
    shop_of(request).change_settings(order_mails={kind: form.get(kind) == "yes" for kind in KINDS})
    return go("/console/orders/settings?done=settings")

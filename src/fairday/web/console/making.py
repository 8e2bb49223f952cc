"""What the workshop makes: pieces as they were ordered, with picture, photo and the day they are promised."""

from __future__ import annotations

from fastapi import Request
from starlette.responses import Response

from fairday.trade.links import order_number
from fairday.trade.making import to_make
from fairday.web import desk
from fairday.web.auth import inside
from fairday.web.making import Pieces
from fairday.web.render import page, shop_of, tongue_of

PAGE = 60


@inside.get("/making")
def making(request: Request) -> Response:
    shop, tongue = shop_of(request), tongue_of(request)
    with shop.db.read() as conn:
        found = to_make(conn, shop.orders.state, shop.settings.zone)
        pieces = Pieces(conn, tongue, [(x.product, x.sku, x.said) for x in found[:PAGE]], shop.clock.now())
    today = desk.today(shop)
    rows = [
        {
            "piece": x, "number": order_number(x.order), "said": pieces.said(x.product, x.said),
            "picture": pieces.picture(x.product, x.sku, x.said), "late": x.due < today, "today": x.due == today,
        }
        for x in found[:PAGE]
    ]  # fmt: skip
    return page(
        request, "making.html", rows=rows, total=len(found), units=sum(x.qty for x in found),
        late=sum(x.due < today for x in found),
    )  # fmt: skip

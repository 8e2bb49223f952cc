"""Share packs: a buyer opens one for an order and sends its link; friends leave an address and draw a coupon each.

A friend's address is proved by the link of a mail; only then is it theirs, on the device that opens the link, and only
then what they agreed to counts. What is drawn is in the device's wallet at once.
"""

from __future__ import annotations

import secrets
from typing import Any

from fastapi import Depends, Request
from markupsafe import escape
from sqlalchemy import Connection
from starlette.background import BackgroundTask
from starlette.exceptions import HTTPException
from starlette.responses import RedirectResponse, Response

from fairday.kernel.decider import State
from fairday.kernel.errors import Conflict, FairdayError
from fairday.kernel.ids import digest
from fairday.offers.coupons import records
from fairday.people import identity
from fairday.people.accounts import accounts_in
from fairday.people.consent import MARKETING
from fairday.reach import service, smtp
from fairday.shop import Shop
from fairday.storage.answers import once
from fairday.storage.log import OURS, Happening
from fairday.trade import order as rules
from fairday.web.i18n import Tongue
from fairday.web.render import say, shop_of, status_of, tongue_of
from fairday.web.signing import sign, signed
from fairday.web.storefront import buying
from fairday.web.storefront.front import by_link, front_of, posted, router, shown, visitor_of
from fairday.web.storefront.me import prove
from fairday.web.storefront.phone import drawn
from fairday.web.storefront.wallet import having, holder

SHAREABLE = ("paid", "part_shipped", "shipped", "picked_up", "completed")
"""Where an order stands that its buyer may share a pack for."""
KEEP_MS = 7 * 86_400_000
"""For how long the link of a friend's mail proves their address."""


@router.get("/p/{pack}")
def pack(request: Request, pack: str) -> Response:
    """A friend's pack: how many are left, and a button to draw; for its buyer the ways to pass it on."""
    came = by_link(request)
    return came if came is not None else _page(request, pack)


def _page(request: Request, pack: str, error: FairdayError | None = None, typed: str = "") -> Response:
    shop, tongue = shop_of(request), tongue_of(request)
    with shop.db.read() as conn:
        found = records.get_pack(conn, pack, shop.clock.now())
        account = holder(request)
        mine = account is not None and found.account in accounts_in(conn, account)
        taken = records.drawn(conn, pack)
        terms = records.get_batch(conn, found.batch).terms
    link = f"{shop.settings.public_url}/p/{found.pack}"
    response = shown(
        request, "shop_pack.html", visitor_of(request), status_of(error) if error else 200,
        here="me", pack=found, mine=mine, member=buying.account_of(request), link=link,
        code=drawn(link) if mine else "",
        sizes=[(terms.labels[n] if terms.labels else terms.title, count) for n, (_, count) in enumerate(terms.deck)],
        taken=[(one.title.partition(" · ")[0], one.claimed_at) for one in taken], known=_known(request), typed=typed,
        error=say(tongue, error) if error else None, until=terms.until,
    )  # fmt: skip
    response.headers["cache-control"] = "no-store"
    return response


def _known(request: Request) -> bool:
    """Whether the shop knows how to reach whoever asks: by an address that they proved."""
    member = buying.account_of(request)
    return member is not None and member[1][0] not in shop_of(request).settings.identity.weak


@router.post("/p/{pack}", dependencies=[Depends(posted)])
def draw(request: Request, pack: str) -> Response:
    """Draw one, and leave an address where the shop knows none. An address draws once of a pack."""
    if len(pack) > 60:
        raise HTTPException(404)
    if _known(request):
        return having(request, lambda shop, account: shop.coupons.draw(pack, account))
    shop, form = shop_of(request), request.state.form
    typed = form.get("email")
    typed = typed.strip() if isinstance(typed, str) else ""
    value = identity.normalise("email", typed, shop.settings.identity)[0] if 3 <= len(typed) <= 320 else None
    if value is None:
        wrong = FairdayError("That is no address.", code="bad_address", where="email", remedy="Write you@example.com.")
        return _page(request, pack, wrong, typed[:320])
    shop.coupons.pack(pack)  # there is one, before anything is written down
    with shop.db.write() as conn:
        if not once(conn, "drawn", digest("drawn", pack, value), shop.clock.now()):
            again = Conflict("This address has drawn from this pack.", code="drawn_already")
            return _page(request, pack, again, typed)
    response = having(request, lambda shop, account: shop.coupons.draw(pack, account))
    if response.headers.get("location", "").startswith("/wallet?got="):
        response.headers["location"] += "&mailed=yes"
        agreed = form.get("agree") == "yes"
        response.background = BackgroundTask(
            _send, shop, front_of(request).secret, value, pack, agreed, tongue_of(request)
        )
    return response


def _send(shop: Shop, key: bytes, address: str, pack: str, agreed: bool, tongue: Tongue) -> None:
    """Mail the link that proves an address. The address stands alone until then: whose device typed it is not told."""
    now = shop.clock.now()
    said = Happening(
        message_id=f"shop-contact-{secrets.token_hex(12)}", kind="track", name="Contact Left", at=now, received=now,
        source=OURS, ids=(("email", address),), body={"properties": {"pack": pack}},
    )  # fmt: skip
    shop.append([said]).result()
    shop.followers.catch_up("identity")
    with shop.db.read() as conn:
        person = identity.person_of(conn, "email", address)
        owned = identity.ids_of(conn, person) if person is not None else []
    number = next((i.number for i in owned if i.current and (i.type, i.value) == ("email", address)), None)
    if person is None or number is None:
        return
    settings = shop.settings
    token = sign(key, f"keep|{secrets.token_hex(8)}|{'yes' if agreed else 'no'}|{address}", now + KEEP_MS)
    link = f"{settings.public_url}/keep/{token}"
    subject = tongue.plain("pack.mail.subject", shop=settings.name)
    told, ignore = tongue.plain("pack.mail.text", shop=settings.name), tongue.plain("me.mail.ignore")
    html = f'<p>{escape(told)}</p><p><a href="{escape(link)}">{escape(subject)}</a></p><p>{escape(ignore)}</p>'
    where = smtp.from_environment()
    transport = None if where is None else smtp.Smtp(where, settings.mail_from, settings.public_url)
    service.send(
        shop.db, transport, shop.clock, identifier=number, person=person, address=address, language=tongue.language,
        subject=subject, html=html, text=f"{told}\n\n{link}\n\n{ignore}",
    )  # fmt: skip


def _keeping(request: Request, token: str) -> tuple[str, bool, str]:
    """What a link of such a mail says: (its one time, whether they agreed to be written to, the address)."""
    said = (signed(front_of(request).secret, token, shop_of(request).clock.now()) or "").split("|", 3)
    if len(said) != 4 or said[0] != "keep":
        raise HTTPException(404)
    return said[1], said[2] == "yes", said[3]


@router.get("/keep/{token}")
def keep_page(request: Request, token: str) -> Response:
    """Asks first: mail scanners open every link, and must not use it up."""
    _keeping(request, token)
    response = shown(request, "shop_confirm.html", visitor_of(request), here="me", kind="keep")
    response.headers["cache-control"] = "no-store"
    return response


@router.post("/keep/{token}", dependencies=[Depends(posted)])
def keep(request: Request, token: str) -> Response:
    """Use the link up: the address is theirs, with this device and its wallet, and what they agreed to counts."""
    shop = shop_of(request)
    nonce, agreed, address = _keeping(request, token)
    now = shop.clock.now()
    with shop.db.write() as conn:
        if not once(conn, "keep", nonce, now):
            raise HTTPException(404)
    response = RedirectResponse("/wallet", 303)
    prove(request, response, address)
    if agreed:
        said = Happening(
            message_id=f"shop-consent-{nonce}", kind="track", name="Consent Given", at=now, received=now, source=OURS,
            ids=(("email", address),), body={"properties": {"channel": "email", "purpose": MARKETING}},
        )  # fmt: skip
        shop.append([said]).result()
        shop.followers.catch_up("identity", "consent")
    return response


# ---- opening one -----------------------------------------------------------------------------------------------------


def shareable(request: Request, conn: Connection, state: State) -> records.Batch | None:
    """The batch whose pack an order's buyer may open now, None where there is none.

    A batch that a scene gives out is for whom the scene is, while it is live; one that no scene names is for all.
    """
    shop, account = shop_of(request), state["account"]
    now = shop.clock.now()
    if account is None or rules.status(state) not in SHAREABLE:
        return None
    person = records.people_of(conn, [account]).get(account)
    for batch in records.shared_now(conn, now):
        buying.deal(request, conn, person, batch.batch)
        if shop.scene_offers.may_have(conn, batch.batch, account, person, now):
            return batch
    return None


@router.post("/share/{token}", dependencies=[Depends(posted)])
def share(request: Request, token: str) -> Response:
    """Open the pack of an order that is paid, once; whoever has the order's own link is its buyer."""
    shop = shop_of(request)
    order, state = buying.order_of(request, token)
    with shop.db.read() as conn:
        batch = shareable(request, conn, state)
    if batch is None:
        raise HTTPException(404)
    return RedirectResponse(f"/p/{shop.coupons.share(batch.batch, state['account'], order)}", 303)


__all__: list[Any] = ["shareable"]

"""A person's own page: what is known of them and why, what they agreed to, all of it as a file, and the end of it.

Who may see what:

- a browser that agreed to be remembered, and is known by nothing else, sees what that browser left: its own record;
- whoever came by a link of a mail is recognised, and no more: mails are passed on. They may refuse mails, and ask for
  a mail of their own;
- whoever opens the link of that mail, which works once and for half an hour, has proved the address. For half an hour
  they see the record, unless some other strong id was tied to it by a browser's word alone (``people.proof``).
"""

from __future__ import annotations

import re
import secrets
from dataclasses import dataclass
from typing import Any, Literal
from urllib.parse import quote

from fastapi import Depends, Request
from markupsafe import escape
from sqlalchemy import Connection, text
from starlette.background import BackgroundTask
from starlette.exceptions import HTTPException
from starlette.responses import RedirectResponse, Response

from fairday.goods.called import calm
from fairday.kernel import jsons
from fairday.people import identity, privacy
from fairday.people.consent import ADDRESS, MARKETING, all_consents
from fairday.people.identity.erased import welcome
from fairday.people.proof import vouched
from fairday.people.traits.declared import DERIVED
from fairday.reach import service, smtp, strangers
from fairday.scenes.choice import choose
from fairday.scenes.loading import load_person
from fairday.shop import Shop
from fairday.storage.answers import once
from fairday.storage.log import OURS, Happening
from fairday.web import desk, queries
from fairday.web.auth import address_of
from fairday.web.i18n import Tongue
from fairday.web.render import shop_of, tongue_of
from fairday.web.signing import sign, signed
from fairday.web.storefront.agreeing import agree
from fairday.web.storefront.buying import MEMBER, ORDERS, account_of, sign_in
from fairday.web.storefront.card import standing_of
from fairday.web.storefront.front import (
    OWN,
    VISITOR,
    Front,
    by_link,
    front_of,
    own,
    posted,
    remember,
    router,
    shown,
    spend,
    visitor_of,
)

PROOF = "fairday_proof"
PROOF_MS = 30 * 60_000
WAYS = re.compile(
    r"/(?:me|company|sell|market|designs|briefs|checkout|orders|wallet|wishes)"
    r"(?:/[A-Za-z0-9_~-][A-Za-z0-9_.~-]{0,120}){0,3}"
)
"""Where somebody who signs in may be led back to: pages of ours, written without a host, a query or a dot in front."""
COUNTED = ("Order Completed", "Product Viewed", "Products Searched", "Product Added to Wishlist")

Level = Literal["stranger", "recognised", "doubtful", "full"]


@dataclass(frozen=True, slots=True)
class Self:
    """Who asks for their own page: as whom, and how far that is shown. ``doubtful``: proved, but not vouched for."""

    level: Level = "stranger"
    id: tuple[str, str] | None = None
    person: int | None = None


def self_of(request: Request) -> Self:
    """Who asks, by the proof they hold, else by what recognises them."""
    shop, visitor = shop_of(request), visitor_of(request)
    weak = shop.settings.identity.weak
    said = signed(front_of(request).secret, request.cookies.get(PROOF, ""), shop.clock.now()) or ""
    with shop.db.read() as conn:
        if said.startswith("proof|email:"):
            id_ = ("email", said.removeprefix("proof|email:"))
            person = identity.person_of(conn, *id_)
            if person is not None:
                return Self("full" if vouched(conn, person, id_, weak) else "doubtful", id_, person)
        if visitor.id is None:
            return Self()
        if visitor.id[0] in weak:
            person = identity.person_of(conn, *visitor.id)
            if person is None:
                return Self("full", visitor.id)  # remembered, and nothing known yet
            alone = all(i.type in weak for i in identity.ids_of(conn, person))
            if alone and vouched(conn, person, visitor.id):
                return Self("full", visitor.id, person)
        return Self("recognised", visitor.id, visitor.person)


@router.get("/me")
def me(request: Request) -> Response:
    came = by_link(request)
    if came is not None:
        return came
    who = self_of(request)
    known: dict[str, Any] = {"ids": [], "why": [], "traits": [], "counts": {}, "scenes": [], "consents": []}
    with shop_of(request).db.read() as conn:
        if who.person is not None and who.level == "full":
            known |= _record(request, conn, who.person)
        known["consents"] = _switches(conn, who)
    response = shown(
        request, "shop_me.html", visitor_of(request),
        here="me", who=who, signed=account_of(request) is not None, stands=standing_of(request),
        program=shop_of(request).settings.rewards, ask=request.query_params.get("ask", ""),
        sent=request.query_params.get("sent", ""), to=way(request.query_params.get("to")), **known,
    )  # fmt: skip
    response.headers["cache-control"] = "no-store"
    return response


def _record(request: Request, conn: Connection, person: int) -> dict[str, Any]:
    shop, tongue = shop_of(request), tongue_of(request)
    now, declared = shop.clock.now(), desk.vocabulary(shop_of(request)).traits
    traits = [
        {
            "title": tongue.pick(declared[r["trait"]].titles) or r["trait"],
            "value": calm(desk.shown(declared[r["trait"]], r, tongue)), "derived": r["trait"] in DERIVED,
            "source": _source(tongue, r["source"]),
            "at": r["at"], "p": r["p"],
        }
        for r in queries.profile(conn, person)
        if r["trait"] in declared
    ]  # fmt: skip
    choice = choose(load_person(conn, person, now), "page", now, shop.staging.stage(conn, now))
    scenes = [
        {"title": met.spec.title.get(tongue.language), "state": met.withheld or "shown"}
        for met in (*choice.shown, *choice.withheld)
    ]
    asked = text(
        "SELECT a.measure, SUM(a.n) FROM ownership o JOIN activity a ON a.interval_id = o.id"
        f" WHERE o.person = :person AND a.measure IN ({', '.join(repr(n) for n in COUNTED)}) GROUP BY a.measure"
    )
    counts = {measure: int(n) for measure, n in conn.execute(asked, {"person": person}) if n}
    return {
        "ids": identity.ids_of(conn, person), "why": identity.why(conn, person), "traits": traits, "scenes": scenes,
        "counts": {name: counts[name] for name in COUNTED if name in counts},
    }  # fmt: skip


def _source(tongue: Tongue, source: str) -> str:
    kind, _, name = source.partition(":")
    if tongue.has(f"source.{kind}"):
        return f"{tongue.plain(f'source.{kind}')} {name}".strip()
    return tongue.plain("me.source.shop") if kind in ("browser", "server", OURS) else source


def _switches(conn: Connection, who: Self) -> list[dict[str, Any]]:
    """Channels and purposes a person may switch, as they stand; the merely recognised may only refuse mails."""
    if who.person is None or who.id is None or who.level == "stranger":
        return []
    said: dict[tuple[str, str], Any] = {(channel, purpose): c for channel, purpose, c in all_consents(conn, who.person)}
    held = {i.type for i in identity.ids_of(conn, who.person) if i.current}
    for channel in ("email", "sms"):
        if ADDRESS[channel] in held:
            said.setdefault((channel, MARKETING), None)
    if who.level != "full":
        place = ("email", MARKETING)
        said = {place: said[place]} if who.id[0] == "email" and place in said else {}
    return [
        {"channel": channel, "purpose": purpose, "said": c, "on": bool(c and c.given), "may": who.level == "full"}
        for (channel, purpose), c in sorted(said.items(), key=lambda one: one[0])
    ]


# ---- what they decide ------------------------------------------------------------------------------------------------


@router.post("/me/consent", dependencies=[Depends(posted)])
def switch(request: Request) -> Response:
    """Agree or refuse by channel and purpose."""
    shop, who = shop_of(request), self_of(request)
    form = request.state.form
    place, on = (form.get("channel"), form.get("purpose")), form.get("on") == "yes"
    with shop.db.read() as conn:
        asked = next((s for s in _switches(conn, who) if (s["channel"], s["purpose"]) == place), None)
        if asked is None or who.id is None or who.person is None or (on and not asked["may"]):
            raise HTTPException(403)
        address = ADDRESS.get(asked["channel"])
        about = [(i.type, i.value) for i in identity.ids_of(conn, who.person) if i.current and i.type == address]
    now = shop.clock.now()
    said = Happening(
        message_id=f"shop-consent-{secrets.token_hex(12)}", kind="track",
        name="Consent Given" if on else "Consent Withdrawn", at=now, received=now, source=OURS,
        ids=tuple(dict.fromkeys([who.id, *(about if who.level == "full" else [])])),
        body={"properties": {"channel": asked["channel"], "purpose": asked["purpose"]}},
    )  # fmt: skip
    shop.append([said]).result()
    shop.followers.catch_up("identity", "consent")
    return RedirectResponse("/me#consent", 303)


@router.get("/me/export.json")
def export(request: Request) -> Response:
    """All that is held about them, as a file."""
    spend(request, front_of(request).heavy)
    who = _full(request)
    with shop_of(request).db.read() as conn:
        everything: Any = {} if who.person is None else privacy.export(conn, who.person)
    headers = {"content-disposition": 'attachment; filename="me.json"', "cache-control": "no-store"}
    return Response(jsons.dumps(everything), media_type="application/json", headers=headers)


@router.post("/me/erase", dependencies=[Depends(posted)])
def erase(request: Request) -> Response:
    """Erase them, for good, and forget them on this device."""
    front = front_of(request)
    spend(request, front.heavy)
    who = _full(request)
    if request.state.form.get("sure") != "yes" or who.id is None:
        raise HTTPException(422)
    if who.person is not None:
        if not front.erasing.acquire(timeout=10):
            raise HTTPException(503, headers={"Retry-After": "30"})
        try:
            shop = shop_of(request)
            # SQLite overwrites at little cost. PostgreSQL would rewrite and lock the log, at any visitor's wish.
            privacy.erase(shop, f"{who.id[0]}:{who.id[1]}", rewrite=shop.db.is_sqlite)
        finally:
            front.erasing.release()
    response = RedirectResponse("/me?sent=erased", 303)
    agree(response, request, yes=False)
    for name in (OWN, PROOF, MEMBER, ORDERS):
        response.delete_cookie(name, path="/me" if name == PROOF else "/")
    return response


def _full(request: Request) -> Self:
    who = self_of(request)
    if who.level != "full":
        raise HTTPException(403)
    return who


# ---- proving an address ----------------------------------------------------------------------------------------------


def way(told: object) -> str:
    """A path that somebody who signs in came from, or "" where it is none of ours."""
    return told if isinstance(told, str) and WAYS.fullmatch(told) else ""


@router.post("/me/link", dependencies=[Depends(posted)])
def ask_link(request: Request) -> Response:
    """Send a link to the own page: to the address that is recognised, else to one typed in.

    The answer is the same whether the address is known or not, and the mail goes out after it, so that nobody learns
    here who is a customer. Who is not one yet gets the same mail, and is met when they open it.
    """
    shop, front, visitor = shop_of(request), front_of(request), visitor_of(request)
    spend(request, front.heavy)
    form = request.state.form
    typed, to = form.get("email"), way(form.get("to"))
    id_ = visitor.id if visitor.id is not None and visitor.id[0] == "email" else None
    if id_ is None and isinstance(typed, str) and 3 <= len(typed.strip()) <= 320:
        value, _ = identity.normalise("email", typed.strip(), shop.settings.identity)
        id_ = ("email", value) if value else None
    response = RedirectResponse("/me?sent=link" + (f"&to={quote(to)}" if to else ""), 303)
    if id_ is not None:
        device = address_of(request)
        response.background = BackgroundTask(_send_link, shop, front, device, id_[1], to, tongue_of(request))
    return response


def _send_link(shop: Shop, front: Front, device: str, address: str, to: str, tongue: Tongue) -> None:
    now = shop.clock.now()
    with shop.db.read() as conn:
        person = identity.person_of(conn, "email", address)
        owned = identity.ids_of(conn, person) if person is not None else []
    number = next((i.number for i in owned if i.current and (i.type, i.value) == ("email", address)), None)
    if number is None and front.strangers.take(device, now):
        return  # told nobody: the answer has gone out already, the same as ever
    settings = shop.settings
    token = sign(front.secret, f"confirm|{secrets.token_hex(8)} {to}|{address}", now + PROOF_MS)
    link = f"{settings.public_url}/me/confirm/{token}"
    subject = tongue.plain("me.mail.subject", shop=settings.name)
    said = tongue.plain("me.mail.text", shop=settings.name)
    ignore = tongue.plain("me.mail.ignore")
    html = f'<p>{escape(said)}</p><p><a href="{escape(link)}">{escape(subject)}</a></p><p>{escape(ignore)}</p>'
    where = smtp.from_environment()
    transport = None if where is None else smtp.Smtp(where, settings.mail_from, settings.public_url)
    service.send(
        shop.db, transport, shop.clock, identifier=number, person=None if number is None else person, address=address,
        language=tongue.language, subject=subject, html=html, text=f"{said}\n\n{link}\n\n{ignore}",
    )  # fmt: skip


def _confirming(request: Request, token: str) -> tuple[str, str, str]:
    """What a link of such a mail says: (its one time, where it leads back to or "", the address)."""
    said = (signed(front_of(request).secret, token, shop_of(request).clock.now()) or "").split("|", 2)
    if len(said) != 3 or said[0] != "confirm":
        raise HTTPException(404)
    nonce, _, to = said[1].partition(" ")
    return nonce, way(to), said[2]


@router.get("/me/confirm/{token}")
def confirm_page(request: Request, token: str) -> Response:
    """Asks first: mail scanners open every link, and must not use it up."""
    _confirming(request, token)
    response = shown(request, "shop_confirm.html", visitor_of(request), here="me", kind="me")
    response.headers["cache-control"] = "no-store"
    return response


@router.post("/me/confirm/{token}", dependencies=[Depends(posted)])
def confirm(request: Request, token: str) -> Response:
    """Use the link up: this device belongs to who reads the address."""
    shop = shop_of(request)
    nonce, to, address = _confirming(request, token)
    now = shop.clock.now()
    with shop.db.write() as conn:
        if not once(conn, "confirm", nonce, now):
            raise HTTPException(404)
    _meet(shop, nonce, address)
    response = RedirectResponse(to or "/me", 303)
    prove(request, response, address)
    return response


def _meet(shop: Shop, nonce: str, address: str) -> None:
    """Whoever proved an address that nobody has is somebody from now on, known by that address and nothing else."""
    now = shop.clock.now()
    with shop.db.read() as conn:
        known = identity.person_of(conn, "email", address) is not None
    if not known:
        with shop.db.write() as conn:
            welcome(conn, ("email", address), now)
        proved = Happening(
            message_id=f"shop-proved-{nonce}", kind="identify", at=now, received=now, source=OURS,
            ids=(("email", address),),
        )  # fmt: skip
        shop.append([proved]).result()
        shop.followers.catch_up("identity")
    with shop.db.write() as conn:
        strangers.adopt(conn, address)


def prove(request: Request, response: Response, address: str) -> None:
    """Somebody has shown that they read an address: this device is theirs, as far as they let it be remembered."""
    now = shop_of(request).clock.now()
    proof = sign(front_of(request).secret, f"proof|email:{address}", now + PROOF_MS)
    https = request.url.scheme == "https"
    response.set_cookie(PROOF, proof, max_age=PROOF_MS // 1000, path="/me", httponly=True, samesite="lax", secure=https)
    if request.cookies.get("fairday_consent") != "no":
        remember(response, request, ("email", address))
        own(response, request, ("email", address))
    sign_in(response, request, ("email", address))


__all__ = ["PROOF", "VISITOR", "self_of"]

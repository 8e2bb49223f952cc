"""The story of a followed visitor: what arrived, whom it joined, what met them, what was written and ordered."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec
from sqlalchemy import Connection, select, text

from fairday.people import identity
from fairday.people.consent import MARKETING, all_consents
from fairday.reach import outbox
from fairday.scenes import life
from fairday.scenes.arms import SHOWN, WITHHELD
from fairday.shop import Shop
from fairday.storage.log import Happening
from fairday.web import desk, queries
from fairday.web.console.scenes import scene_numbers

MOST = 60
LOOKED_AT = 400
"""Rows of the log's end among which a stranger's events are looked for."""


class Beat(msgspec.Struct, frozen=True, kw_only=True):
    """What happened: ``kind`` is event, person, scene, held, consent, rule, mail or order; ``of`` its words."""

    kind: str
    at: int
    name: str = ""
    of: dict[str, Any] = {}


def figures(shop: Shop) -> dict[str, int]:
    """Today's figures that a shopper moves: orders, money, and people met by each live scene."""
    day = desk.today(shop)
    with shop.db.read() as conn:
        row = conn.execute(
            text("SELECT coalesce(sum(n), 0), coalesce(sum(amount), 0) FROM tally WHERE measure = :m AND day = :d"),
            {"m": "Order Completed", "d": day},
        ).one()
        found = {"orders": int(row[0]), "revenue": int(row[1]), "people": queries.people_count(conn)}
        for scene in life.all_scenes(conn):
            if scene.status == "live":
                numbers = scene_numbers(conn, scene.scene)
                found |= {f"{scene.scene}.eligible": numbers["eligible"], f"{scene.scene}.mailed": numbers["mailed"]}
    return found


def persons_of(conn: Connection, shop: Shop, ids: Sequence[tuple[str, str]]) -> list[int]:
    """Who owns the visitor's ids now."""
    found = (identity.person_of(conn, t, v) for t, v in ids)
    return list(dict.fromkeys(p for p in found if p is not None))


def story(shop: Shop, since: int, ids: Sequence[tuple[str, str]], persons: Sequence[int]) -> list[Beat]:
    """All that happened since an instant (ms), the latest first."""
    beats: list[Beat] = []
    own = set(ids)
    with shop.db.read() as conn:
        rows: dict[str, Happening] = {
            h.message_id: h
            for h in queries.latest_happenings(conn, limit=LOOKED_AT)
            if own & set(h.ids) and h.received >= since
        }
        for person in persons:
            for h in queries.timeline(conn, person, None, MOST):
                if max(h.at, h.received) >= since:
                    rows[h.message_id] = h
            for link in identity.why(conn, person):
                if link.at >= since:
                    beats.append(Beat(kind="person", at=link.at, name=link.code, of=dict(link.params)))
            beats += _mail(conn, person, since)
            for channel, purpose, said in all_consents(conn, person):
                if channel == "email" and purpose == MARKETING:
                    of = {"given": said.given, "address": _address(conn, person)}
                    beats.append(
                        Beat(kind="rule", at=max(said.at, since), name="agreed" if said.given else "refused", of=of)
                    )
    beats += [_of(h) for h in rows.values()]
    return sorted(beats, key=lambda b: (b.at, b.kind), reverse=True)[:MOST]


def _of(h: Happening) -> Beat:
    p = h.properties if isinstance(h.properties, dict) else {}
    at = max(h.at, h.received)
    if h.name in (SHOWN, WITHHELD):
        of = {"scene": p.get("scene", ""), "touchpoint": p.get("touchpoint", ""), "reason": p.get("reason", ""),
              "goods": len(p.get("goods") or ())}  # fmt: skip
        return Beat(kind="scene" if h.name == SHOWN else "held", at=at, of=of)
    if h.name == "Order Completed":
        of = {
            "total": p.get("charged", p.get("total")),
            "currency": p.get("currency") or "",
            "goods": _goods(p),
            "test": p.get("test") is True,
        }
        return Beat(kind="order", at=at, name=str(p.get("order_id", "")), of=of)
    if h.name.startswith("Consent") or h.name == "Email Unsubscribed":
        return Beat(kind="consent", at=at, name=h.name, of={"channel": p.get("channel", "")})
    what = p.get("name") or p.get("product_id") or p.get("query") or _page(h)
    return Beat(kind="event", at=at, name=h.name or h.kind, of={"what": str(what or "")[:120], "source": h.source})


def _page(h: Happening) -> str:
    page = h.context.get("page") if isinstance(h.context, dict) else None
    return str(page.get("title") or page.get("path") or "") if isinstance(page, dict) else ""


def _goods(properties: dict[str, Any]) -> str:
    lines = [line for line in properties.get("products") or () if isinstance(line, dict)]
    return ", ".join(str(line.get("name") or line.get("product_id") or "") for line in lines[:3])


def _mail(conn: Connection, person: int, since: int) -> list[Beat]:
    c = outbox.messages.c
    query = select(outbox.messages).where(c.person == person, c.planned_at >= since).order_by(c.id.desc()).limit(10)
    found = []
    for row in conn.execute(query).mappings():
        m = outbox.message(row)
        of = {"id": m.id, "subject": m.subject, "scene": m.scene, "reason": m.reason}
        found.append(Beat(kind="mail", at=m.done_at or m.planned_at, name=m.status, of=of))
    return found


def _address(conn: Connection, person: int) -> str:
    return next((i.value for i in identity.ids_of(conn, person) if i.type == "email" and i.current), "")

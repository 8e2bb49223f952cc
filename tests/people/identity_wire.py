"""Case events into the shop: Segment wire events as happenings, operators' calls through the library."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import fairday
from fairday.people import identity
from fairday.storage.log import Happening


def at_of(event: dict[str, Any], default: int) -> int:
    stamp = event.get("timestamp")
    return int(datetime.fromisoformat(stamp).timestamp() * 1000) if stamp else default


def happening(event: dict[str, Any], now: int) -> Happening:
    """A wire event as the collect door writes it."""
    context = event.get("context") or {}
    ids: list[tuple[str, str]] = []
    for field, type_ in (("userId", "user_id"), ("anonymousId", "anonymous_id")):
        if event.get(field) is not None:
            ids.append((type_, str(event[field])))
    device = context.get("device") or {}
    if device.get("id"):
        ids.append(("device_id", device["id"]))
    ids += [(e["type"], e["id"]) for e in context.get("externalIds") or []]
    for traits in (event.get("traits") or {}, context.get("traits") or {}):
        ids += [(t, traits[t]) for t in ("email", "phone") if traits.get(t)]
    body = {k: event[k] for k in ("properties", "traits", "context", "previousId") if k in event}
    return Happening(
        message_id=event["messageId"],
        kind=event["type"],
        name=event.get("event", ""),
        at=at_of(event, now),
        received=now,
        source="test",
        ids=tuple(ids),
        body=body,
    )


def send(shop: fairday.Shop, event: dict[str, Any]) -> None:
    """One event of a case, followed before the next is sent where an operator must see what came before."""
    now = shop.clock.now()
    if event["type"] not in ("merge", "unmerge", "erase"):
        shop.append([happening(event, now)]).result()
        return
    shop.followers.catch_up("identity")
    settings = shop.settings.identity
    at, message_id = at_of(event, now), event.get("messageId")
    if event["type"] == "erase":
        from fairday.people import privacy

        privacy.erase(shop, event["id"])
        return
    with shop.db.read() as conn:
        if event["type"] == "merge":
            made = identity.merge(conn, *event["ids"], settings, at, message_id)
        elif "split" in event:
            made = identity.split(conn, *event["split"], settings, at, message_id)
        else:
            made = identity.undo_merge(conn, event["merge_of"], at, message_id)
    shop.append([made]).result()

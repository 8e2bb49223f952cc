"""Case events into the shop: wire events through the HTTP door, operators' calls through the library."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import doors
import fairday
from fairday.people import identity, privacy


def at_of(event: dict[str, Any], default: int) -> int:
    stamp = event.get("timestamp")
    return int(datetime.fromisoformat(stamp).timestamp() * 1000) if stamp else default


def replay(shop: fairday.Shop, events: list[dict[str, Any]]) -> None:
    """The events of a case in order, followed before an operator sees them and at the end."""
    doors.make_keys(shop)
    with doors.running(shop) as url:
        for event in events:
            if event["type"] in ("merge", "unmerge", "erase"):
                operate(shop, event)
            else:
                # Nothing here says whether a door refuses what cannot be anybody's: either way it is nobody's.
                doors.post(url, f"/v1/{event['type']}", {k: v for k, v in event.items() if k != "type"})
    shop.followers.catch_up("identity")


def operate(shop: fairday.Shop, event: dict[str, Any]) -> None:
    """An operator's call, as the console makes it."""
    shop.followers.catch_up("identity")
    settings = shop.settings.identity
    at, message_id = at_of(event, shop.clock.now()), event.get("messageId")
    if event["type"] == "erase":
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

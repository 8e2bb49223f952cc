"""What coupons do is told as happenings, in Segment's manner, so that people, scenes and reports see it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from sqlalchemy import Connection, Table, text

from fairday.kernel.ids import digest
from fairday.kernel.money import major
from fairday.kernel.settings import Settings
from fairday.people.accounts import accounts_in
from fairday.storage.followers import Source
from fairday.storage.log import OURS, Happening, StoredEvent, append_happenings

TOLD = ("Coupon Claimed", "Coupon Redeemed", "Coupon Restored", "Coupon Expired", "Coupon Voided")


class CouponTelling:
    """Follows events of coupons and writes the same as happenings of the one who holds it.

    A happening carries one id, the first strong one that signs in to the account, so that telling joins nobody to
    anybody. An account that nobody signs in to is told of nowhere.
    """

    name = "coupons"
    source: Source = "events"
    after: tuple[str, ...] = ()
    tables: Sequence[Table] = ()

    def __init__(self, settings: Callable[[], Settings]) -> None:
        self._settings = settings

    def handle(self, conn: Connection, rows: Sequence[StoredEvent], now: int) -> None:
        told = [e for e in rows if e.name in TOLD and e.stream.startswith("coupon:")]
        weak = frozenset(self._settings().identity.weak)
        ids: dict[str, tuple[str, str] | None] = {}
        said: list[Happening] = []
        for event in told:
            account = str(event.data["account"])
            if account not in ids:
                ids[account] = signs_in(conn, account, weak)
            id_ = ids[account]
            if id_ is None:
                continue
            said.append(
                Happening(
                    message_id=f"fairday:coupon:{digest(event.stream, str(event.seq))}", kind="track", name=event.name,
                    at=event.at, received=now, source=OURS, ids=(id_,),
                    body={"properties": self._properties(event)},
                )
            )  # fmt: skip
        append_happenings(conn, said)

    def _properties(self, event: StoredEvent) -> dict[str, Any]:
        data, currency = event.data, self._settings().currency
        order = data["order"] or data.get("back_from", "")
        found: dict[str, Any] = {
            "coupon_id": event.stream.partition(":")[2], "coupon_name": data["title"], "batch": data["batch"],
            "rule": data["rule"], "order_id": order.partition(":")[2],
            "pack": data["pack"], "was": data.get("was", ""), "reason": data.get("why", ""),
        }  # fmt: skip
        if event.name == "Coupon Redeemed":
            found |= {"discount": float(major(data["worth"], currency)), "currency": currency}
        return {name: value for name, value in found.items() if value != ""}


def signs_in(conn: Connection, account: str, weak: frozenset[str]) -> tuple[str, str] | None:
    """The first id that signs in to an account or one merged into it, a strong one before a weak; None without one."""
    query = text(
        "SELECT i.type, i.value FROM member_accounts m JOIN identifiers i ON i.id = m.identifier"
        " WHERE m.account = :account ORDER BY i.id"
    )
    found = [(t, v) for one in accounts_in(conn, account) for t, v in conn.execute(query, {"account": one})]
    return min(found, key=lambda id_: id_[0] in weak, default=None)

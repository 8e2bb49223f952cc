"""The sandbox's books: trades, refunds and notices, the same for both providers."""

from __future__ import annotations

import logging
import secrets
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Literal, get_args

from sqlalchemy import Connection

from fairday.kernel.clock import Clock, local_day
from fairday.kernel.errors import Conflict, NotFound, Unavailable
from fairday.storage.database import Database, alone
from fairday.trade.payment.http import fetch
from fairday.trade.payment.sandbox import keys
from fairday.trade.payment.sandbox.keys import FOREVER, SandboxKeys, records

log = logging.getLogger("fairday.sandbox")

How = Literal["pay", "delay", "double", "hold", "lose", "fail"]
HOW: tuple[How, ...] = get_args(How)
"""What a shopper of the sandbox can do: pay; pay and the notice comes late, three times, when a button says so (so that
notices can be told in any order), or never; or fail."""
CHINA = "Asia/Shanghai"
DELAY = 10_000
AGAIN = (15_000, 30_000, 180_000, 600_000, 1_800_000, 3_600_000)
"""How long (ms) after a notice that was not taken the next is sent, as WeChat Pay does it."""
FEE = 6
"""What the provider keeps, in thousandths."""
REFUND_TAKES = 1_000

Sign = Callable[[SandboxKeys, dict[str, Any], int], tuple[dict[str, str], bytes]]
"""A notice's headers and body, from the keys, the notice and the time (ms)."""


class Sandbox:
    """Both providers' side. ``wechat`` and ``alipay`` speak for it; a notice is signed by the side that tells it."""

    def __init__(self, db: Database, clock: Clock) -> None:
        self.db = db
        self.clock = clock
        self.signs: dict[str, Sign] = {}
        self._keys: SandboxKeys | None = None
        self._making = threading.Lock()
        self._telling = threading.RLock()

    @property
    def keys(self) -> SandboxKeys:
        """The keys, made at first use."""
        with self._making:
            if self._keys is None:
                self._keys = keys.load(self.db, self.clock.now())
            return self._keys

    @contextmanager
    def books(self) -> Iterator[Connection]:
        """A transaction that nobody else of the sandbox shares."""
        with self.db.write() as conn:
            alone(conn, "sandbox")
            yield conn

    # ---- trades ------------------------------------------------------------------------------------------------------

    def find(self, provider: str, number: str) -> dict[str, Any] | None:
        """A trade by the merchant's number."""
        with self.db.read() as conn:
            return keys.get(conn, "trade", f"{provider}:{number}")

    def by_token(self, token: str) -> dict[str, Any]:
        """A trade by its page's token.

        Raises:
            NotFound: there is none.
        """
        with self.db.read() as conn:
            name = keys.get(conn, "token", token)
            found = None if name is None else keys.get(conn, "trade", name["trade"])
        if found is None:
            raise NotFound("The sandbox knows no such payment.", code="sandbox_unknown")
        return found

    def open(self, provider: str, number: str, **about: Any) -> dict[str, Any]:
        """A new trade, or the one that is there when everything but its time is the same.

        Raises:
            Conflict: another trade has the number, or it was paid or closed.
        """
        asked = {"provider": provider, "number": number, **about}
        with self.books() as conn:
            kept = keys.get(conn, "trade", f"{provider}:{number}")
            if kept is not None:
                same = all(kept.get(k) == v for k, v in asked.items() if k in ("amount", "currency"))
                if kept["state"] in ("paid", "closed") or not same:
                    raise Conflict("This number was used.", code=kept["state"] if same else "other")
                return kept
            trade = asked | {
                "token": secrets.token_urlsafe(18), "state": "open", "created": self.clock.now(), "refunds": {},
                "trade": "", "paid_at": 0, "notices": [],
            }  # fmt: skip
            self._save(conn, trade)
            keys.put(conn, "token", trade["token"], {"trade": f"{provider}:{number}"})
        return trade

    def _save(self, conn: Connection, trade: dict[str, Any]) -> None:
        at = trade["paid_at"] or trade["created"]
        keys.put(conn, "trade", f"{trade['provider']}:{trade['number']}", trade, day=local_day(at, CHINA), at=at)

    def close(self, provider: str, number: str) -> str:
        """Close a trade; gives the state it was in, "" when there is none."""
        with self.books() as conn:
            trade = keys.get(conn, "trade", f"{provider}:{number}")
            if trade is None:
                return ""
            if trade["state"] in ("open", "failed"):
                self._save(conn, trade | {"state": "closed"})
        return str(trade["state"])

    def act(self, token: str, how: How, told: Callable[[dict[str, Any]], dict[str, Any]]) -> dict[str, Any]:
        """What the shopper does on their page. ``told``: the words of a notice about a trade.

        Raises:
            NotFound: no such payment.
            Conflict: it is over.
        """
        trade, now = self.by_token(token), self.clock.now()
        with self.books() as conn:
            trade = keys.get(conn, "trade", f"{trade['provider']}:{trade['number']}") or trade
            if trade["state"] not in ("open", "failed") or now >= trade["expires"]:
                raise Conflict("This payment is over.", code="sandbox_over")
            if how == "fail":
                trade |= {"state": "failed"}
                self._save(conn, trade)
                return trade
            digits = "".join(str(secrets.randbelow(10)) for _ in range(18))
            trade |= {"state": "paid", "paid_at": now, "trade": f"42{digits}", "how": how}
            due = {"delay": now + DELAY, "hold": FOREVER, "lose": FOREVER}.get(how, now)
            if how != "lose":
                self._tell(conn, trade, told(trade), "payment", due, times=3 if how == "double" else 1)
            self._save(conn, trade)
        return trade

    def refund(
        self,
        provider: str,
        number: str,
        refund: str,
        amount: int,
        notify_url: str,
        told: Callable[[dict[str, Any], dict[str, Any]], dict[str, Any]],
    ) -> tuple[dict[str, Any], dict[str, Any]]:
        """Give money back; asked again, the same refund.

        Returns:
            The trade and the refund.

        Raises:
            NotFound: no such trade.
            Conflict: ``code`` says why: unpaid, other (another refund of that number), too_much.
        """
        now = self.clock.now()
        with self.books() as conn:
            trade = keys.get(conn, "trade", f"{provider}:{number}")
            if trade is None:
                raise NotFound("No such trade.", code="unknown")
            if trade["state"] != "paid":
                raise Conflict("It was not paid.", code="unpaid")
            known = trade["refunds"].get(refund)
            if known is not None:
                if known["amount"] != amount:
                    raise Conflict("Another refund has this number.", code="other")
                return trade, known
            if amount <= 0 or amount + sum(r["amount"] for r in trade["refunds"].values()) > trade["amount"]:
                raise Conflict("More than was paid.", code="too_much")
            takes = REFUND_TAKES if provider == "wechat" else 0
            digits = "".join(str(secrets.randbelow(10)) for _ in range(18))
            made = {"refund": refund, "amount": amount, "at": now + takes, "asked": now, "id": f"50{digits}"}
            trade["refunds"][refund] = made
            held = FOREVER if trade.get("how") == "hold" else now + takes
            if trade.get("how") != "lose":
                self._tell(conn, trade, told(trade, made), f"refund:{refund}", held, url=notify_url)
            self._save(conn, trade)
        return trade, made

    def lines(self, provider: str, day: int) -> list[tuple[dict[str, Any], dict[str, Any] | None]]:
        """What was paid and given back on a day (China's), as (trade, None) or (trade, refund)."""
        now = self.clock.now()
        with self.db.read() as conn:
            found = keys.many(conn, records.c.kind == "trade", records.c.day <= day, records.c.day > day - 400)
        mine = [t for t in found if t["provider"] == provider and t["state"] == "paid"]
        made: list[tuple[int, dict[str, Any], dict[str, Any] | None]] = []
        for trade in mine:
            if local_day(trade["paid_at"], CHINA) == day:
                made.append((trade["paid_at"], trade, None))
            refunds = trade["refunds"].values()
            made += [(r["at"], trade, r) for r in refunds if local_day(r["at"], CHINA) == day and r["at"] <= now]
        made.sort(key=lambda line: line[0])
        return [(trade, refund) for _, trade, refund in made]

    # ---- notices -----------------------------------------------------------------------------------------------------

    def _tell(
        self, conn: Connection, trade: dict[str, Any], told: dict[str, Any], kind: str, due: int, times: int = 1,
        url: str | None = None,
    ) -> None:  # fmt: skip
        """Queue a notice and note it on its trade: ``told`` is what it says, signed when it is sent."""
        address = trade["notify_url"] if url is None else url
        if not address:
            return
        notice = {
            "id": secrets.token_hex(16), "provider": trade["provider"], "number": trade["number"], "kind": kind,
            "url": address, "told": told, "created": self.clock.now(), "times": times, "sent": 0,
            "tries": 0, "answer": 0, "due": due, "signed_as": trade.get("signed_as", ""),
        }  # fmt: skip
        trade["notices"].append(notice["id"])
        self._keep(conn, notice)

    def _keep(self, conn: Connection, notice: dict[str, Any]) -> None:
        keys.put(conn, "notice", notice["id"], notice, at=notice["due"])

    def notices(self, provider: str, number: str) -> list[dict[str, Any]]:
        """The notices about a trade, in the order they came about."""
        trade = self.find(provider, number)
        with self.db.read() as conn:
            found = (keys.get(conn, "notice", id_) for id_ in (trade or {"notices": ()})["notices"])
            return [notice for notice in found if notice is not None]

    def deliver_due(self) -> int:
        """Send the notices whose time has come; how many were taken."""
        with self._telling:  # whoever asks for it may rely on what was due having been sent
            with self.db.read() as conn:
                due = list(keys.many(conn, records.c.kind == "notice", records.c.at <= self.clock.now()))
            return sum(self.deliver(notice["id"]) for notice in due[:50])

    def deliver(self, id_: str, times: int = 0) -> int:
        """Send a notice now, as often as it says or as told; how many were taken (200 to 299, or "success").

        One that was not taken is sent again later, unless somebody sends it by hand.
        """
        by_hand = times > 0
        with self.books() as conn:
            notice = keys.get(conn, "notice", id_)
            if notice is None or (notice["due"] > self.clock.now() and not by_hand):
                return 0  # another process has sent it
            self._keep(conn, notice | {"due": FOREVER})
        taken = 0
        for _ in range(times or notice["times"]):
            headers, body = self.signs[notice["provider"]](self.keys, notice, self.clock.now())
            try:
                answer = fetch("POST", notice["url"], body, headers)
            except Unavailable as error:
                log.info("notice %s: %s", id_, error.message)
                status, good = 0, False
            else:
                status, good = answer.status_code, _taken(notice["provider"], answer.status_code, answer.content)
            taken += good
            notice |= {"sent": notice["sent"] + 1, "answer": status, "taken": good}
        due, tries = FOREVER, notice["tries"]
        if not notice["taken"] and not by_hand and tries < len(AGAIN):
            due, tries = self.clock.now() + AGAIN[tries], tries + 1
        with self.books() as conn:
            self._keep(conn, notice | {"due": due, "tries": tries})
        return taken


def _taken(provider: str, status: int, body: bytes) -> bool:
    """Whether a notice was taken, by each provider's own rule."""
    return status in range(200, 300) if provider == "wechat" else body.strip() == b"success"


def fee(amount: int) -> int:
    """What the provider keeps of an amount, half up."""
    return (amount * FEE + 500) // 1000

"""Briefs as a service: ``shop.briefs``. A company asks, people answer, some are chosen and paid."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import msgspec

from fairday.goods.photos import keep_until
from fairday.kernel.clock import DAY_MS, Clock
from fairday.kernel.decider import Answer as Said
from fairday.kernel.decider import Command, Row, State
from fairday.kernel.errors import Conflict, NotFound
from fairday.kernel.ids import digest, new_id
from fairday.kernel.settings import Settings
from fairday.people.accounts import account_of, accounts_in
from fairday.storage.database import Database
from fairday.storage.runner import Runner, stream_state
from fairday.trade.b2b import company as company_rules
from fairday.trade.b2b import credit as credit_rules
from fairday.trade.b2b.service import Companies
from fairday.trade.c2b import tables
from fairday.trade.c2b.answer import AnswerDecider, OutsiderClaim, WorkClaim, answer_id
from fairday.trade.c2b.brief import SHOP, BriefDecider, PlaceClaim
from fairday.trade.c2b.mode import BRIEF, HOUSE, Work
from fairday.trade.c2b.tables import Answer, Brief
from fairday.trade.c2b.working import Working
from fairday.trade.c2c import records
from fairday.trade.c2c.mode import seller_stream
from fairday.trade.c2c.records import Ids
from fairday.trade.c2c.saying import KEPT_DAYS, LISTING_ID, done, photo_kept, text_of
from fairday.trade.records import Contact, parcel_row
from fairday.trade.service import Orders
from fairday.trade.shipping.carriers import read_number

COMPANYS = ("not_member", "needs_approval", "over_credit", "credit_overdue", "other_currency", "too_many_open")
"""What a company's own rules refuse; told under the codes of its area."""
MOST_PHOTOS = 4
"""Photos of an answer, and of each delivery."""


class Asked(msgspec.Struct, frozen=True, kw_only=True):
    """What a company writes; ``least`` to ``most`` in minor units (the same: a fixed reward), ``until`` ms."""

    title: str
    text: str
    photo: str = ""
    least: int
    most: int
    winners: int
    until: int
    deliver_days: int


class Briefs:
    """Briefs, the answers to them and the work.

    Everything is asked for an *account* or, as ``by``, a company's stream or "shop" that the caller has made sure of;
    what is not theirs is answered as if it did not exist.
    """

    def __init__(
        self,
        db: Database,
        runner: Runner,
        clock: Clock,
        settings: Callable[[], Settings],
        orders: Orders,
        companies: Companies,
    ) -> None:
        self._db, self._runner, self._clock, self._settings = db, runner, clock, settings
        self._orders, self._companies = orders, companies
        orders.register_mode(Work())
        for claim in (PlaceClaim(), WorkClaim(), OutsiderClaim()):
            orders.register_claim(claim)
        for decider in (BriefDecider(), AnswerDecider()):
            runner.register(decider)
        for spanning in Working(orders.steps, runner.evolve, lambda: settings().zone).spanning():
            runner.register_spanning(spanning)

    # ---- asking ----------------------------------------------------------------------------------------------------

    def by(self, account: str) -> str:
        """The company (its stream) for which an account may write briefs, choose and accept; "" for none."""
        found = self._companies.member(account)
        return company_rules.stream_of(found.company) if found is not None and found.role != "buyer" else ""

    def write(self, id_: str, by: str, ids: Ids, asked: Asked, *, actor: str, open_: bool = True) -> Brief:
        """Write a brief, new or again; opened, people may answer it until it closes.

        Raises:
            FairdayError: its words or photo cannot be; ``where`` says which.
            Conflict: somebody has answered it, its terms cannot be, or companies write none here.
            NotFound: it is somebody else's.
        """
        settings, now = self._settings(), self._clock.now()
        if not settings.crowd.open:
            raise Conflict("No briefs are written here.", code="crowd_closed")
        if not LISTING_ID.fullmatch(id_):
            raise NotFound("There is no such brief.", code="no_such_brief")
        title, text = text_of(asked.title, "title", least=2), text_of(asked.text, "text", least=10 if open_ else 0)
        with self._db.read() as conn:
            photo_kept(conn, asked.photo, now)
        crowd = settings.crowd
        data = {
            "by": by, "least": asked.least, "most": asked.most, "winners": asked.winners, "until": asked.until,
            "deliver_days": asked.deliver_days, "accept_days": crowd.accept_days, "rounds": crowd.rounds,
            "commission": 0 if by == SHOP else crowd.commission, "currency": settings.currency,
            "life": "open" if open_ else "draft",
        }  # fmt: skip
        words = [records.text_row(f"brief:{id_}", title, text, asked.photo, ids, now)]
        done(self._runner.submit(Command("brief.write", f"brief:{id_}", data, actor, rows=words)))
        with self._db.write() as conn:
            keep_until(conn, [asked.photo] if asked.photo else [], now + KEPT_DAYS * DAY_MS)
        found = self.named(id_)
        assert found is not None
        return found

    def withdraw(self, id_: str, by: str, *, actor: str) -> None:
        """Take a brief back while nobody is chosen."""
        done(self._runner.submit(Command("brief.withdraw", f"brief:{id_}", {"by": by}, actor)))

    def end(self, id_: str, by: str, *, actor: str) -> None:
        """Nobody else is chosen; the others are told no, with thanks."""
        done(self._runner.submit(Command("brief.end", f"brief:{id_}", {"by": by}, actor)))

    # ---- answering -------------------------------------------------------------------------------------------------

    def answer(self, brief: str, account: str, ids: Ids, text: str, price: int, photos: Sequence[str] = ()) -> str:
        """Answer a brief, or change one's answer, until it closes; the answer's id.

        Raises:
            FairdayError: the words or photos cannot be.
            Conflict: it is closed or full, the price is not within its reward, or it is their own company's.
            NotFound: there is no such brief.
        """
        said, now = text_of(text, "text", least=2), self._clock.now()
        self._open()
        id_, account = self.own(brief[:64], account)
        with self._db.read() as conn:
            kept = self._photos(conn, photos, now)
        data = {"brief": brief[:64], "account": account, "price": price}
        words = _said(f"answer:{id_}", "answer", said, kept, ids, now, again=True)
        done(self._runner.submit(Command("answer.write", f"answer:{id_}", data, account, rows=words)))
        self._keep(kept, now)
        return id_

    def own(self, brief: str, account: str) -> tuple[str, str]:
        """The id of an account's answer to a brief, and the account that wrote it: itself, or one merged into it."""
        with self._db.read() as conn:
            for one in accounts_in(conn, account):
                if stream_state(conn, f"answer:{answer_id(brief, one)}") is not None:
                    return answer_id(brief, one), one
        return answer_id(brief, account), account

    def _open(self) -> None:
        if not self._settings().crowd.open:
            raise Conflict("Briefs are not answered here.", code="crowd_closed")

    def _photos(self, conn: Any, photos: Sequence[str], now: int) -> list[str]:
        found = list(dict.fromkeys(x for x in photos if x))[:MOST_PHOTOS]
        for photo in found:
            photo_kept(conn, photo, now)
        return found

    def _keep(self, photos: Sequence[str], now: int) -> None:
        with self._db.write() as conn:
            keep_until(conn, list(photos), now + KEPT_DAYS * DAY_MS)

    def take_back(self, id_: str, account: str) -> None:
        """Take an answer back before it is chosen."""
        account = self._writer(id_, account)
        done(self._runner.submit(Command("answer.withdraw", f"answer:{id_}", {"account": account}, account)))

    def deliver(
        self,
        id_: str,
        account: str,
        ids: Ids,
        text: str,
        photos: Sequence[str] = (),
        parcel: tuple[str, str] = ("", ""),
    ) -> None:
        """The chosen one delivers: words, photos, a parcel's (carrier, number).

        Raises:
            Conflict: it is not theirs to deliver now.
        """
        said, now = text_of(text, "words", least=0 if photos or parcel[1] else 2), self._clock.now()
        with self._db.read() as conn:
            kept = self._photos(conn, photos, now)
        account = self._writer(id_, account)
        state = self._state(f"answer:{id_}") or {}
        number = str(state.get("order") or "").partition(":")[2]
        name = digest("parcel", number, str(now))[:20] if parcel[1] else ""
        data = {"account": account, "parcel": name}
        words = _said(f"answer:{id_}", "seller", said, kept, ids, now)
        words += [parcel_row(name, number, parcel[0], read_number(parcel[1]), now)] if name else []
        done(self._runner.submit(Command("answer.deliver", f"answer:{id_}", data, account, rows=words)))
        self._keep(kept, now)

    def _writer(self, id_: str, account: str) -> str:
        """The account that wrote an answer, where it is this one or one merged into it."""
        state = self._state(f"answer:{id_}")
        with self._db.read() as conn:
            if state is None or state["account"] not in accounts_in(conn, account):
                raise NotFound("There is no such answer.", code="no_such_answer")
        return str(state["account"])

    # ---- choosing --------------------------------------------------------------------------------------------------

    def choose(
        self, id_: str, by: str, account: str | None, ids: Ids, seen: int, *, actor: str, on_account: bool = False
    ) -> str:
        """Choose an answer at the price that was seen; the order (its number) that pays for it.

        Args:
            account: the member of the company who chooses; None for the shop.
            on_account: within the company's credit; else it is to be paid before the work begins.

        Raises:
            NotFound: no answer to a brief of theirs.
            Conflict: not now, not at that price, no place left, more than the member or the credit may.
        """
        state, now = self._state(f"answer:{id_}"), self._clock.now()
        brief = None if state is None else self._state(f"brief:{state['brief']}")
        if state is None or brief is None or brief["by"] != by:
            raise NotFound("There is no such answer.", code="no_such_answer")
        found = self.named(state["brief"])
        house, price, currency, commission = by == SHOP, state["price"], brief["currency"], brief["commission"]
        days = self._companies.credit(by.partition(":")[2])["days"] if on_account and not house else None
        work = {
            "brief": state["brief"], "account": state["account"], "price": seen, "currency": currency, "house": house,
            "credit": days is not None, "rounds": brief["rounds"], "deliver_ms": brief["deliver_days"] * DAY_MS,
            "accept_ms": brief["accept_days"] * DAY_MS,
        }  # fmt: skip
        holds: list[list[Any]] = [
            ["place", f"brief:{state['brief']}", {"answer": id_, "by": by, "credit": days is not None}],
            ["work", f"answer:{id_}", work],
            ["earnings", seller_stream(state["account"]), {"commission": commission, "currency": currency}],
        ]
        if not house:
            due_at = None if days is None else credit_rules.due_after(now, days)
            told = {"account": account, "amount": seen, "approved": False, "due_at": due_at}
            with self._db.read() as conn:
                person = account_of(conn, state["account"])
            holds += [["spending", by, told], ["outsider", by, {"account": person}]]
            if due_at is not None:
                terms = {"amount": seen, "currency": currency, "due_at": due_at}
                holds.append(["credit", credit_rules.stream_of(by.partition(":")[2]), terms])
        if seen != price:
            raise Conflict("The price has changed since you looked.", code="answer_changed")
        line: dict[str, Any] = {
            "line": "1", "sku": f"brief:{state['brief']}", "product": f"brief:{state['brief']}",
            "title": (found.title if found is not None else "") or state["brief"], "qty": 1, "form": {}, "unit": seen,
            "unit_digits": 0, "gross": seen, "discounts": [], "net": seen, "tax": 0, "paid": seen, "gift": None,
            "value": seen, "made": False, "days": 0,
        }  # fmt: skip
        paid = {"from": None, "payments": [{"payment": "", "method": HOUSE, "amount": seen}]}
        placing = {
            "mode": BRIEF, "account": account, "currency": currency, "country": None, "channel": "briefs",
            "store": None, "way": "ship", "method": HOUSE if house else "bank_transfer", "lines": [line],
            "shipping": None, "total": seen, "savings": [], "holds": holds, "credit": paid if house else None,
            "source": "fairday",
            "data": {"by": by, "brief": state["brief"], "answer": id_, "seller": state["account"],
                     "commission": commission, "days": days},
        }  # fmt: skip
        # One order a choice: pressed twice it is the same one, chosen anew after it expired it is another.
        order = digest("work", id_, str(self._version(f"answer:{id_}")))[:26]
        said: Said = self._orders.place(f"order:{order}", placing, Contact(), ids, actor=actor)
        if said.refusal is not None and said.refusal.code in COMPANYS:
            raise Conflict(said.refusal.message, code=f"b2b_{said.refusal.code}")
        if said.refusal is None or said.refusal.code != "already_placed":
            done(said)
        return order

    def accept(self, id_: str, by: str, *, actor: str) -> None:
        """What was delivered is well: the money is the seller's, on credit once the invoice is paid too."""
        self._theirs(id_, by)
        done(self._runner.submit(Command("answer.accept", f"answer:{id_}", {}, actor)))

    def again(self, id_: str, by: str, ids: Ids, text: str, *, actor: str) -> None:
        """Ask for another round, saying what is missing."""
        said = text_of(text, "words", least=2)
        self._theirs(id_, by)
        words = _said(f"answer:{id_}", "buyer", said, (), ids, self._clock.now())
        done(self._runner.submit(Command("answer.again", f"answer:{id_}", {}, actor, rows=words)))

    def _theirs(self, id_: str, by: str) -> None:
        state = self._state(f"answer:{id_}")
        brief = None if state is None or state["brief"] is None else self._state(f"brief:{state['brief']}")
        if brief is None or brief["by"] != by:
            raise NotFound("There is no such answer.", code="no_such_answer")

    # ---- reading ---------------------------------------------------------------------------------------------------

    def named(self, id_: str) -> Brief | None:
        """A brief by its id, None where there is none, or its words were erased and nobody works for it."""
        with self._db.read() as conn:
            return next(iter(tables.briefs_of(conn, id_=id_[:64])), None)

    def state(self, id_: str) -> State | None:
        """A brief's state."""
        return self._state(f"brief:{id_}")

    def work(self, id_: str) -> State | None:
        """An answer's state."""
        return self._state(f"answer:{id_}")

    def read(self, id_: str, *, account: str | None = None, by: str = "") -> tuple[Answer, list[dict[str, Any]]]:
        """An answer with all that was said of it, for who wrote it and for whose brief it is.

        Raises:
            NotFound: there is none, or it is neither's.
        """
        with self._db.read() as conn:
            found = tables.answer_named(conn, id_[:64])
            if found is not None:
                brief = stream_state(conn, f"brief:{found.brief}")
                mine = account is not None and found.account in accounts_in(conn, account)
                if mine or (by and brief is not None and brief[1]["by"] == by):
                    return found, records.words_of(conn, f"answer:{found.id}")
        raise NotFound("There is no such answer.", code="no_such_answer")

    def answers(self, brief: str, by: str) -> list[tuple[Answer, list[dict[str, Any]]]]:
        """All answers to a brief with their words, for whose it is; the last first."""
        state = self.state(brief)
        if state is None or state["by"] != by:
            raise NotFound("There is no such brief.", code="no_such_brief")
        with self._db.read() as conn:
            found = tables.answers_of(conn, brief=brief)
            said = records.words_among(conn, [f"answer:{x.id}" for x in found])
        return [(x, said.get(f"answer:{x.id}", [])) for x in found]

    def _state(self, stream: str) -> State | None:
        with self._db.read() as conn:
            found = stream_state(conn, stream[:100])
        return None if found is None else found[1]

    def _version(self, stream: str) -> int:
        with self._db.read() as conn:
            found = stream_state(conn, stream)
        return 0 if found is None else found[0]


__all__ = ["Asked", "Briefs"]


def _said(
    about: str, by: str, said: str, photos: Sequence[str], ids: Ids, now: int, *, again: bool = False
) -> list[Row]:
    """One saying: a row for the words with the first photo, one for each photo more.

    Args:
        again: it stands in the place of what was said before.
    """
    key = f"{about}:{by}" if again else f"{about}:{new_id(now)}"
    more = [*photos, *([""] * (MOST_PHOTOS - len(photos) if again else not photos))]
    return [
        records.words_row(f"{key}:{n}", about, by, said if n == 0 else "", ids, now, photo)
        for n, photo in enumerate(more)
    ]

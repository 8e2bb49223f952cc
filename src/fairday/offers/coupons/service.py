"""Coupons of a shop: what the other rooms and the pages ask for."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Mapping, Sequence
from difflib import get_close_matches
from typing import Any

import msgspec
from sqlalchemy import Connection

from fairday.kernel.claims import Hold
from fairday.kernel.clock import Clock
from fairday.kernel.decider import Answer, Command
from fairday.kernel.errors import Conflict, FairdayError, NotFound
from fairday.offers.coupons import records, spanning
from fairday.offers.coupons.batch import BatchDecider, Terms, batch_stream, check_terms
from fairday.offers.coupons.claim import CouponDecider, drawn_slot, slot
from fairday.offers.coupons.codes import hashed, new_code, read_code, read_word
from fairday.offers.coupons.packs import OnceDecider, PackDecider, shuffled
from fairday.offers.coupons.records import TooMany
from fairday.people.accounts import account_of, accounts_in
from fairday.storage.database import Database
from fairday.storage.runner import Runner, stream_state

MOST_AT_ONCE = 200_000
"""Codes printed in one run."""
SLICE = 5_000


class Claimed(msgspec.Struct, frozen=True):
    """A coupon that somebody has now: its id, batch, title, rule of the book, and when (ms) it expires."""

    claim: str
    batch: str
    title: str
    rule: str
    until: int


class Coupons:
    """Batches, codes, share packs and what accounts hold. Accounts are stream names (``account:ID``) that are open.

    Every method that changes something raises ``Conflict`` where the rules say no; its ``code`` says why.

    Args:
        rules: the promotions of the book by id, and whether they ask for a coupon.
    """

    def __init__(
        self, db: Database, runner: Runner, clock: Clock, rules: Callable[[Connection], Mapping[str, bool]]
    ) -> None:
        self._db = db
        self._rules = rules
        self._runner = runner
        self._clock = clock
        for decider in (BatchDecider(), CouponDecider(), PackDecider(), OnceDecider()):
            runner.register(decider)
        for command in spanning.ALL:
            runner.register_spanning(command)

    # ---- batches -----------------------------------------------------------------------------------------------------

    def open(self, batch: str, terms: Terms, *, actor: str = "system", key: str | None = None) -> None:
        """Open a batch.

        Raises:
            FairdayError: the name or the terms make no sense, or a promotion of the deck is not in the book.
            Conflict: the name or the public word is taken, or the dates are over.
        """
        data = {"terms": spanning.terms_data(check_terms(terms))}
        self._check_deck(terms)
        self._ask(Command("coupons.open", batch_stream(batch), data, actor, key))

    def _check_deck(self, terms: Terms) -> None:
        """Refuse a batch of what the book does not hold: its coupons would be worth nothing."""
        with self._db.read() as conn:
            known = self._rules(conn)
        fit = sorted(rule for rule, asks in known.items() if asks)
        for n, (rule, _) in enumerate(terms.deck):
            if known.get(rule):
                continue
            if rule in known:
                message = f"The promotion {rule!r} asks for no coupon: everybody has it without one."
            else:
                message = f"The rule book has no promotion {rule!r}."
            near = get_close_matches(rule, fit, 1, 0.6)
            remedy = f"Did you mean {near[0]}?" if near else f"Known: {', '.join(fit[:20]) or 'none yet'}."
            raise FairdayError(message, code="unknown_coupon_rule", where=f"rule{n}", remedy=remedy)

    def stop(self, batch: str, *, actor: str = "system") -> None:
        """Give out no more of a batch. What people hold stays good."""
        self._ask(Command("stop", batch_stream(batch), {}, actor))

    def print_codes(self, batch: str, n: int, *, actor: str = "system") -> list[str]:
        """New codes of a batch. They are in this answer alone: the shop keeps their hashes.

        Raises:
            FairdayError: not 1 to 200,000 codes.
            Conflict: the batch has no codes, was stopped, or has fewer left to print.
        """
        if not 0 < n <= MOST_AT_ONCE:
            raise FairdayError(
                f"{n} codes cannot be printed at once.", code="bad_coupon_n", where="n",
                remedy=f"Write 1 to {MOST_AT_ONCE}.",
            )  # fmt: skip
        with self._db.read() as conn:
            run = records.get_batch(conn, batch).runs + 1
        self._ask(Command("print", batch_stream(batch), {"run": run, "n": n}, actor))
        made: list[str] = []
        for start in range(0, n, SLICE):
            part = [new_code() for _ in range(min(SLICE, n - start))]
            with self._db.write() as conn:
                records.keep_hashes(conn, batch, run, [hashed(code.replace("-", "")) for code in part])
            made += part
        return made

    def void_run(self, batch: str, run: int, *, actor: str = "system") -> None:
        """Make the unused codes of one printing worthless, for a list that was lost; as many may be printed again."""
        with self._db.read() as conn:
            unused = records.unused(conn, batch, run)
        self._ask(Command("void", batch_stream(batch), {"run": run, "unused": unused}, actor))

    def take_back(self, claim: str, reason: str, *, actor: str = "system") -> None:
        """Take back a coupon that is held and not in use."""
        self._ask(Command("void", f"coupon:{claim}", {"reason": reason}, actor))

    def batches(self) -> list[records.Batch]:
        """Every batch, those changed last first."""
        with self._db.read() as conn:
            return records.all_batches(conn)

    def batch(self, batch: str) -> records.Batch:
        """A batch by name, or NotFound."""
        with self._db.read() as conn:
            return records.get_batch(conn, batch)

    # ---- having one --------------------------------------------------------------------------------------------------

    def enter(self, typed: str, account: str, *, address: str = "", key: str | None = None) -> Claimed:
        """What somebody typed, a code or a public word, becomes a coupon they hold.

        Args:
            address: the network address that asks, for the limit on wrong tries.
            key: makes a repeat of the request give the first answer.

        Raises:
            FairdayError: ``mistyped_code`` (its check characters are wrong), or ``bad_code`` (neither code nor word).
            NotFound: ``unknown_code``.
            Conflict: it is not to be had.
            TooMany: too many wrong tries within the hour.
        """
        code = read_code(typed) if len(typed) <= 200 else None
        word = None if code is not None or len(typed) > 200 else read_word(typed)
        if code is None and word is None:
            raise FairdayError("That is no coupon code.", code="bad_code", where="code", remedy="Type it as printed.")
        with self._db.write() as conn:
            over = self._count(conn, account, address)
        if over is not None:  # raised after the commit, so that the try is counted
            raise over
        with self._db.read() as conn:
            found, run = self._find(conn, code, word)
        if found is None:
            raise NotFound("There is no such coupon code.", code="unknown_code", where="code")
        with self._db.write() as conn:
            records.give_try_back(conn, account, address)
        return self._claim(found, account, hashed(code) if code else "", run, key)

    def _count(self, conn: Any, account: str, address: str) -> TooMany | None:
        try:
            records.take_try(conn, account, address, self._clock.now())
        except TooMany as over:
            return over
        return None

    @staticmethod
    def _find(conn: Any, code: str | None, word: str | None) -> tuple[str | None, int]:
        if code is not None:
            return records.code_of(conn, hashed(code)) or (None, 0)
        state = stream_state(conn, spanning.word_stream(word or ""))
        return (None if state is None else str(state[1]["by"])), 0

    def give(self, batch: str, account: str, *, key: str | None = None, actor: str = "") -> Claimed:
        """Give an account a coupon of a public batch: by a button on a page, a scene, a play.

        Raises:
            NotFound: there is no such batch.
            Conflict: it is not to be had.
        """
        return self._claim(batch, account, "", 0, key, actor)

    def _claim(self, batch: str, account: str, code: str, run: int, key: str | None, actor: str = "") -> Claimed:
        with self._db.read() as conn:
            terms = records.get_batch(conn, batch).terms
            also = [f"coupon:{h.claim}" for h in records.held_by(conn, account) if h.batch == batch]
        data = {
            "account": account, "slots": [slot(batch, account, n + 1) for n in range(terms.per_person)],
            "also": also[:100], "code": code, "run": run,
        }  # fmt: skip
        return self._had(self._ask(Command("coupon.claim", batch_stream(batch), data, actor or account, key)))

    @staticmethod
    def _had(answer: Answer) -> Claimed:
        for stream, name, data in answer.events:
            if name == "Coupon Claimed":
                claim = stream.partition(":")[2]
                return Claimed(claim, data["batch"], data["title"], data["rule"], data["until"])
        raise AssertionError(answer)

    # ---- packs -------------------------------------------------------------------------------------------------------

    def share(self, batch: str, account: str, about: str) -> str:
        """Open a pack for something (an order) once; a repeat gives the same pack. Gives its unguessable id.

        The caller has made sure that the account may share ``about``: that the order is theirs, and paid.
        """
        pack = secrets.token_hex(16)
        with self._db.read() as conn:
            terms, account = records.get_batch(conn, batch).terms, account_of(conn, account)
            before = stream_state(conn, spanning.share_stream(batch, about))
            if before is not None and before[1]["by"]:
                return self._own_pack(conn, str(before[1]["by"]), account)
        data = {"account": account, "pack": f"pack:{pack}", "about": about, "order": shuffled(terms.deck),
                "secret": secrets.token_hex(16)}  # fmt: skip
        try:
            self._ask(Command("coupon.share", batch_stream(batch), data, account))
        except Conflict as error:
            if error.code != "shared_already":
                raise
            with self._db.read() as conn:
                state = stream_state(conn, spanning.share_stream(batch, about))
                assert state is not None
                return self._own_pack(conn, str(state[1]["by"]), account)
        return pack

    def _own_pack(self, conn: Any, pack: str, account: str) -> str:
        if records.get_pack(conn, pack, 0).account not in accounts_in(conn, account):
            raise NotFound("There is no such pack.", code="no_pack")
        return pack

    def pack(self, pack: str) -> records.Pack:
        """A pack as everybody may see it, or NotFound."""
        with self._db.read() as conn:
            return records.get_pack(conn, pack, self._clock.now())

    def draw(self, pack: str, account: str) -> Claimed:
        """Draw the next coupon of a pack.

        Raises:
            NotFound: there is no such pack.
            Conflict: drawn already, empty, over, or stopped.
        """
        batch = self.pack(pack).batch
        with self._db.read() as conn:
            slot_, *also = [drawn_slot(pack, one) for one in accounts_in(conn, account)]
        data = {"account": account, "slot": slot_, "also": also[:100], "batch": batch}
        return self._had(self._ask(Command("coupon.draw", f"pack:{pack}", data, account)))

    # ---- using one ---------------------------------------------------------------------------------------------------

    def wallet(self, account: str) -> list[records.Held]:
        """What an account holds and held."""
        with self._db.read() as conn:
            return records.held_by(conn, account)

    def usable(self, account: str, now: int) -> list[tuple[str, str]]:
        """(coupon's id, rule of the book) of what an account could use now, the ones that end first first."""
        with self._db.read() as conn:
            return records.usable(conn, account, now)

    def hold(self, claim: str, account: str, worth: int) -> Hold:
        """What an order that uses a coupon holds; ``worth`` is what it takes off, in minor units.

        Raises:
            NotFound: the account has no such coupon.
        """
        with self._db.read() as conn:
            held = records.get_held(conn, claim)
            if held is None or held.account not in accounts_in(conn, account):
                raise NotFound("You have no such coupon.", code="no_coupon")
        return Hold("coupon", f"coupon:{claim}", {"account": held.account, "worth": worth})

    def _ask(self, command: Command) -> Answer:
        answer = self._runner.submit(command)
        if answer.refusal is not None:
            refusal = answer.refusal
            raise Conflict(refusal.message, code=refusal.code, where=command.stream)
        return answer


__all__: Sequence[str] = ["Claimed", "Coupons", "TooMany"]

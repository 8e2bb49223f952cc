"""A batch of coupons: its terms, and the stream ``coupons:BATCH`` that counts what was given out. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Literal

import msgspec

from fairday.kernel.clock import DAY_MS
from fairday.kernel.decider import BaseDecider, Command, Event, Refusal, Row, State
from fairday.kernel.errors import FairdayError
from fairday.offers.coupons.codes import read_word

Kind = Literal["codes", "public", "share"]

MOST = 10_000_000
MOST_PER_PERSON = 20
MOST_IN_PACK = 100
MOST_SIZES = 10
MOST_RUNS = 20
_BATCH = re.compile(r"[a-z0-9][a-z0-9-]{0,58}[a-z0-9]")
_RULE_LENGTH = 80


class Terms(msgspec.Struct, frozen=True, kw_only=True):
    """What a batch promises; fixed when it is opened.

    Attributes:
        title: what merchants and shoppers read, at most 80 characters.
        kind: ``codes`` (each code once), ``public`` (one word for all) or ``share`` (packs that friends draw from).
        deck: (rule of the book, how many). For ``share`` what lies in one pack; else one rule, once.
        labels: what each of the deck is called ("¥20 off"), as many as it has, or none: then by the title alone.
        size: how many coupons may be claimed; for ``share``, how many packs may be opened.
        per_person: how many of them one account may hold in all; of a pack everybody draws one.
        opens, closes: instants (ms) between which they can be claimed.
        until: the instant (ms) at which every one of them has expired.
        days: days of 24 hours that one is valid after it was claimed, or None for all the time to ``until``.
        restore: after payment, ``full`` gives a coupon back when the whole order was cancelled or refunded.
        word: the word of a public batch.
        share_hours: how long a pack stays open.
    """

    title: str
    kind: Kind
    deck: tuple[tuple[str, int], ...]
    size: int
    labels: tuple[str, ...] = ()
    per_person: int = 1
    opens: int
    closes: int
    until: int
    days: int | None = None
    restore: Literal["full", "never"] = "full"
    word: str = ""
    share_hours: int = 72

    @property
    def last(self) -> int:
        """When (ms) the last coupon that can be claimed expires."""
        return self.valid_until(self.closes)

    @property
    def in_pack(self) -> int:
        """How many coupons lie in a pack."""
        return sum(n for _, n in self.deck)

    def called(self, place: int) -> str:
        """What the coupon at a place of the deck is called."""
        label = self.labels[place] if self.labels else ""
        return f"{label} · {self.title}" if label else self.title

    def valid_until(self, claimed: int) -> int:
        """When (ms) a coupon claimed then expires."""
        return self.until if self.days is None else min(self.until, claimed + self.days * DAY_MS)


def outlived(terms: Terms, ends: Mapping[str, int | None]) -> dict[str, int]:
    """The promotions that are over before the last coupon of a batch is, with their end (ms).

    Args:
        ends: by promotion when it ends; None: never.
    """
    found = {rule: ends.get(rule) for rule, _ in terms.deck}
    return {rule: end for rule, end in found.items() if end is not None and end < terms.last}


def batch_stream(batch: str) -> str:
    """The stream of a batch.

    Raises:
        FairdayError: not a batch's name.
    """
    if not _BATCH.fullmatch(batch):
        raise FairdayError(
            f"{batch[:70]!r} is not a batch's name.", code="bad_batch", where="batch",
            remedy="Write 2 to 60 small letters, digits and hyphens, such as spring-2026.",
        )  # fmt: skip
    return f"coupons:{batch}"


def check_terms(terms: Terms) -> Terms:
    """The terms, where they make sense; a public batch's word in the form it is kept in.

    Raises:
        FairdayError: which of them does not, and what to write instead.
    """

    def bad(where: str, message: str, remedy: str) -> FairdayError:
        return FairdayError(message, code=f"bad_coupon_{where}", where=where, remedy=remedy)

    if not 0 < len(terms.title.strip()) <= 80:
        raise bad("title", "A batch needs a title.", "Write 1 to 80 characters.")
    if not 0 < terms.size <= MOST:
        raise bad("size", f"{terms.size} is not a number of coupons.", f"Write 1 to {MOST}.")
    if not 0 < terms.per_person <= MOST_PER_PERSON:
        raise bad("per_person", f"{terms.per_person} a person is not possible.", f"Write 1 to {MOST_PER_PERSON}.")
    if not 0 <= terms.opens < terms.closes <= terms.until < 2**53:
        raise bad("dates", "The dates are not in order.", "Claiming opens, then closes, then the last coupon expires.")
    if terms.days is not None and not 0 < terms.days <= 3650:
        raise bad("days", f"{terms.days} days are not possible.", "Write 1 to 3650, or nothing.")
    if not terms.deck or any(not 0 < len(r) <= _RULE_LENGTH or type(n) is not int or n < 1 for r, n in terms.deck):
        raise bad("deck", "A coupon needs a promotion that it gives.", "Choose one, and how many of it.")
    if terms.kind != "share" and (len(terms.deck), terms.deck[0][1]) != (1, 1):
        raise bad("deck", "Only a share pack holds different coupons.", "Choose one promotion.")
    if terms.labels and (len(terms.labels) != len(terms.deck) or any(len(label) > 40 for label in terms.labels)):
        raise bad("labels", "Each promotion has one label, or none has.", "Write at most 40 characters for each.")
    if len(terms.deck) > MOST_SIZES or not 0 < terms.in_pack <= MOST_IN_PACK:
        raise bad("deck", f"A pack holds at most {MOST_SIZES} kinds and {MOST_IN_PACK} coupons.", "Take fewer.")
    if not 0 < terms.share_hours <= 24 * 90:
        raise bad("share_hours", f"{terms.share_hours} hours are not possible.", "Write 1 to 2160.")
    word = read_word(terms.word) if terms.kind == "public" else ""
    if word is None:
        raise bad("word", f"{terms.word[:40]!r} is not a word for all.", "Write 4 to 30 letters, digits and hyphens.")
    return msgspec.structs.replace(terms, title=terms.title.strip(), word=word)


class BatchDecider(BaseDecider):
    """The rules of a batch by itself: ``stop``, and ``print`` and ``void`` of a run of codes.

    Opening and counting are parts of the spanning commands of ``spanning``.
    """

    kind = "coupons"

    def initial(self) -> State:
        return {"status": None, "terms": None, "given": 0, "printed": 0, "runs": 0, "void": []}

    def decide(self, state: State, command: Command, now: int) -> Sequence[Event] | Refusal:
        if state["status"] is None:
            return NO_BATCH
        if command.name == "stop":
            kept = {"status": "stopped", "terms": state["terms"]}
            return [] if state["status"] == "stopped" else [Event("Coupons Stopped", kept)]
        if command.name == "print":
            return _print(state, command.data)
        if command.name == "void":
            run = command.data["run"]
            if type(run) is not int or not 0 < run <= state["runs"]:
                return Refusal("no_run", "Codes were never printed under that number.", {"run": run})
            n = command.data["unused"]
            return [] if run in state["void"] else [Event("Codes Voided", {"run": run, "n": n})]
        return Refusal("unknown_command", f"A batch knows no command {command.name!r}.")

    def evolve(self, state: State, event: Event) -> State:
        data = event.data
        match event.name:
            case "Coupons Opened" | "Coupons Stopped":
                return {**state, "status": data["status"], "terms": data["terms"]}
            case "Codes Printed":
                return {**state, "runs": data["run"], "printed": state["printed"] + data["n"]}
            case "Codes Voided":
                printed = state["printed"] - data["n"]
                return {**state, "void": [*state["void"], data["run"]], "printed": printed}
            case _:  # Coupon Counted, Pack Counted
                return {**state, "given": data["given"]}

    def rows(self, stream: str, event: Event, now: int) -> Iterable[Row]:
        if event.name in ("Coupons Opened", "Coupons Stopped"):
            terms: dict[str, Any] = event.data["terms"]
            yield Row("coupon_batches", {
                "batch": stream.partition(":")[2], "status": event.data["status"], "kind": terms["kind"],
                "title": terms["title"], "size": terms["size"], "opens": terms["opens"], "closes": terms["closes"],
                "until": terms["until"], "changed_at": now,
            })  # fmt: skip


NO_BATCH = Refusal("no_batch", "There is no such batch of coupons.")


def _print(state: State, data: Any) -> Sequence[Event] | Refusal:
    terms = terms_of(state)
    if terms.kind != "codes":
        return Refusal("no_codes", "Only a batch of codes prints codes.")
    if state["status"] != "open":
        return Refusal("coupons_stopped", "The batch was stopped.")
    if data["run"] != state["runs"] + 1:
        return Refusal("run_moved", "Codes were printed meanwhile. Look again.", {"run": state["runs"]})
    if state["runs"] >= MOST_RUNS:
        return Refusal("too_many_runs", f"A batch prints codes at most {MOST_RUNS} times.")
    left = terms.size - state["printed"]
    if not 0 < data["n"] <= left:
        return Refusal("too_many_codes", f"{left} codes of the batch are left to print.", {"left": left})
    return [Event("Codes Printed", {"run": data["run"], "n": data["n"]})]


def terms_of(state: State) -> Terms:
    """The terms that a batch's state holds."""
    return msgspec.convert(state["terms"], Terms)


def closed(state: State, now: int) -> Refusal | None:
    """Why nothing of a batch can be had now, or None."""
    if state["status"] is None:
        return NO_BATCH
    terms: dict[str, Any] = state["terms"]
    if state["status"] == "stopped":
        return Refusal("coupons_stopped", "These coupons are no longer given out.")
    if now < terms["opens"]:
        return Refusal("claims_not_open", "These coupons are not given out yet.", {"opens": terms["opens"]})
    if now >= terms["closes"]:
        return Refusal("claims_over", "These coupons are no longer given out.", {"closes": terms["closes"]})
    if state["given"] >= terms["size"]:
        return Refusal("all_given", "All of these coupons have been given out.")
    return None

"""Commands over several streams of coupons: open a batch, claim, share a pack, draw of it. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from fairday.kernel.decider import Command, Event, Located, Peek, Refusal, Spanning, State
from fairday.offers.coupons.batch import NO_BATCH, batch_stream, closed, terms_of
from fairday.offers.coupons.claim import claimed
from fairday.offers.coupons.packs import seal, taken

Decided = Mapping[str, Sequence[Event]] | Refusal
States = Mapping[str, State]


def _account(state: State) -> Refusal | None:
    if state["into"]:
        return Refusal("account_merged", "This account was merged into another.", {"into": state["into"]})
    return None if state["open"] else Refusal("account_unknown", "There is no such account.")


# ---- coupons.open {terms} --------------------------------------------------------------------------------------------


def _locate_open(command: Command, peek: Peek) -> Located:
    word = command.data["terms"]["word"]
    if not word:
        return Located((command.stream,))
    once = word_stream(word)
    version, state = peek(once)
    before = [batch_stream(state["by"])] if state["by"] else []
    return Located((command.stream, once, *before), {once: version})


def _open(states: States, command: Command, now: int) -> Decided:
    terms = command.data["terms"]
    if states[command.stream]["status"] is not None:
        return Refusal("batch_exists", "There is a batch of that name already.")
    if terms["until"] <= now or terms["closes"] <= now:
        return Refusal("bad_coupon_dates", "The dates are over.")
    made: dict[str, Sequence[Event]] = {command.stream: [Event("Coupons Opened", {"status": "open", "terms": terms})]}
    if terms["word"]:
        once = word_stream(terms["word"])
        holder = states[once]["by"]
        if holder is not None:
            other = states[batch_stream(holder)]
            if other["status"] == "open" and now < other["terms"]["closes"]:
                return Refusal("word_taken", "Another batch has that word.", {"batch": holder})
        made[once] = [taken(command.stream.partition(":")[2])]
    return made


def word_stream(word: str) -> str:
    """The stream that says which batch a public word belongs to."""
    return f"once:word:{word}"


def code_stream(hash_: str) -> str:
    """The stream that says whether a code was used."""
    return f"once:code:{hash_}"


# ---- coupon.claim {account, slots, also, code, run} ------------------------------------------------------------------


def _locate_claim(command: Command, peek: Peek) -> Located:
    data = command.data
    code = [code_stream(data["code"])] if data.get("code") else []
    return Located((command.stream, data["account"], *data["slots"], *data["also"], *code))


def _claim(states: States, command: Command, now: int) -> Decided:
    data, batch = command.data, states[command.stream]
    no = closed(batch, now) or _account(states[data["account"]])
    if no is not None:
        return no
    terms = terms_of(batch)
    made: dict[str, Sequence[Event]] = {}
    held = sum(states[s]["status"] is not None for s in {*data["slots"], *data["also"]})
    free = next((s for s in data["slots"] if states[s]["status"] is None), None)
    if terms.kind == "share":
        return Refusal("only_shared", "These coupons come in packs that are shared.")
    if held >= terms.per_person or free is None:
        return Refusal("already_claimed", "You have this coupon already.", {"per_person": terms.per_person})
    if terms.kind == "codes":
        if not data.get("code"):
            return Refusal("needs_code", "This coupon needs a code.")
        if data["run"] in batch["void"]:
            return Refusal("code_void", "This code is no longer good.")
        if states[code_stream(data["code"])]["by"] is not None:
            return Refusal("code_used", "This code was used already.")
        made[code_stream(data["code"])] = [taken(free)]
    made[command.stream] = [Event("Coupon Counted", {"given": batch["given"] + 1})]
    made[free] = [claimed(
        batch=command.stream.partition(":")[2], title=terms.called(0), account=data["account"], rule=terms.deck[0][0],
        until=terms.valid_until(now), restore=terms.restore, now=now,
    )]  # fmt: skip
    return made


# ---- coupon.share {account, pack, about, order, secret} --------------------------------------------------------------


def share_stream(batch: str, about: str) -> str:
    """The stream that says which pack was opened for an order."""
    return f"once:share:{batch}:{about}"


def _locate_share(command: Command, peek: Peek) -> Located:
    data = command.data
    once = share_stream(command.stream.partition(":")[2], data["about"])
    return Located((command.stream, data["account"], data["pack"], once))


def _share(states: States, command: Command, now: int) -> Decided:
    data, state = command.data, states[command.stream]
    batch = command.stream.partition(":")[2]
    once = share_stream(batch, data["about"])
    if states[once]["by"] is not None:
        return Refusal("shared_already", "This order's pack was opened already.", {"pack": states[once]["by"]})
    no = closed(state, now) or _account(states[data["account"]])
    if no is not None:
        return no
    terms = terms_of(state)
    if terms.kind != "share":
        return Refusal("not_shared", "These coupons do not come in packs.")
    order: list[int] = data["order"]
    if sorted(order) != [place for place, (_, n) in enumerate(terms.deck) for _ in range(n)]:
        return Refusal("bad_order", "A pack holds what its batch says, no more and no less.")
    pack = {
        "status": "open", "batch": batch, "title": terms.title, "account": data["account"], "about": data["about"],
        "rules": [rule for rule, _ in terms.deck], "order": order, "secret": data["secret"],
        "seal": seal(order, data["secret"]), "taken": 0, "until": min(terms.until, now + terms.share_hours * 3_600_000),
    }  # fmt: skip
    return {
        command.stream: [Event("Pack Counted", {"given": state["given"] + 1})],
        once: [taken(data["pack"].partition(":")[2])],
        data["pack"]: [Event("Pack Opened", pack)],
    }


# ---- coupon.draw {account, slot, also, batch} ------------------------------------------------------------------------


def _locate_draw(command: Command, peek: Peek) -> Located:
    data = command.data
    return Located((command.stream, data["account"], data["slot"], *data["also"], batch_stream(data["batch"])))


def _draw(states: States, command: Command, now: int) -> Decided:
    data, pack = command.data, states[command.stream]
    batch = states[batch_stream(data["batch"])]
    if pack["status"] is None or pack["batch"] != data["batch"]:
        return Refusal("no_pack", "There is no such pack.")
    if any(states[s]["status"] is not None for s in (data["slot"], *data["also"])):
        return Refusal("drawn_already", "You have drawn from this pack.")
    no = _account(states[data["account"]])
    if no is not None:
        return no
    if pack["taken"] >= len(pack["order"]):
        return Refusal("pack_empty", "All coupons of this pack have been drawn.")
    if pack["status"] != "open" or now >= pack["until"]:
        return Refusal("pack_over", "This pack is over.")
    if batch["status"] is None:
        return NO_BATCH
    if batch["status"] != "open":
        return Refusal("coupons_stopped", "These coupons are no longer given out.")
    terms, n = terms_of(batch), pack["taken"]
    place = pack["order"][n]
    rule = pack["rules"][place]
    coupon = claimed(
        batch=data["batch"], title=terms.called(place), account=data["account"], rule=rule,
        until=terms.valid_until(now), restore=terms.restore, now=now, pack=command.stream.partition(":")[2],
    )  # fmt: skip
    return {
        command.stream: [Event("Coupon Drawn", {"n": n + 1, "coupon": data["slot"], "rule": rule})],
        data["slot"]: [coupon],
    }


OPEN = Spanning("coupons.open", _locate_open, _open)
CLAIM = Spanning("coupon.claim", _locate_claim, _claim)
SHARE = Spanning("coupon.share", _locate_share, _share)
DRAW = Spanning("coupon.draw", _locate_draw, _draw)

ALL = (OPEN, CLAIM, SHARE, DRAW)


def terms_data(terms: Any) -> dict[str, Any]:
    """Terms as a command carries them."""
    found: dict[str, Any] = msgspec.to_builtins(terms)
    return found

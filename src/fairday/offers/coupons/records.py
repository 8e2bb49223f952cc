"""What is kept of coupons in tables: batches, hashed codes, what people hold, packs, wrong tries; and the queries."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec
from sqlalchemy import BigInteger, Connection, Index, Integer, String, Table, case, delete, func, select, text

from fairday.kernel import jsons
from fairday.kernel.errors import NotFound, Unavailable
from fairday.kernel.ids import digest
from fairday.offers.coupons.batch import Terms, batch_stream, terms_of
from fairday.people.accounts import accounts_in
from fairday.people.tables import OPEN
from fairday.storage.bulk import insert_rows
from fairday.storage.database import col, insert, metadata
from fairday.storage.runner import stream_state, streams

coupon_batches = Table(
    "coupon_batches",
    metadata,
    col("batch", String(60), primary_key=True, personal=False),
    col("status", String(8), nullable=False, personal=False),
    col("kind", String(8), nullable=False, personal=False),
    col("title", String(80), nullable=False, personal=False),
    col("size", Integer, nullable=False, personal=False),
    col("opens", BigInteger, nullable=False, personal=False),
    col("closes", BigInteger, nullable=False, personal=False),
    col("until", BigInteger, nullable=False, personal=False),
    col("changed_at", BigInteger, nullable=False, personal=False),
)

coupon_codes = Table(
    "coupon_codes",
    metadata,
    col("hash", String(40), primary_key=True, personal=False),
    col("batch", String(60), nullable=False, personal=False),
    col("run", Integer, nullable=False, personal=False),
    Index("coupon_codes_batch", "batch", "run"),
)
"""Every printed code by its hash; the code itself is nowhere."""

coupon_claims = Table(
    "coupon_claims",
    metadata,
    col("claim", String(40), primary_key=True, personal=False),
    col("batch", String(60), nullable=False, personal=False),
    col("title", String(130), nullable=False, personal=False),
    col("account", String(200), nullable=False, personal=False),
    col("rule", String(80), nullable=False, personal=False),
    col("status", String(8), nullable=False, personal=False),
    col("until", BigInteger, nullable=False, personal=False),
    col("order", String(200), nullable=False, personal=False),
    col("worth", BigInteger, nullable=False, personal=False),
    col("pack", String(60), nullable=False, personal=False),
    col("claimed_at", BigInteger, nullable=False, personal=False),
    col("changed_at", BigInteger, nullable=False, personal=False),
    Index("coupon_claims_account", "account", "until"),
    Index("coupon_claims_batch", "batch", "status", "changed_at"),
    Index("coupon_claims_pack", "pack"),
)
"""What accounts hold and held. ``worth``: what it took off an order (minor units); ``order`` is "" while it is free."""

coupon_packs = Table(
    "coupon_packs",
    metadata,
    col("pack", String(60), primary_key=True, personal=False),
    col("batch", String(60), nullable=False, personal=False),
    col("account", String(200), nullable=False, personal=False),
    col("about", String(120), nullable=False, personal=False),
    col("size", Integer, nullable=False, personal=False),
    col("opened_at", BigInteger, nullable=False, personal=False),
    col("until", BigInteger, nullable=False, personal=False),
    Index("coupon_packs_account", "account", "opened_at"),
    Index("coupon_packs_batch", "batch"),
)

coupon_tries = Table(
    "coupon_tries",
    metadata,
    col("actor", String(32), primary_key=True, personal=False),
    col("began", BigInteger, nullable=False, personal=False),
    col("n", Integer, nullable=False, personal=False),
)
"""Wrong codes by who typed them, as a digest, within an hour; forgotten after it."""

TRY_MS = 3_600_000
TRIES = {"account": 10, "address": 30}
"""Wrong codes and words in an hour, of one account and of one network address."""


class TooMany(Unavailable):
    """Too many wrong codes; ``after`` is in ms."""

    def __init__(self, after: int) -> None:
        super().__init__("Too many wrong codes.", code="too_many_tries", remedy="Wait a while.")
        self.after = after


class Batch(msgspec.Struct, frozen=True, kw_only=True):
    """A batch as it stands: its terms, and of them how many were given out (claimed, or packs opened) and printed."""

    batch: str
    status: str
    terms: Terms
    given: int
    printed: int
    runs: int
    void: list[int]


class Held(msgspec.Struct, frozen=True, kw_only=True):
    """A coupon that somebody holds or held; instants in ms, ``worth`` in minor units."""

    claim: str
    batch: str
    title: str
    account: str
    rule: str
    status: str
    until: int
    order: str
    worth: int
    pack: str
    claimed_at: int
    changed_at: int


class Pack(msgspec.Struct, frozen=True, kw_only=True):
    """A pack as everybody may see it; ``order`` and ``secret`` only when it is over. ``sizes`` are its rules."""

    pack: str
    batch: str
    title: str
    account: str
    size: int
    taken: int
    until: int
    open: bool
    seal: str
    secret: str = ""
    order: list[int] = []
    rules: list[str] = []


def get_batch(conn: Connection, batch: str) -> Batch:
    """A batch by its name.

    Raises:
        NotFound: there is none.
    """
    found = stream_state(conn, batch_stream(batch))
    if found is None:
        raise NotFound(f"There is no batch {batch!r}.", code="no_batch", remedy="See Coupons in the console.")
    return _batch(batch, found[1])


def _batch(batch: str, state: dict[str, Any]) -> Batch:
    return Batch(
        batch=batch, status=state["status"], terms=terms_of(state), given=state["given"], printed=state["printed"],
        runs=state["runs"], void=state["void"],
    )  # fmt: skip


def all_batches(conn: Connection, limit: int = 500) -> list[Batch]:
    """The batches, those changed last first."""
    names = select(coupon_batches.c.batch, coupon_batches.c.changed_at)
    names = names.order_by(coupon_batches.c.changed_at.desc(), coupon_batches.c.batch).limit(limit)
    ordered = [batch for batch, _ in conn.execute(names)]
    query = select(streams.c.stream, streams.c.state).where(streams.c.stream.in_([batch_stream(b) for b in ordered]))
    states = {stream.partition(":")[2]: jsons.loads(state) for stream, state in conn.execute(query)}
    return [_batch(batch, states[batch]) for batch in ordered]


def counts(conn: Connection, batches: Sequence[str] | None = None) -> dict[str, dict[str, int]]:
    """By batch and status how many coupons there are, and ``worth``: what the redeemed ones took off (minor units)."""
    c = coupon_claims.c
    query = select(c.batch, c.status, func.count(), func.sum(c.worth)).group_by(c.batch, c.status)
    if batches is not None:
        query = query.where(c.batch.in_(batches))
    found: dict[str, dict[str, int]] = {}
    for batch, status, n, worth in conn.execute(query):
        of = found.setdefault(batch, {"worth": 0})
        of[status] = n
        of["worth"] += int(worth) if status == "redeemed" else 0
    return found


def held_by(conn: Connection, account: str, limit: int = 500) -> list[Held]:
    """What an account, and those merged into it, hold and held; the ones that end first first."""
    c = coupon_claims.c
    query = select(coupon_claims).where(c.account.in_(accounts_in(conn, account)))
    query = query.order_by(c.until, c.claim).limit(limit)
    return [Held(**row) for row in conn.execute(query).mappings()]


def usable(conn: Connection, account: str, now: int) -> list[tuple[str, str]]:
    """(coupon's id, rule of the book) of what an account could use now, the ones that end first first."""
    return [(h.claim, h.rule) for h in held_by(conn, account) if h.status == "claimed" and now < h.until]


def get_held(conn: Connection, claim: str) -> Held | None:
    """A coupon by its id."""
    row = conn.execute(select(coupon_claims).where(coupon_claims.c.claim == claim)).mappings().one_or_none()
    return None if row is None else Held(**row)


def redeemed(conn: Connection, batch: str, limit: int = 200, before: int = 2**62) -> list[Held]:
    """The redeemed coupons of a batch, the latest first."""
    c = coupon_claims.c
    query = select(coupon_claims).where(c.batch == batch, c.status == "redeemed", c.changed_at < before)
    return [Held(**row) for row in conn.execute(query.order_by(c.changed_at.desc(), c.claim).limit(limit)).mappings()]


def by_rule(conn: Connection, batch: str) -> dict[str, tuple[int, int]]:
    """By rule (claimed in all, redeemed)."""
    c = coupon_claims.c
    query = select(c.rule, func.count(), func.sum(case((c.status == "redeemed", 1), else_=0)))
    query = query.where(c.batch == batch).group_by(c.rule).order_by(c.rule)
    return {rule: (n, int(used)) for rule, n, used in conn.execute(query)}


def held_of(conn: Connection, rule: str, now: int) -> tuple[int, int]:
    """How many coupons of a promotion people hold and could use now, and when (ms) the last of them expires."""
    c = coupon_claims.c
    query = select(func.count(), func.max(c.until)).where(c.rule == rule, c.status == "claimed", c.until > now)
    n, last = conn.execute(query).one()
    return int(n), int(last or 0)


def handing_out(conn: Connection, rule: str, now: int) -> list[Batch]:
    """The open batches that still give out coupons of a promotion, by name."""
    c = coupon_batches.c
    query = select(c.batch).where(c.status == "open", c.closes > now).order_by(c.batch)
    found = [get_batch(conn, batch) for batch in conn.execute(query).scalars()]
    return [b for b in found if b.given < b.terms.size and rule in {of for of, _ in b.terms.deck}]


def people_of(conn: Connection, accounts: Sequence[str]) -> dict[str, int]:
    """By account the person whose ids sign in to it now. Where they are several people's, the owner of the first that
    was proved, and of a device's only where there is no other."""
    found: dict[str, int] = {}
    for account in dict.fromkeys(accounts):
        query = text(
            "SELECT o.person FROM member_accounts m JOIN ownership o ON o.identifier = m.identifier"
            " JOIN identifiers i ON i.id = m.identifier WHERE m.account = :account AND o.until_at = :open"
            " ORDER BY CASE WHEN i.type = 'anonymous_id' THEN 1 ELSE 0 END, m.identifier LIMIT 1"
        )
        for signs_in in accounts_in(conn, account):
            person = conn.execute(query, {"account": signs_in, "open": OPEN}).scalar()
            if person is not None:
                found[account] = int(person)
                break
    return found


# ---- codes -----------------------------------------------------------------------------------------------------------


def keep_hashes(conn: Connection, batch: str, run: int, hashes: Sequence[str]) -> None:
    """Keep the hashes of printed codes."""
    insert_rows(conn, coupon_codes, ("hash", "batch", "run"), [(h, batch, run) for h in sorted(hashes)])


def code_of(conn: Connection, hash_: str) -> tuple[str, int] | None:
    """The batch and the run of a code by its hash, or None."""
    row = conn.execute(select(coupon_codes.c.batch, coupon_codes.c.run).where(coupon_codes.c.hash == hash_)).first()
    return None if row is None else (row[0], row[1])


def unused(conn: Connection, batch: str, run: int) -> int:
    """How many codes of a run have not been used."""
    query = text(
        "SELECT COUNT(*) FROM coupon_codes c WHERE c.batch = :batch AND c.run = :run"
        " AND NOT EXISTS (SELECT 1 FROM streams s WHERE s.stream = 'once:code:' || c.hash)"
    )
    return int(conn.execute(query, {"batch": batch, "run": run}).scalar_one())


# ---- packs -----------------------------------------------------------------------------------------------------------


def get_pack(conn: Connection, pack: str, now: int) -> Pack:
    """A pack by its id.

    Raises:
        NotFound: there is none.
    """
    found = stream_state(conn, f"pack:{pack}") if 0 < len(pack) <= 60 else None
    if found is None:
        raise NotFound("There is no such pack.", code="no_pack")
    state = found[1]
    is_open = state["status"] == "open" and now < state["until"]
    shown = {} if is_open else {"secret": state["secret"], "order": state["order"]}
    return Pack(
        pack=pack, batch=state["batch"], title=state["title"], account=state["account"], size=len(state["order"]),
        taken=state["taken"], until=state["until"], open=is_open, seal=state["seal"], rules=state["rules"], **shown,
    )  # fmt: skip


def shared_now(conn: Connection, now: int) -> list[Batch]:
    """The share batches that buyers open packs of now, the newest first."""
    c = coupon_batches.c
    query = select(c.batch).where(c.kind == "share", c.status == "open", c.opens <= now, c.closes > now)
    found = [get_batch(conn, batch) for batch in conn.execute(query.order_by(c.opens.desc(), c.batch)).scalars()]
    return [batch for batch in found if batch.given < batch.terms.size]


def drawn(conn: Connection, pack: str) -> list[Held]:
    """What was drawn of a pack, in order."""
    c = coupon_claims.c
    query = select(coupon_claims).where(c.pack == pack).order_by(c.claimed_at, c.claim)
    return [Held(**row) for row in conn.execute(query).mappings()]


def packs_of(conn: Connection, account: str, limit: int = 20) -> list[str]:
    """The packs an account opened, the latest first."""
    c = coupon_packs.c
    query = select(c.pack).where(c.account.in_(accounts_in(conn, account))).order_by(c.opened_at.desc(), c.pack)
    return list(conn.execute(query.limit(limit)).scalars())


# ---- wrong tries -----------------------------------------------------------------------------------------------------


def _actors(account: str, address: str) -> list[tuple[str, int]]:
    named = {"account": account, "address": address}
    return sorted((digest("coupon", kind, who), TRIES[kind]) for kind, who in named.items() if who)


def take_try(conn: Connection, account: str, address: str, now: int) -> None:
    """Count a try before it is looked at, so that many at once are no more than one by one.

    Raises:
        TooMany: one of them has none left.
    """
    c = coupon_tries.c
    conn.execute(delete(coupon_tries).where(c.began <= now - TRY_MS))
    over: list[int] = []
    for actor, most in _actors(account, address):
        fresh = insert(conn, coupon_tries).values(actor=actor, began=now, n=1)
        kept = fresh.on_conflict_do_update(index_elements=["actor"], set_={"n": c.n + 1})
        n, began = conn.execute(kept.returning(c.n, c.began)).one()
        if n > most:
            over.append(began)
    if over:
        raise TooMany(max(max(over) + TRY_MS - now, 1000))


def give_try_back(conn: Connection, account: str, address: str) -> None:
    """It was no guess."""
    c = coupon_tries.c
    for actor, _ in _actors(account, address):
        conn.execute(coupon_tries.update().where(c.actor == actor, c.n > 0).values(n=c.n - 1))

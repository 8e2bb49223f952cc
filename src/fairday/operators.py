"""Operators: who may sign in to the console, their sessions, and the limit on wrong guesses.

Passwords are kept as argon2id hashes and sessions as digests of random tokens, so that reading the database lets
nobody in. Nothing here knows HTTP.
"""

from __future__ import annotations

import hashlib
import secrets
import threading
from dataclasses import dataclass
from typing import Literal, get_args

import argon2
from sqlalchemy import BigInteger, Boolean, Connection, Integer, RowMapping, String, Table, case, delete, select, update

from fairday.kernel.errors import Conflict, FairdayError, NotFound
from fairday.storage.database import BigId, Database, col, insert, metadata

Role = Literal["owner", "marketer", "analyst", "clerk"]
ROLES: tuple[Role, ...] = get_args(Role)
"""Owner: everything. Marketer: scenes, audiences, mail, imports, people. Analyst: figures without people. Clerk: one
customer at a time. ``web/roles.py`` says it route by route."""
MINUTE = 60_000
IDLE_MS = 8 * 60 * MINUTE
"""A session nobody used for this long has ended."""
ABSOLUTE_MS = 7 * 24 * 60 * MINUTE
"""A session ends this long after the sign-in, used or not."""
WINDOW_MS = 15 * MINUTE
LIMITS = {"pair": 8, "address": 40, "account": 120}
"""Sign-ins tried within a quarter of an hour: by one address for one account, by one address, for one account.

The limit of an account alone is high, so that a stranger's guesses cannot lock its owner out cheaply.
"""
PASSWORD_MIN, PASSWORD_MAX = 10, 200

operators = Table(
    "operators",
    metadata,
    col("id", BigId, primary_key=True, autoincrement=True, personal=False),
    # Not marked personal: the marks are of customers, and erasing one of the same address must not close the account.
    col("email", String(254), nullable=False, unique=True, personal=False),
    col("hash", String(200), nullable=False, personal=False),
    col("role", String(16), nullable=False, personal=False),
    col("must_change", Boolean, nullable=False, personal=False),
    col("active", Boolean, nullable=False, personal=False),
    col("created", BigInteger, nullable=False, personal=False),
    col("seen", BigInteger, nullable=False, personal=False),
    sqlite_autoincrement=True,
)

sessions = Table(
    "operator_sessions",
    metadata,
    col("digest", String(64), primary_key=True, personal=False),
    col("operator", BigInteger, nullable=False, index=True, personal=False),
    col("created", BigInteger, nullable=False, personal=False),
    col("seen", BigInteger, nullable=False, personal=False),
)

attempts = Table(
    "sign_in_attempts",
    metadata,
    col("key", String(64), primary_key=True, personal=False),
    col("began", BigInteger, nullable=False, index=True, personal=False),
    col("n", Integer, nullable=False, personal=False),
)
"""Tries at signing in since ``began``, under digests of account and address; forgotten after a quarter of an hour."""

_hasher = argon2.PasswordHasher()
_NOBODY = _hasher.hash(secrets.token_urlsafe(16))
# A hash takes 64 MiB while it is computed: a crowd at the door waits its turn instead of filling the memory.
_turns = threading.BoundedSemaphore(4)


@dataclass(frozen=True, slots=True)
class Operator:
    """Someone who may sign in. Instants are ms UTC; ``seen`` is 0 before the first sign-in."""

    id: int
    email: str
    role: Role
    must_change: bool
    active: bool
    created: int
    seen: int


class TooMany(FairdayError):
    """Too many tries at signing in; ``after`` is in how many ms the next one is welcome."""

    def __init__(self, after: int) -> None:
        super().__init__("Too many tries at signing in.", code="too_many_attempts", remedy="Wait, then try again.")
        self.after = after


def create(db: Database, email: str, role: str, now: int) -> str:
    """Add an operator; gives the one-time password, which must be changed at the first sign-in and is kept nowhere.

    Raises:
        FairdayError: not an address, or not a role.
        Conflict: there is an operator of that address.
    """
    email = _email(email)
    if role not in ROLES:
        raise FairdayError(f"{role!r} is not a role.", code="bad_role", remedy=f"Write one of: {', '.join(ROLES)}.")
    password = _one_time()
    row = {"email": email, "hash": _hash(password), "role": role, "must_change": True, "active": True}
    with db.write() as conn:
        statement = insert(conn, operators).on_conflict_do_nothing().returning(operators.c.id)
        if conn.execute(statement, row | {"created": now, "seen": 0}).first() is None:
            raise Conflict("There is an operator of that address already.", code="operator_exists", where="email")
    return password


def copy_to(db: Database, id_: int, other: Database) -> None:
    """Let an operator sign in to another shop too, with the password as it is now; later changes stay apart.

    Raises:
        NotFound: there is no such operator.
    """
    with db.read() as conn:
        _one(conn, id_)
        row = dict(conn.execute(select(operators).where(operators.c.id == id_)).mappings().one())
    del row["id"]
    with other.write() as conn:
        conn.execute(insert(conn, operators).values(row | {"seen": 0}).on_conflict_do_nothing())


def everyone(conn: Connection) -> list[Operator]:
    """All operators, oldest first."""
    return [_operator(r) for r in conn.execute(select(operators).order_by(operators.c.id)).mappings()]


def reset(db: Database, id_: int) -> str:
    """A new one-time password for an operator; ends their sessions.

    Raises:
        NotFound: there is no such operator.
    """
    password = _one_time()
    hash_ = _hash(password)
    with db.write() as conn:
        _one(conn, id_)
        conn.execute(update(operators).where(operators.c.id == id_).values(hash=hash_, must_change=True))
        conn.execute(delete(sessions).where(sessions.c.operator == id_))
    return password


def change(db: Database, id_: int, *, role: Role | None = None, active: bool | None = None) -> None:
    """Change an operator's role, or close or open the account; ends their sessions.

    Raises:
        NotFound: there is no such operator.
        Conflict: nobody would be left who owns the shop.
    """
    with db.write() as conn:
        # Owners are locked in one order, so that two owners cannot demote each other at the same moment.
        owners = conn.execute(
            select(operators.c.id)
            .where(operators.c.role == "owner", operators.c.active)
            .order_by(operators.c.id)
            .with_for_update()
        ).scalars()
        others = [o for o in owners if o != id_]
        was = _one(conn, id_)
        role, active = role or was.role, was.active if active is None else active
        if not others and not (role == "owner" and active):
            raise Conflict("The shop must keep an owner.", code="last_owner", remedy="Make someone else owner first.")
        conn.execute(update(operators).where(operators.c.id == id_).values(role=role, active=active))
        conn.execute(delete(sessions).where(sessions.c.operator == id_))


def sign_in(db: Database, email: str, password: str, address: str, now: int) -> str:
    """Sign in; gives the session's token, which only the browser keeps.

    An unknown address costs the same time as a wrong password and gives the same answer.

    Raises:
        FairdayError: the address and password do not belong together, or the account is closed.
        TooMany: too many tries.
    """
    email = email.replace("\0", "").strip().lower()[:254]  # which PostgreSQL takes in no question
    keys = _keys(email, address)
    _count(db, keys, now)
    with db.read() as conn:
        row = conn.execute(select(operators).where(operators.c.email == email)).mappings().one_or_none()
    right = _verify(row["hash"] if row else _NOBODY, password)
    if row is None or not right or not row["active"]:
        raise FairdayError("That address and password do not belong together.", code="wrong_password")
    token = secrets.token_urlsafe(32)
    with db.write() as conn:
        conn.execute(delete(attempts).where(attempts.c.key.in_([keys["pair"], keys["account"]])))
        conn.execute(delete(attempts).where(attempts.c.began <= now - WINDOW_MS))
        conn.execute(delete(sessions).where(sessions.c.created <= now - ABSOLUTE_MS))
        fresh = {"digest": _digest(token), "operator": row["id"], "created": now, "seen": now}
        conn.execute(sessions.insert(), fresh)
        conn.execute(update(operators).where(operators.c.id == row["id"]).values(seen=now))
    return token


def signed_in(db: Database, token: str, now: int) -> Operator | None:
    """Whose session the token is, or None when it has ended or never was."""
    with db.read() as conn:
        row = (
            conn.execute(
                select(operators, sessions.c.seen.label("used"), sessions.c.created.label("began"))
                .join(sessions, sessions.c.operator == operators.c.id)
                .where(sessions.c.digest == _digest(token), operators.c.active)
            )
            .mappings()
            .one_or_none()
        )
    if row is None or now - row["used"] > IDLE_MS or now - row["began"] >= ABSOLUTE_MS:
        return None
    if now - row["used"] > MINUTE:  # a page a second must not be a write a second
        with db.write() as conn:
            conn.execute(update(sessions).where(sessions.c.digest == _digest(token)).values(seen=now))
    return _operator(row)


def sign_out(db: Database, token: str) -> None:
    """End a session."""
    with db.write() as conn:
        conn.execute(delete(sessions).where(sessions.c.digest == _digest(token)))


def set_password(db: Database, id_: int, old: str, new: str, keep: str) -> None:
    """Set one's own password; every other session of the operator ends.

    Args:
        keep: the token of the session that goes on.

    Raises:
        FairdayError: the old password is wrong, or the new one is too short, too long, or the old one.
    """
    if not PASSWORD_MIN <= len(new) <= PASSWORD_MAX:
        raise FairdayError(
            f"A password has {PASSWORD_MIN} to {PASSWORD_MAX} characters.", code="bad_password", where="new"
        )
    with db.read() as conn:
        hash_ = conn.execute(select(operators.c.hash).where(operators.c.id == id_)).scalar_one()
    if not _verify(hash_, old):
        raise FairdayError("The present password is not right.", code="wrong_old_password", where="old")
    if old == new:
        raise FairdayError("The new password is the old one.", code="same_password", where="new")
    fresh = _hash(new)
    with db.write() as conn:
        conn.execute(update(operators).where(operators.c.id == id_).values(hash=fresh, must_change=False))
        conn.execute(delete(sessions).where(sessions.c.operator == id_, sessions.c.digest != _digest(keep)))


def _keys(email: str, address: str) -> dict[str, str]:
    return {
        "pair": _digest(f"pair\0{email}\0{address}"),
        "address": _digest(f"address\0{address}"),
        "account": _digest(f"account\0{email}"),
    }


def _count(db: Database, keys: dict[str, str], now: int) -> None:
    # The try is written before the limit is looked at, in one row a key whose lock makes callers at the same moment
    # wait for each other; sorted, so that they never wait in a circle.
    over = []
    with db.write() as conn:
        for key, name in sorted((key, name) for name, key in keys.items()):
            new = insert(conn, attempts).values(key=key, began=now, n=1)
            old = attempts.c.began <= now - WINDOW_MS
            n, began = conn.execute(
                new.on_conflict_do_update(
                    index_elements=["key"],
                    set_={
                        "n": case((old, 1), else_=attempts.c.n + 1),
                        "began": case((old, now), else_=attempts.c.began),
                    },
                ).returning(attempts.c.n, attempts.c.began)
            ).one()
            if n > LIMITS[name]:
                over.append(began)
    if over:
        raise TooMany(max(max(over) + WINDOW_MS - now, 1000))


def _one(conn: Connection, id_: int) -> Operator:
    row = conn.execute(select(operators).where(operators.c.id == id_)).mappings().one_or_none()
    if row is None:
        raise NotFound("There is no such operator.", code="unknown_operator")
    return _operator(row)


def _operator(row: RowMapping) -> Operator:
    return Operator(
        row["id"], row["email"], row["role"], row["must_change"], row["active"], row["created"], row["seen"]
    )


def _email(email: str) -> str:
    email = email.strip().lower()
    name, at, host = email.rpartition("@")
    if not (name and at and "." in host and len(email) <= 254 and email.isprintable() and " " not in email):
        raise FairdayError(
            f"{email!r} is not an e-mail address.", code="bad_email", where="email", remedy="Write name@example.com."
        )
    return email


def _one_time() -> str:
    # 20 letters of 31 (99 bits) in fours, without those that are read as one another.
    letters = "abcdefghjkmnpqrstuvwxyz23456789"
    return "-".join("".join(secrets.choice(letters) for _ in range(4)) for _ in range(5))


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def _hash(password: str) -> str:
    with _turns:
        return _hasher.hash(password)


def _verify(hash_: str, password: str) -> bool:
    with _turns:
        try:
            return _hasher.verify(hash_, password[:PASSWORD_MAX])
        except (argon2.exceptions.VerificationError, argon2.exceptions.InvalidHashError):
            return False

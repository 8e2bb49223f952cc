"""What became of each rule of the book: every version with who made it, when, and whether it was in force."""

from __future__ import annotations

from collections.abc import Collection
from typing import Literal

import msgspec
from sqlalchemy import BigInteger, Boolean, Connection, String, Table, Text, select

from fairday.offers.model import Rule
from fairday.storage.database import col, insert, metadata

rule_versions = Table(
    "rule_versions",
    metadata,
    col("rule", String(80), primary_key=True, personal=False),
    col("version", BigInteger, primary_key=True, personal=False),
    col("live", Boolean, nullable=False, personal=False),
    col("actor", String(100), nullable=False, personal=False),
    col("at", BigInteger, nullable=False, personal=False),
    col("spec", Text, nullable=False, personal=False),
)

_decoder = msgspec.json.Decoder(Rule)

Standing = Literal["draft", "scheduled", "live", "stopped", "ended"]
"""Where a rule stands: never in force; in force from a day to come; in force; taken out; over."""


class Version(msgspec.Struct, frozen=True, kw_only=True):
    """A rule as it was kept once; ``version`` is the book's, ``at`` an instant (ms UTC)."""

    version: int
    live: bool
    actor: str
    at: int
    rule: Rule


class Kept(msgspec.Struct, frozen=True, kw_only=True):
    """A rule of the book's own and where it stands.

    Attributes:
        version: the book's when it was last changed; saved_at: that instant (ms UTC).
    """

    rule: Rule
    standing: Standing
    version: int
    saved_at: int

    @property
    def on(self) -> bool:
        """Whether it is in the book, in force or scheduled."""
        return self.standing in ("live", "scheduled")


def note(conn: Connection, rule: str, version: int, live: bool, spec: str, actor: str, now: int) -> None:
    """Keep that a rule became this."""
    row = {"rule": rule, "version": version, "live": live, "actor": actor, "at": now, "spec": spec}
    conn.execute(insert(conn, rule_versions).values(row))


def versions(conn: Connection, rule: str, most: int = 100) -> list[Version]:
    """A rule's versions, the latest first."""
    c = rule_versions.c
    rows = conn.execute(select(rule_versions).where(c.rule == rule).order_by(c.version.desc()).limit(most))
    return [Version(version=r.version, live=r.live, actor=r.actor, at=r.at, rule=_decoder.decode(r.spec)) for r in rows]


def once_live(conn: Connection, rules: Collection[str]) -> set[str]:
    """Those of some rules that were in force once."""
    c = rule_versions.c
    return set(conn.execute(select(c.rule).where(c.rule.in_(list(rules)), c.live).distinct()).scalars())


def standing(rule: Rule, live: bool, once: bool, now: int) -> Standing:
    """Where a rule stands.

    Args:
        live: it is in the book.
        once: it was in it before.
        now: an instant (ms UTC).
    """
    when = rule.when
    if (live or once) and when.end is not None and when.end <= now:
        return "ended"
    if not live:
        return "stopped" if once else "draft"
    return "scheduled" if when.start is not None and now < when.start else "live"

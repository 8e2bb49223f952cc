"""Taking happenings: evidence from rows of the log, folded in memory, written once."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence

from sqlalchemy import Connection

from fairday.kernel.clock import DAY_MS
from fairday.kernel.settings import IdentitySettings
from fairday.people.identity import erased
from fairday.people.identity.model import Evidence
from fairday.people.identity.normal import Key, normalise, usable
from fairday.people.identity.records import load, many, save
from fairday.storage.log import Happening

Drop = tuple[int, str, str, str]
"""UTC day of receipt, source, type, reason."""


def evidence(row: Happening, settings: IdentitySettings) -> tuple[Evidence, list[tuple[str, str]]]:
    """A happening as identity sees it, and the (type, reason) of its ids that do not count."""
    ids, dropped = usable(row.ids, settings)
    previous: tuple[Key, Key] | None = None
    said = row.context.get("verified")
    verified = frozenset(v for v in said if isinstance(v, str)) if isinstance(said, list) else frozenset()
    if row.kind == "alias":
        old = row.body.get("previousId")
        text, reason = normalise("user_id", old if isinstance(old, str) else "", settings)
        if text is None:
            dropped.append(("previousId", reason))
        else:
            previous = (("user_id", text), ("anonymous_id", text))
    return Evidence(row.pos, row.message_id, row.kind, row.at, ids, previous, verified), dropped


def fold(
    conn: Connection,
    settings: IdentitySettings,
    rows: Sequence[Happening],
    undone: Collection[str] = (),
    quiet: bool = False,
) -> None:
    """Take happenings in memory and write what they changed.

    Args:
        undone: message ids of operators' merges that were taken back.
        quiet: in a replay nothing is counted or told again.
    """
    if not rows:
        return
    drops: dict[Drop, int] = {}
    taken: list[tuple[Happening, Evidence]] = []
    for row in rows:
        e, dropped = evidence(row, settings)
        taken.append((row, e))
        for type_, reason in dropped:
            count(drops, row, type_, reason)
    taken = erased.filter_erased(conn, taken, settings)
    graph, claims = load(conn, settings, _keys(e for _, e in taken))
    made: list[tuple[int, int, str, str, int, int, int]] = []
    lifted: list[tuple[int, int]] = []
    for row, e in taken:
        if e.kind == "merge":
            pair = [graph.by_key[k] for k in dict.fromkeys(_named(row, settings)) if k in graph.by_key]
            if row.message_id in undone or len(pair) != 2:
                if len(pair) != 2:
                    count(drops, row, "operator", "unknown")
                continue
            a, b = sorted(pair, key=lambda i: i.id)
            reason = graph.merge(a, b, e, lift=not quiet)
            if reason:
                count(drops, row, "operator", reason)
            elif not quiet:
                lifted.append((a.id, b.id))
                made.append((row.pos, row.xid, row.message_id, "merge", a.id, b.id, 0))
        elif e.kind == "unmerge":
            for key in _named(row, settings):
                if key in graph.by_key:
                    graph.settle(graph.by_key[key], row.pos, row.at)
        else:
            graph.take(e)
    save(conn, graph, claims, quiet)
    erased.mention(conn, graph.refused)
    if quiet:
        return
    many(conn, "DELETE FROM cannot_links WHERE a = ? AND b = ?", lifted)
    save_operations(conn, made)
    sources = {row.pos: row for row, _ in taken}
    for (type_, _), pos, reason in graph.refused:
        count(drops, sources[pos], type_, reason)
    save_drops(conn, drops)


def save_operations(conn: Connection, made: Iterable[tuple[int, int, str, str, int, int, int]]) -> None:
    """Keep operators' calls: (pos, xid, message_id, kind, a, b, undone)."""
    many(
        conn,
        "INSERT INTO identity_operations (pos, xid, message_id, kind, a, b, undone) VALUES (?,?,?,?,?,?,?)",
        made,
    )


def _keys(found: Iterable[Evidence]) -> set[Key]:
    keys: set[Key] = set()
    for e in found:
        keys.update(e.ids)
        if e.previous is not None:
            keys.update(e.previous)
    return keys


def _named(row: Happening, settings: IdentitySettings) -> list[Key]:
    """The two ids of an operator's call, in the order they were given."""
    found: list[Key] = []
    for type_, value in row.ids:
        text, _ = normalise(type_, value, settings)
        if text is not None:
            found.append((type_, text))
    return found


def count(drops: dict[Drop, int], row: Happening, type_: str, reason: str) -> None:
    drop = (row.received // DAY_MS, row.source[:64], type_, reason)
    drops[drop] = drops.get(drop, 0) + 1


def save_drops(conn: Connection, drops: dict[Drop, int]) -> None:
    many(
        conn,
        "INSERT INTO identity_drops (day, source, type, reason, n) VALUES (?,?,?,?,?)"
        " ON CONFLICT (day, source, type, reason) DO UPDATE SET n = identity_drops.n + excluded.n",
        [(*drop, n) for drop, n in sorted(drops.items())],
    )

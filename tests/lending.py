"""Empty shops to test in: made once, then copied on SQLite, and on PostgreSQL lent, cleaned and lent again.

To make a shop's tables takes longer than most tests. What is lent is as good as new, or it is not lent again: nobody is
connected any more, the tables are those of a new shop, those that were empty are, the others hold what they held, and
every number starts from 1.
"""

from __future__ import annotations

import shutil
from pathlib import Path

import psycopg

import fairday
import parts

_CONNECTED = "SELECT COUNT(*) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"
_SHAPE = """SELECT md5(string_agg(x, ';' ORDER BY x)) FROM (
    SELECT concat_ws(' ', c.relname, c.relkind, a.attname, a.atttypid, a.attnotnull) AS x FROM pg_attribute a
    JOIN pg_class c ON c.oid = a.attrelid JOIN pg_namespace n ON n.oid = c.relnamespace
    WHERE n.nspname = 'public' AND a.attnum > 0
    UNION ALL SELECT concat_ws(' ', conname, contype) FROM pg_constraint
    UNION ALL SELECT tgname::text FROM pg_trigger
    UNION ALL SELECT proname::text FROM pg_proc WHERE oid >= 16384) shape"""
_TABLES = "SELECT relname FROM pg_class WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace"
_OF_TESTS = f"{_TABLES} AND starts_with(relname, 'test_')"
_COUNTED = "SELECT sequencename FROM pg_sequences WHERE schemaname = 'public' AND last_value IS NOT NULL"


class SQLiteShops:
    """Copies of an empty shop."""

    def __init__(self, folder: Path) -> None:
        self._empty = folder / "empty.db"
        fairday.open(self._empty).close()

    def lend(self, path: Path) -> str:
        shutil.copyfile(self._empty, path)
        return str(path)


class PostgresShops:
    """Databases with an empty shop, lent again once they are clean."""

    def __init__(self, server: parts.Postgres) -> None:
        self._server = server
        first = server.database()
        fairday.open(first).close()
        self._template = first.rpartition("/")[2]
        with psycopg.connect(first) as conn:
            tables = [name for (name,) in conn.execute(_TABLES)]
            filled = _filled(conn, tables)
            self._empty = [name for name in tables if name not in filled]
            self._kept = {name: _content(conn, name) for name in filled}
            self._shape = _one(conn, _SHAPE)
        self._back: list[str] = []

    def lend(self) -> str:
        while self._back:
            url = self._back.pop(0)
            if self._cleaned(url):
                return url
        return self._server.database(self._template)

    def give_back(self, url: str) -> None:
        self._back.append(url)

    def _cleaned(self, url: str) -> bool:
        with psycopg.connect(url, autocommit=True) as conn:
            if _one(conn, _CONNECTED):
                return False
            for (name,) in conn.execute(_OF_TESTS).fetchall():
                conn.execute(f"DROP TABLE {name}")
            if _one(conn, _SHAPE) != self._shape:
                return False
            if any(_content(conn, name) != content for name, content in self._kept.items()):
                return False
            filled = _filled(conn, self._empty)
            if filled:
                conn.execute(f"TRUNCATE {', '.join(filled)}")
            for (name,) in conn.execute(_COUNTED).fetchall():
                conn.execute(f"SELECT setval('{name}', 1, false)")
            return True


def _one(conn: psycopg.Connection, sql: str) -> object:
    return conn.execute(sql).fetchone()[0]


def _filled(conn: psycopg.Connection, tables: list[str]) -> list[str]:
    if not tables:
        return []
    asked = " UNION ALL ".join(f"SELECT '{name}' WHERE EXISTS (SELECT FROM \"{name}\")" for name in tables)
    return [name for (name,) in conn.execute(asked)]


def _content(conn: psycopg.Connection, table: str) -> object:
    return _one(conn, f"SELECT md5(string_agg(t::text, ';' ORDER BY t::text)) FROM \"{table}\" t")

"""Which ids sign in to an account, and what an account holds."""

from __future__ import annotations

from sqlalchemy import BigInteger, Connection, String, Table, select

from fairday.kernel import jsons
from fairday.kernel.decider import Command
from fairday.kernel.errors import NotFound
from fairday.people.accounts.rules import DEADLINE_COMMAND, MERGE, AccountDecider, check
from fairday.people.identity.records import run
from fairday.people.tables import OPEN
from fairday.storage.database import col, insert, metadata
from fairday.storage.log import events
from fairday.storage.runner import Runner, stream_state

member_accounts = Table(
    "member_accounts",
    metadata,
    col("identifier", BigInteger, primary_key=True, autoincrement=False, personal="identifier"),
    col("account", String(200), nullable=False, index=True, personal=False),
)
"""Which member account an id (a user_id, a card number) signs in to. Identity never writes here."""


def register(runner: Runner) -> None:
    """Give a runner the rules of accounts."""
    runner.register(AccountDecider())
    runner.register_spanning(MERGE)
    runner.register_spanning(DEADLINE_COMMAND)


def merge_command(account: str, into: str, actor: str, key: str | None = None) -> Command:
    """The command that merges ``account`` into ``into`` (both stream names)."""
    for stream in (account, into):
        check(stream)
    return Command("account.merge", account, {"into": into}, actor, key)


def attach(conn: Connection, account: str, type_: str, value: str) -> None:
    """Let an id sign in to an account; it leaves the account it signed in to before.

    Raises:
        FairdayError: not an account's stream name.
        NotFound: identity has not met the id (as kept: normalised).
    """
    check(account)
    rows = run(conn, "SELECT id FROM identifiers WHERE type = ? AND value = ?", (type_, value))
    if not rows:
        raise NotFound(f"Nobody has {type_}:{value}.", code="unknown_id")
    statement = insert(conn, member_accounts)
    conn.execute(
        statement.on_conflict_do_update(index_elements=["identifier"], set_={"account": statement.excluded.account}),
        {"identifier": rows[0][0], "account": account},
    )


def attach_first(conn: Connection, account: str, type_: str, value: str) -> str:
    """Let an id sign in to an account unless it signs in to one already; gives the account it signs in to.

    Of two at once the first stands, so that nothing lands on an account that nobody signs in to any more.

    Raises:
        FairdayError: not an account's stream name.
        NotFound: identity has not met the id (as kept: normalised).
    """
    check(account)
    rows = run(conn, "SELECT id FROM identifiers WHERE type = ? AND value = ?", (type_, value))
    if not rows:
        raise NotFound(f"Nobody has {type_}:{value}.", code="unknown_id")
    fresh = {"identifier": rows[0][0], "account": account}
    conn.execute(insert(conn, member_accounts).on_conflict_do_nothing(index_elements=["identifier"]), fresh)
    kept = run(conn, "SELECT account FROM member_accounts WHERE identifier = ?", (rows[0][0],))
    return account_of(conn, str(kept[0][0]))


def accounts_of(conn: Connection, person: int) -> list[str]:
    """The accounts a person's ids sign in to now; a merged account is followed to the one it went into."""
    rows = run(
        conn,
        "SELECT DISTINCT m.account FROM ownership o JOIN member_accounts m ON m.identifier = o.identifier"
        " WHERE o.person = ? AND o.until_at = ?",
        (person, OPEN),
    )
    return sorted({account_of(conn, r[0]) for r in rows})


def balances(conn: Connection, account: str) -> dict[str, int]:
    """What an account holds, by unit."""
    found = stream_state(conn, account)
    return dict(found[1]["balances"]) if found is not None else {}


def accounts_in(conn: Connection, account: str) -> list[str]:
    """An account and those that were merged into it, however long ago: a merged one stays so for good."""
    found, waiting = [account], [account]
    while waiting:
        query = select(events.c.data).where(events.c.stream == waiting.pop(), events.c.name == "Account Received")
        new = list(dict.fromkeys(str(jsons.loads(data)["from"]) for (data,) in conn.execute(query)))
        new = [name for name in new if name not in found]
        found += new
        waiting += new
    return found


def account_of(conn: Connection, account: str) -> str:
    """An account, or the one it went into."""
    while (found := stream_state(conn, account)) is not None and found[1]["into"]:
        account = found[1]["into"]
    return account

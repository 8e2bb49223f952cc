"""Two member accounts of one person become one: what would move is shown first, then it is done."""

from __future__ import annotations

from fastapi import Request
from sqlalchemy import Connection
from starlette.exceptions import HTTPException
from starlette.responses import Response

from fairday.kernel.errors import Conflict, FairdayError
from fairday.people.accounts import Foreseen, account_of, accounts_of
from fairday.people.identity.records import run
from fairday.shop import Shop
from fairday.storage.runner import stream_state
from fairday.web import queries
from fairday.web.auth import field, inside
from fairday.web.console.members import ACCOUNT, show
from fairday.web.render import go, page, shop_of, tongue_of


@inside.post("/members/{account}/merge")
def merge(request: Request, account: str) -> Response:
    """Merge this account into another: ``into`` is its number or a whole id that signs in to it; ``sure`` does it."""
    shop, tongue = shop_of(request), tongue_of(request)
    if not ACCOUNT.fullmatch(account):
        raise HTTPException(404)
    mine = f"account:{account}"
    try:
        with shop.db.read() as conn:
            if stream_state(conn, mine) is None:
                raise HTTPException(404)
            into = _found(conn, shop, field(request, "into", 320), mine)
        if request.state.form.get("sure") == "yes":
            shop.merging.merge(mine, into, actor=f"operator:{request.state.operator.id}")
            return go(f"/console/members/{into.partition(':')[2]}?done=merged")
    except FairdayError as error:
        return show(request, account, error)
    foreseen: Foreseen = shop.merging.foresee(mine, into)
    if foreseen.merged is None:
        refused = Conflict(foreseen.why, code=foreseen.code)
        return show(request, account, refused)
    with shop.db.read() as conn:
        stands = {name: shop.rewards.standing(conn, name) for name in (mine, into)}
        called = {name: _called(conn, name) for name in (mine, into)}
    return page(
        request, "member_merge.html", 200, account=account, into=into.partition(":")[2], mine=stands[mine],
        theirs=stands[into], called=called[mine], theirs_called=called[into], would=foreseen.merged,
        program=shop.settings.rewards, told=[(kind, tongue(f"merge.{kind}", n=n)) for kind, n in
                                             sorted(foreseen.merged.moved.items()) if tongue.has(f"merge.{kind}")],
    )  # fmt: skip


def _found(conn: Connection, shop: Shop, asked: str, mine: str) -> str:
    """The account that was meant.

    Raises:
        FairdayError: none, or several.
    """
    found: set[str] = set()
    if ACCOUNT.fullmatch(asked) and stream_state(conn, f"account:{asked}") is not None:
        found.add(account_of(conn, f"account:{asked}"))
    else:
        for person in queries.find_people(conn, asked, shop.settings.identity, 5, whole=True) if asked else []:
            found.update(accounts_of(conn, person))
    others = sorted(found - {mine})
    if len(others) == 1:
        return others[0]
    if not others:
        raise FairdayError("No other account is found.", code="merge_none", where="into")
    raise FairdayError("Several accounts are found; write one's number.", code="merge_several", where="into")


def _called(conn: Connection, account: str) -> str:
    query = (
        "SELECT i.value FROM member_accounts m JOIN identifiers i ON i.id = m.identifier WHERE m.account = ?"
        " ORDER BY i.id LIMIT 1"
    )
    rows = run(conn, query, (account,))
    return str(rows[0][0]) if rows else ""

"""Whether somebody who holds one id of a person may be shown the whole record, or a stranger tied it to another's.

What comes with a browser's key is a claim that anybody can send: "I am member u1, and my address is eve@example.com". A
record joined by such a claim belongs to somebody else, who is not the one who can prove the address.
"""

from __future__ import annotations

from collections.abc import Collection

from sqlalchemy import Connection

from fairday.people.identity.queries import ids_of
from fairday.people.identity.records import rows_in


def vouched(conn: Connection, person: int, id_: tuple[str, str], without: Collection[str] = ()) -> bool:
    """Whether every id of a person is tied to one of them by more than a browser's word.

    Args:
        id_: (type, value) of the id that was proved.
        without: types that need not be tied to it: browsers and devices, when a stronger id was proved.
    """
    own = {i.number: (i.type, i.value) for i in ids_of(conn, person)}
    start = next((number for number, key in own.items() if key == id_), None)
    if start is None:
        return False
    ties: dict[int, set[int]] = {number: set() for number in own}
    query = (
        "SELECT l.identifier, l.other FROM links l JOIN happenings h ON h.pos = l.pos"
        " WHERE substr(h.source, 1, 8) <> 'browser:' AND l.identifier IN ?"
    )
    for a, b in rows_in(conn, query, list(own)):
        if a in own and b in own:
            ties[a].add(b)
            ties[b].add(a)
    reached, waiting = {start}, [start]
    while waiting:
        new = ties[waiting.pop()] - reached
        reached |= new
        waiting += new
    return all(number in reached or type_ in without for number, (type_, _) in own.items())

"""Whom an order was priced for, where that is not whom it is told of: a guest's device, or the reader of a mail's link.

A guest's order is told of the address that they typed, which nobody has proved; the scenes met, and the prices were
made for, whoever the shop recognised. The two must not be joined: anybody could tie a stranger's address to a browser.
So the log keeps a happening of the one, and the order's event its random message id, which is nobody's. Export and
erasure find it as they find any happening.
"""

from __future__ import annotations

import secrets

from sqlalchemy import Connection, select

from fairday.storage.log import OURS, Happening, append_happenings, happening, happenings

ENTERED = "Payment Info Entered"
"""Segment's name for it: they said how to pay, and sent the order."""

PLACED_IN = "placed_in"
"""Where an order's ``data``, and what is told of it, carry the message id."""


def note(conn: Connection, order: str, by: tuple[str, str], now: int, at: int | None = None) -> str:
    """Write down, in the caller's transaction, who is about to place an order; gives the message id.

    Args:
        order: its number.
        by: (type, value) of the id that the shop recognised them by; never from what a client says.
        at: when (ms) they were at the till; now where it is None.
    """
    said = Happening(
        message_id=f"placed-{secrets.token_hex(12)}", kind="track", name=ENTERED, at=now if at is None else at,
        received=now, source=OURS, ids=(by,), body={"properties": {"order_id": order}},
    )  # fmt: skip
    append_happenings(conn, [said])
    return said.message_id


def again(conn: Connection, placed_in: str, order: str, now: int) -> str | None:
    """Write down that an order stands in the place of another (an exchange); None where its placer is forgotten."""
    found = conn.execute(select(happenings).where(happenings.c.message_id == placed_in)).mappings().one_or_none()
    if found is None:
        return None
    first = happening(found)
    return note(conn, order, first.ids[0], now, first.at)

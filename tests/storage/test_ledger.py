from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import select

from fairday.kernel.decider import Transfer
from fairday.kernel.errors import FairdayError
from fairday.storage.database import broken_constraint
from fairday.storage.ledger import balance, post, reversal, transfers


def test_every_unit_sums_to_zero_over_all_accounts(db):
    made = [(Transfer(f"k{n}", f"a{n % 5}", f"a{(n + 1 + n % 3) % 5}", "CNY", n + 1), "order:1", n) for n in range(60)]
    made = [m for m in made if m[0].debit != m[0].credit]
    with db.write() as conn:
        post(conn, made)
    with db.read() as conn:
        balances = [balance(conn, f"a{n}", "CNY") for n in range(5)]
        assert balance(conn, "a1", "points") == 0
        assert len(conn.execute(select(transfers)).all()) == len(made)
    assert sum(balances) == 0
    assert any(balances)


def test_a_business_key_is_used_once(db):
    one = (Transfer("k", "a", "b", "CNY", 5), "order:1", 1)
    with db.write() as conn:
        post(conn, [one])
    with pytest.raises(Exception) as told, db.write() as conn:
        post(conn, [one])
    assert broken_constraint(told.value)


@pytest.mark.parametrize("bad", [Transfer("k", "a", "b", "CNY", 0), Transfer("k", "a", "b", "CNY", -1),
                                 Transfer("k", "a", "a", "CNY", 1), Transfer("k", "a", "b", "CNY", 1.5)])  # fmt: skip
def test_what_is_no_transfer_is_refused(db, bad):
    with pytest.raises(FairdayError) as told, db.write() as conn:
        post(conn, [(bad, "order:1", 1)])
    assert told.value.code == "bad_transfer"


@given(
    amounts=st.lists(st.integers(1, 10_000), min_size=1, max_size=6),
    points=st.integers(0, 5_000),
    cuts=st.lists(st.integers(0, 10**6), max_size=8),
)
def test_a_reversal_is_exact_to_the_unit_however_it_is_split(amounts, points, cuts):
    """The money paid by several tenders, and points earned for it, given back in any parts."""
    whole = sum(amounts)
    recorded = [Transfer(f"m{n}", f"payer{n}", "shop", "CNY", a) for n, a in enumerate(amounts)]
    if points:
        recorded.append(Transfer("p", "shop", "payer", "points", points))
    edges = sorted({0, whole, *(cut % whole for cut in cuts)})
    returned: dict[str, int] = {}
    for n, (already, upto) in enumerate(pairwise(edges)):
        back = reversal(recorded, returned, upto - already, whole, already, f"r{n}")
        assert sum(t.amount for t in back if t.unit == "CNY") == upto - already, "exactly what is refunded"
        for t in back:
            key = t.key.removesuffix(f":r{n}")
            source = next(r for r in recorded if r.key == key)
            assert (t.debit, t.credit, t.unit) == (source.credit, source.debit, source.unit)
            returned[key] = returned.get(key, 0) + t.amount
            assert t.amount > 0
            assert returned[key] <= source.amount
        rounded = (2 * points * upto + whole) // (2 * whole)  # half up
        assert returned.get("p", 0) == rounded
    assert returned == {t.key: t.amount for t in recorded}


@pytest.mark.parametrize(("part", "already"), [(0, 0), (-1, 0), (101, 0), (1, 100), (1, -1)])
def test_more_than_was_paid_is_not_refunded(part, already):
    with pytest.raises(FairdayError) as told:
        reversal([Transfer("k", "a", "b", "CNY", 100)], {}, part, 100, already, "r")
    assert told.value.code == "refund_exceeds_payment"

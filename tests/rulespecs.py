"""Random rules that can be, for properties of the grammar of promotions."""

from __future__ import annotations

from decimal import Decimal

from hypothesis import strategies as st

from fairday.offers import model as m

_word = st.text("abc茶 -_:#'\"{}[],&*!|>%@0159", min_size=1, max_size=8).filter(lambda w: w.strip() != "")
_words = st.frozensets(st.one_of(_word, st.sampled_from(["null", "true", "10", "anything", "~"])), max_size=3)
_cash = st.integers(1, 10**9)
_cash0 = st.integers(0, 10**9)
_count = st.integers(1, 99)
_maybe_count = st.none() | _count
_percent = st.decimals("0.000001", 100, places=6)
_prefer = st.sampled_from(["cheapest", "dearest"])
_CONDITIONS = ["", "", "category = 'tea'", "price >= 20 and brand in ('a', '茶')", "'new' in tags"]
_ends = st.tuples(st.none() | _cash0, st.none() | _cash0)

goods = st.one_of(
    st.just(m.ALL),
    st.sampled_from(_CONDITIONS).map(lambda c: m.Goods(condition=c)),
    st.builds(
        m.Goods, skus=_words, products=_words, categories=_words, departments=_words, brands=_words, any_tag=_words,
        no_tag=_words, unit_from=st.none() | _cash0, unit_to=st.none() | _cash0, condition=st.sampled_from(_CONDITIONS),
    ),
)  # fmt: skip


@st.composite
def _tiers(draw: st.DrawFn) -> m.Tiers:
    steps = sorted(draw(st.sets(st.integers(0, 10**7), min_size=1, max_size=4)))
    by = draw(st.sampled_from(["amount", "units"]))
    marginal = draw(st.booleans())
    each = not (marginal and by == "amount")
    tiers = tuple(
        m.Tier(
            at=at, amount=0 if marginal else draw(_cash0), each=draw(_cash0) if each else 0,
            percent=draw(st.just(Decimal(0)) | _percent), points=draw(st.integers(0, 99)),
            free_shipping=draw(st.booleans()),
        )
        for at in steps
    )  # fmt: skip
    if draw(st.booleans()):
        tiers = tuple(m.Tier(at=t.at, amount=0 if marginal else max(1, t.amount)) for t in tiers)
    return m.Tiers(
        by=by, tiers=tiers, goods=draw(goods), marginal=marginal, repeat=steps[-1] > 0 and draw(st.booleans())
    )


benefits = st.one_of(
    st.builds(m.PercentOff, percent=_percent, goods=goods, per=st.sampled_from(["line", "all"]),
              cap=st.none() | _cash, round=st.sampled_from(["", "unit price", "unit discount", "line"])),
    st.builds(m.AmountOff, amount=_cash, goods=goods, per=st.sampled_from(["all", "line", "unit"]),
              max_units=_maybe_count, prefer=st.none() | _prefer),
    st.builds(m.FixedPrice, price=_cash0, goods=goods),
    st.builds(m.TotalBecomes, amount=_cash0, goods=goods),
    st.builds(m.BuyGet, buy_qty=st.integers(0, 9), get_qty=_count, buy=goods, get=goods,
              percent=st.just(Decimal(100)) | _percent, max_get=_maybe_count, max_times=_maybe_count, prefer=_prefer),
    st.integers(1, 9).flatmap(lambda n: st.builds(
        m.SetOff, qty=st.just(n), off=st.integers(1, n), percent=st.just(Decimal(100)) | _percent, goods=goods,
        max_times=_maybe_count)),
    st.builds(m.BundlePrice, price=_cash0, max_times=_maybe_count, prefer=_prefer, parts=st.lists(
        st.builds(m.Part, qty=st.integers(1, 3), goods=goods), min_size=1, max_size=3).map(tuple)),
    st.builds(m.GroupOff, qty=_count, goods=goods, amount=_cash, percent=st.just(Decimal(0)) | _percent),
    _tiers(),
    st.builds(m.ShippingOff, percent=_percent) | st.builds(m.ShippingOff, amount=_cash) | st.just(m.ShippingOff()),
    st.builds(m.Gift, sku=_word, qty=_count, value=_cash0, cost=_cash0) | st.builds(m.Gift, sku=_word),
    st.builds(m.MorePoints, factor=st.just(Decimal(1)) | st.decimals(0, 1000, places=2), extra=st.integers(0, 999)),
    st.builds(m.PayPoints, unit_value=st.decimals("0.0001", 9, places=4), max_points=_maybe_count, goods=goods),
)  # fmt: skip

_minutes = st.integers(0, 1439)
_INSTANTS = st.one_of(st.integers(0, 4 * 10**12), st.integers(0, 10**5).map(lambda h: h * 3_600_000))
_counts0 = st.none() | st.integers(0, 10**6)
_CROWDS = ["", "age >= 60", "orders(90d) >= 1 and city_tier <= 2"]


@st.composite
def whens(draw: st.DrawFn) -> m.When:
    ends = sorted(draw(st.sets(_INSTANTS, min_size=2, max_size=2)))
    need = st.builds(m.Need, goods=goods, units=st.integers(0, 99), line_units=st.integers(0, 9), spend=_cash0,
                     spend_after=st.sampled_from([0, 0, 500]))  # fmt: skip
    return m.When(
        needs=tuple(draw(st.lists(need, max_size=3))), who=draw(st.sampled_from(_CROWDS)),
        unless=draw(st.sampled_from(_CROWDS)), channels=draw(_words), stores=draw(_words), countries=draw(_words),
        payment_methods=draw(_words), hours=tuple(draw(st.lists(st.tuples(_minutes, _minutes), max_size=2))),
        weekdays=draw(st.frozensets(st.integers(0, 6), max_size=3)), first_order=draw(st.booleans()),
        coupon=draw(st.booleans()), scene=draw(st.sampled_from(["", "spring"])),
        start=draw(st.none() | st.just(ends[0])), end=draw(st.none() | st.just(ends[1])),
    )  # fmt: skip


@st.composite
def rules(draw: st.DrawFn) -> m.Rule:
    """A rule that the book takes, of any kind."""
    texts = st.dictionaries(st.sampled_from(["zh", "en", "es"]), _word, max_size=3)
    tags = draw(_words | st.just(frozenset({"spring"})))
    return m.Rule(
        id=draw(st.sampled_from(["tea-199", "a/b.c", "10", "null"])), title=draw(texts),
        benefits=tuple(draw(st.lists(benefits, min_size=1, max_size=3))), when=draw(whens()),
        layer=draw(st.sampled_from(["goods", "order", "coupon", "payment", "shipping"])),
        priority=draw(st.integers(-5, 5)), group=draw(st.sampled_from(["", "", "one of these"])),
        alone=draw(st.booleans()), tags=tags,
        combines=draw(st.none() | st.just(tags) | _words), borne=draw(st.integers(0, 100)),
        source=draw(st.sampled_from(["", "erp"])),
        limits=draw(st.builds(
            m.Limits, amount=st.none() | _cash0, uses=_counts0, day_amount=st.none() | _cash0, day_uses=_counts0,
            person_uses=_counts0, purse=st.sampled_from(["", "spring purse"]))),
    )  # fmt: skip

"""What coupons bring, foreseen: the Complete Journey's 27 campaigns, fitted on the earlier, checked on the later.

    python -m benchmarks.coupons

For each campaign that begins when at least eight have ended, the model is fitted on those that ended before it began
and knows of its people what was known then. Redemptions are held against the plain average (coupons a person of all
ended campaigns) and the average of its type. Money is what redeemers spent on the campaign's goods. What they would
have bought anyway cannot be seen, so it is tried where it can: in a window as long, just before the campaign, in
which nobody had the coupon, what later redeemers would spend is foreseen from the time before and held against what
they did.

Exits 1 when the error is not smaller than both averages', or intervals hold less often than they say.
"""

from __future__ import annotations

import sys
import time
from dataclasses import dataclass

import duckdb
import numpy as np
from numpy.typing import NDArray

from fairday.demo.__main__ import data
from fairday.models.couponing import WINDOW, Campaign, Range, fit, plain

FEWEST = 8
"""Ended campaigns from which a check is made."""
LAST = 17_531
DAY = "((transaction_timestamp AT TIME ZONE 'UTC') AT TIME ZONE 'America/New_York')::DATE - DATE '1970-01-01'"


@dataclass(frozen=True)
class Known:
    """A campaign of the data: its number, first and last day, and its figures; ``placebo``: the window before it."""

    number: int
    first: int
    last: int
    campaign: Campaign
    placebo: Campaign


def load() -> list[Known]:
    """The campaigns in the order they began."""
    files = {f.stem: f for f in data()}
    conn = duckdb.connect()
    for name in ("campaigns", "campaign_descriptions", "coupons", "coupon_redemptions"):
        conn.execute(f"CREATE VIEW {name} AS SELECT * FROM '{files[name]}'")
    conn.execute(
        f"CREATE TABLE bought AS SELECT household_id AS h, product_id AS p, {DAY} AS d, sum(sales_value) AS v"
        f" FROM '{files['transactions']}' GROUP BY ALL"
    )
    conn.execute("CREATE TABLE covered AS SELECT DISTINCT campaign_id AS c, product_id AS p FROM coupons")
    conn.execute(
        "CREATE TABLE redeemed AS SELECT household_id AS h, campaign_id AS c,"
        " redemption_date::DATE - DATE '1970-01-01' AS d FROM coupon_redemptions"
    )
    described = conn.execute(
        "SELECT campaign_id, campaign_type, start_date::DATE - DATE '1970-01-01',"
        " least(end_date::DATE - DATE '1970-01-01', ?) FROM campaign_descriptions ORDER BY start_date, campaign_id",
        [LAST],
    ).fetchall()
    began = {number: first for number, _, first, _ in described}
    return [_known(conn, number, kind, first, last, began) for number, kind, first, last in described]


def _known(
    conn: duckdb.DuckDBPyConnection, number: int, kind: str, first: int, last: int, began: dict[int, int]
) -> Known:
    days = last - max(first, LAST - 364) + 1
    earlier = [n for n, at in began.items() if at < first]
    rows = conn.execute(
        f"""WITH who AS (SELECT DISTINCT household_id AS h FROM campaigns WHERE campaign_id = {number}),
        all_days AS (SELECT h, count(DISTINCT d) AS n FROM bought WHERE d BETWEEN {first - WINDOW} AND {first - 1}
            GROUP BY h),
        of AS (SELECT h, d, v FROM bought SEMI JOIN (SELECT p FROM covered WHERE c = {number}) USING (p)),
        sums AS (SELECT h,
            count(DISTINCT d) FILTER (d BETWEEN {first - WINDOW} AND {first - 1}) AS days,
            coalesce(sum(v) FILTER (d BETWEEN {first - WINDOW} AND {first - 1}), 0) AS before,
            coalesce(sum(v) FILTER (d BETWEEN {first} AND {last}), 0) AS during,
            coalesce(sum(v) FILTER (d BETWEEN {first - days - WINDOW} AND {first - days - 1}), 0) AS long_before,
            coalesce(sum(v) FILTER (d BETWEEN {first - days} AND {first - 1}), 0) AS just_before
            FROM of GROUP BY h),
        asked AS (SELECT household_id AS h, count(*) AS n FROM campaigns WHERE list_contains({earlier}, campaign_id)
            GROUP BY h),
        given AS (SELECT h, count(*) AS n FROM redeemed WHERE d < {first} GROUP BY h),
        used AS (SELECT h, count(*) AS n FROM redeemed WHERE c = {number} GROUP BY h)
        SELECT coalesce(all_days.n, 0), coalesce(sums.days, 0), coalesce(asked.n, 0), coalesce(given.n, 0),
            coalesce(sums.before, 0), coalesce(used.n, 0), coalesce(sums.during, 0),
            coalesce(sums.long_before, 0), coalesce(sums.just_before, 0)
        FROM who LEFT JOIN all_days USING (h) LEFT JOIN sums USING (h) LEFT JOIN asked USING (h)
        LEFT JOIN given USING (h) LEFT JOIN used USING (h) ORDER BY h"""
    ).fetchall()
    visits, bought, asked, given, before, used, during, long_before, just_before = np.array(rows, dtype=float).T
    tried = (long_before, just_before) if first - days - WINDOW >= LAST - 364 else (None, None)
    campaign = Campaign(kind, days, visits, bought, asked, given, before, used, during, *tried)
    placebo = Campaign(kind, days, visits, bought, asked, given, long_before, used, just_before)
    return Known(number, first, last, campaign, placebo)


@dataclass
class Judged:
    """How close foreseen ranges were to what happened."""

    expected: list[float]
    happened: list[float]
    inside80: list[bool]
    inside95: list[bool]

    @classmethod
    def none(cls) -> Judged:
        return cls([], [], [], [])

    def add(self, foreseen: Range, happened: float) -> None:
        self.expected.append(foreseen.expected)
        self.happened.append(happened)
        self.inside80.append(foreseen.low80 <= happened <= foreseen.high80)
        self.inside95.append(foreseen.low95 <= happened <= foreseen.high95)

    @property
    def error(self) -> float:
        return mean_error(self.expected, self.happened)

    def told(self) -> str:
        return (
            f"mean error {self.error:8.1f}, {logarithmic(self.expected, self.happened):.2f} of the logarithm; "
            f"80 % intervals held {np.mean(self.inside80):.0%}, 95 % {np.mean(self.inside95):.0%}"
        )


def mean_error(expected: list[float], happened: list[float]) -> float:
    return float(np.mean(np.abs(np.array(expected) - np.array(happened))))


def logarithmic(expected: list[float], happened: list[float]) -> float:
    return float(np.mean(np.abs(np.log1p(np.array(expected)) - np.log1p(np.array(happened)))))


def main() -> int:
    began, known = time.process_time(), load()
    targeted = sum(k.campaign.people for k in known)
    given = sum(int(_used(k.campaign).sum()) for k in known)
    seconds = time.process_time() - began
    print(f"{len(known)} campaigns, {targeted:,} targeted, {given:,} redemptions; read in {seconds:.1f} s")
    print(f"{'':>9} {'people':>7} {'redeemed':>8} {'foreseen':>8} {'80 %':>13} {'plain':>7} {'of type':>7}")
    counts, people, money, anyway = Judged.none(), Judged.none(), Judged.none(), Judged.none()
    averages: dict[str, list[float]] = {"plain average": [], "average of its type": [], "spend": [], "anyway": []}
    began = time.process_time()
    for one in known:
        ended = [k for k in known if k.last < one.first]
        if len(ended) < FEWEST:
            continue
        past = [k.campaign for k in ended]
        model = fit(past)
        foreseen = model.forecast(one.campaign, discount=1.0, margin=0.3)
        used, spent = _used(one.campaign), _spent(one.campaign)
        counts.add(foreseen.redemptions, used.sum())
        people.add(foreseen.redeemers, (used > 0).sum())
        money.add(foreseen.revenue, spent[used > 0].sum())
        alike = [c for c in past if c.kind == one.campaign.kind] or past
        averages["plain average"].append(plain(past, one.campaign))
        averages["average of its type"].append(plain(alike, one.campaign))
        averages["spend"].append(_average_spend(past) * one.campaign.people)
        if one.campaign.just_before is not None and (used > 0).sum() >= 3:
            guess = model.anyway(one.placebo, used > 0)
            anyway.add(guess, _spent(one.placebo)[used > 0].sum())
            averages["anyway"].append(float(_spent(one.placebo).mean() * (used > 0).sum()))
        r = foreseen.redemptions
        print(f"{one.number:>4} {one.campaign.kind} {one.campaign.people:6} {used.sum():8.0f} {r.expected:8.0f} "
              f"{r.low80:5.0f} to {r.high80:5.0f} {averages['plain average'][-1]:7.0f} "
              f"{averages['average of its type'][-1]:7.0f}")  # fmt: skip
    seconds = time.process_time() - began
    print(f"\nredemptions   {counts.told()}")
    for name in ("plain average", "average of its type"):
        print(f"  {name:20} {mean_error(averages[name], counts.happened):8.1f}, "
              f"{logarithmic(averages[name], counts.happened):.2f} of the logarithm")  # fmt: skip
    print(f"redeemers     {people.told()}")
    print(f"revenue, $    {money.told()}")
    print(f"  {'average a person':20} {mean_error(averages['spend'], money.happened):8.1f}")
    print(f"anyway, $     {anyway.told()}  ({len(anyway.happened)} windows without the coupon)")
    print(f"  {'everybody alike':20} {mean_error(averages['anyway'], anyway.happened):8.1f}")
    print(f"{len(counts.happened)} campaigns fitted and foreseen in {seconds:.1f} s of processor")
    names = ("plain average", "average of its type")
    by_plain, by_type = (mean_error(averages[n], counts.happened) for n in names)
    logs = min(logarithmic(averages[n], counts.happened) for n in names)
    bars = [
        ("redemptions: error below the plain average's", counts.error < by_plain),
        ("redemptions: error below its type's average's", counts.error < by_type),
        ("redemptions: the logarithm's error below both", logarithmic(counts.expected, counts.happened) < logs),
        ("80 % intervals hold at least 75 %", np.mean(counts.inside80) >= 0.75),
        ("redeemers: 80 % intervals hold at least 75 %", np.mean(people.inside80) >= 0.75),
        ("95 % intervals hold at least 90 %", np.mean(counts.inside95) >= 0.9),
        ("revenue: error below the average's", money.error < mean_error(averages["spend"], money.happened)),
        ("revenue: 80 % intervals hold at least 75 %", np.mean(money.inside80) >= 0.75),
        ("anyway: error below everybody alike", anyway.error < mean_error(averages["anyway"], anyway.happened)),
        ("anyway: 80 % intervals hold at least 75 %", np.mean(anyway.inside80) >= 0.75),
    ]  # fmt: skip
    for name, kept in bars:
        print(f"{'PASS' if kept else 'FAIL'}  {name}")
    return 0 if all(kept for _, kept in bars) else 1


def _used(campaign: Campaign) -> NDArray[np.float64]:
    assert campaign.used is not None
    return campaign.used


def _spent(campaign: Campaign) -> NDArray[np.float64]:
    assert campaign.spent is not None
    return campaign.spent


def _average_spend(past: list[Campaign]) -> float:
    """What redeemers spent a person reached, of all ended campaigns."""
    return sum(float(_spent(c)[_used(c) > 0].sum()) for c in past) / sum(c.people for c in past)


if __name__ == "__main__":
    sys.exit(main())

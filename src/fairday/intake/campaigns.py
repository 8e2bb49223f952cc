"""Campaigns of a file: when each ran, whom it was meant for, and who redeemed its coupons."""

from __future__ import annotations

from typing import Any

import duckdb

from fairday.intake.columns import text_of, time_of
from fairday.intake.files import Loaded
from fairday.intake.identifying import key_of, no_ids, stage_ids
from fairday.intake.orders import Zones
from fairday.intake.setaside import set_aside
from fairday.intake.slices import Row, message_id
from fairday.kernel import jsons

HALF_DAY = 43_200_000

Campaigns = dict[str, tuple[str | None, int, str, str | None]]
"""What is known of a campaign by its number: (type, first instant in ms UTC, first day, last day as ISO dates)."""


def campaigns(conn: duckdb.DuckDBPyConnection, loaded: Loaded, zones: Zones) -> Campaigns:
    """The campaigns of a table."""
    starts, starts_utc = time_of(loaded, "starts")
    ends, _ = time_of(loaded, "ends")
    typed = f"typed_{loaded.name}"
    conn.execute(
        f"CREATE TABLE {typed} AS SELECT line, {text_of(loaded, 'campaign')} AS campaign, {text_of(loaded, 'type')} AS "
        f"type, {starts} AS starts, {starts_utc} AS utc, {ends} AS ends FROM {loaded.name}"
    )
    good = set_aside(
        conn,
        loaded,
        typed,
        [
            ("campaign IS NULL", "campaign", "The campaign's number is missing.", "Fill it in."),
            ("starts IS NULL", "starts", "The start {starts} cannot be read.", "Write a date such as 2026-06-01."),
        ],
    )
    day = "strftime(make_timestamp_ms({}), '%Y-%m-%d')"
    found = conn.execute(
        f"SELECT campaign, type, starts, utc, {day.format('starts')}, {day.format('ends')} FROM {typed}{good} "
        "ORDER BY line"
    ).fetchall()
    return {
        number: (kind, zones.instant(at, -1 if utc else zones.number(loaded, "starts")), first, last)
        for number, kind, at, utc, first, last in found
    }


def target_rows(conn: duckdb.DuckDBPyConnection, loaded: Loaded, source: str, known: Campaigns, now: int) -> list[Row]:
    """A "Campaign Targeted" happening for each customer a campaign was sent to, at the campaign's start."""
    stage_ids(conn, loaded, f"{text_of(loaded, 'campaign')} AS campaign")
    checks = [no_ids(loaded), ("campaign IS NULL", "campaign", "The campaign's number is missing.", "Fill it in.")]
    good = set_aside(conn, loaded, f"typed_{loaded.name}", checks)
    rows = []
    for ids, number in conn.execute(
        f"SELECT DISTINCT ids, campaign FROM typed_{loaded.name}{good} ORDER BY campaign, ids"
    ).fetchall():
        _, at, first, last = known.get(number, (None, now, None, None))
        properties = _campaign(number, known) | {"starts": first, "ends": last}
        body = jsons.dumps({"properties": {k: v for k, v in properties.items() if v is not None}})
        mid = message_id(source, "target", number, key_of(ids))
        rows.append(Row(mid, "track", "Campaign Targeted", at, ids, body))
    return rows


def redemption_rows(
    conn: duckdb.DuckDBPyConnection, loaded: Loaded, source: str, zones: Zones, known: Campaigns
) -> list[Row]:
    """A "Coupon Redeemed" happening for each row; one told by day only stands at that day's noon."""
    t, utc = time_of(loaded, "time")
    stage_ids(
        conn,
        loaded,
        f"{text_of(loaded, 'coupon')} AS coupon, {text_of(loaded, 'campaign')} AS campaign, {t} AS t, {utc} AS utc",
    )
    good = set_aside(
        conn,
        loaded,
        f"typed_{loaded.name}",
        [
            no_ids(loaded),
            ("coupon IS NULL", "coupon", "The coupon's number is missing.", "Fill it in."),
            ("campaign IS NULL", "campaign", "The campaign's number is missing.", "Fill it in."),
            ("t IS NULL", "time", "The time {time} cannot be read.", "Write it as 2026-06-01 or 2026-06-01 12:30."),
        ],
    )
    rows = []
    # The same coupon given in twice at the same time is two redemptions: they are numbered.
    for ids, coupon, number, local, is_utc, nth in conn.execute(
        "SELECT ids, coupon, campaign, t, utc, row_number() OVER (PARTITION BY ids, coupon, campaign, t) "
        f"FROM typed_{loaded.name}{good} ORDER BY t, ids, coupon"
    ).fetchall():
        day_only = not is_utc and local % 86_400_000 == 0
        at = zones.instant(local + HALF_DAY * day_only, -1 if is_utc else zones.number(loaded, "time"))
        body = jsons.dumps({"properties": {"coupon_id": coupon} | _campaign(number, known)})
        mid = message_id(source, "redemption", number, coupon, key_of(ids), str(at), str(nth))
        rows.append(Row(mid, "track", "Coupon Redeemed", at, ids, body))
    return rows


def _campaign(number: str, known: Campaigns) -> dict[str, Any]:
    kind = known[number][0] if number in known else None
    return {"campaign_id": number} | ({"campaign_type": kind} if kind else {})

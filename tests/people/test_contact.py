from __future__ import annotations

from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fairday.kernel.clock import DAY_MS, local_day, local_minute
from fairday.kernel.settings import ContactSettings
from fairday.people.contact import REASONS, Allowed, Asked, Sent, Standing, Withheld, may_contact

RULES = ContactSettings()
ZONES = ["Asia/Shanghai", "Europe/London", "America/New_York", "Australia/Lord_Howe", "America/Sao_Paulo"]


def at(text: str, zone: str = "Asia/Shanghai") -> int:
    return int(datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(zone)).timestamp() * 1000)


def standing(**changes) -> Standing:
    return Standing(**({"consent": True, "zone": "Asia/Shanghai"} | changes))


NOON = at("2026-06-01 12:00")


def reason(verdict) -> str:
    return verdict.reason if isinstance(verdict, Withheld) else "allowed"


def test_with_consent_by_day_a_message_may_go():
    assert may_contact(standing(), Asked(scene="a"), NOON, RULES) == Allowed()


@pytest.mark.parametrize(("consent", "detail"), [(None, "never_asked"), (False, "refused")])
def test_nothing_goes_without_a_basis(consent, detail):
    verdict = may_contact(standing(consent=consent), Asked(scene="a"), NOON, RULES)
    assert verdict == Withheld("no_consent", detail, None)


def test_reasons_are_given_in_their_fixed_order():
    night = at("2026-06-01 23:00")
    everything = standing(consent=False, suppressed="bounced", sent=[Sent("a", night - i) for i in range(9)])
    asked = Asked(scene="a", rate=(1, "week"), cost=5, budget_left=4, held_out=True)
    steps = [
        (everything, asked, night),
        (standing(suppressed="bounced", sent=everything.sent), asked, night),
        (standing(sent=everything.sent), asked, night),
        (standing(sent=[Sent("b", NOON), Sent("a", NOON)]), asked, NOON),
        (standing(sent=[Sent("a", NOON - DAY_MS)]), asked, NOON),
        (standing(), asked, NOON),
        (standing(), Asked(scene="a", cost=4, budget_left=4, held_out=True), NOON),
    ]
    assert tuple(reason(may_contact(s, a, now, RULES)) for s, a, now in steps) == REASONS


def test_quiet_hours_are_those_of_the_persons_own_zone():
    asked = Asked(scene="a")
    evening_in_london = at("2026-06-01 21:30", "Europe/London")
    assert reason(may_contact(standing(zone="Europe/London"), asked, evening_in_london, RULES)) == "quiet_hours"
    assert reason(may_contact(standing(zone="America/New_York"), asked, evening_in_london, RULES)) == "allowed"


@pytest.mark.parametrize("day", ["2026-03-28 22:00", "2026-10-24 22:00", "2026-06-01 22:00", "2026-06-02 03:00"])
def test_quiet_hours_end_at_eight_also_when_the_clocks_change(day):
    verdict = may_contact(standing(zone="Europe/London"), Asked(scene="a"), at(day, "Europe/London"), RULES)
    assert isinstance(verdict, Withheld)
    ends = datetime.fromtimestamp(verdict.until / 1000, ZoneInfo("Europe/London"))
    assert (ends.hour, ends.minute) == (8, 0)
    assert (
        timedelta() < ends - datetime.fromisoformat(day).replace(tzinfo=ZoneInfo("Europe/London")) < timedelta(hours=12)
    )


def test_quiet_hours_of_no_length_are_none():
    rules = ContactSettings(quiet_from=480, quiet_until=480)
    assert all(
        reason(may_contact(standing(), Asked(scene="a"), NOON + h * 3_600_000, rules)) == "allowed" for h in range(24)
    )


def test_a_week_is_seven_local_days_with_today_the_last():
    rules = ContactSettings(per_week=1, per_day=1)
    first = at("2026-06-01 23:59")
    sent = standing(sent=[Sent("a", first)])
    assert reason(may_contact(sent, Asked(scene="b"), at("2026-06-07 12:00"), rules)) == "frequency"
    verdict = may_contact(sent, Asked(scene="b"), at("2026-06-02 12:00"), rules)
    assert verdict == Withheld("frequency", "1/week", at("2026-06-08 00:00"))
    assert reason(may_contact(sent, Asked(scene="b"), at("2026-06-08 08:00"), rules)) == "allowed"


def test_a_scenes_own_limit_counts_its_own_messages_only():
    sent = standing(sent=[Sent("a", NOON - DAY_MS)])
    assert reason(may_contact(sent, Asked(scene="a", rate=(1, "week")), NOON, RULES)) == "scene_frequency"
    assert reason(may_contact(sent, Asked(scene="b", rate=(1, "week")), NOON, RULES)) == "allowed"
    assert reason(may_contact(sent, Asked(scene="a", rate=(1, "day")), NOON, RULES)) == "allowed"


_ago = st.builds(Sent, st.sampled_from("ab"), st.integers(0, 9 * DAY_MS))  # made into instants by sent_before
_standings = st.builds(
    Standing,
    consent=st.sampled_from([True, True, True, False, None]),
    suppressed=st.sampled_from(["", "", "", "bounced"]),
    zone=st.sampled_from(ZONES),
    sent=st.lists(_ago, max_size=12),
)
_asks = st.builds(
    Asked,
    scene=st.sampled_from("ab"),
    rate=st.none() | st.tuples(st.integers(1, 3), st.sampled_from(["day", "week"])),
    cost=st.integers(0, 3),
    budget_left=st.none() | st.integers(0, 3),
    held_out=st.booleans(),
)
_rules = st.builds(
    ContactSettings,
    quiet_from=st.integers(0, 1439),
    quiet_until=st.integers(0, 1439),
    per_day=st.integers(1, 3),
    per_week=st.integers(1, 6),
)
# The days of 2026 on which clocks change somewhere in ZONES, and others.
_nows = st.sampled_from(
    ["2026-03-08", "2026-03-29", "2026-04-05", "2026-10-04", "2026-10-25", "2026-11-01", "2026-06-01"]
).flatmap(lambda d: st.integers(-DAY_MS, 2 * DAY_MS).map(lambda ms: at(f"{d} 00:00", "UTC") + ms))


def sent_before(standing: Standing, now: int) -> Standing:
    return msgspec.structs.replace(standing, sent=[Sent(s.scene, now - s.at) for s in standing.sent])


@given(_standings, _asks, _nows, _rules)
def test_a_reason_that_time_heals_is_gone_at_its_until_and_not_before(standing, asked, now, rules):
    standing = sent_before(standing, now)
    verdict = may_contact(standing, asked, now, rules)
    if not isinstance(verdict, Withheld) or verdict.until is None:
        return
    assert verdict.until > now
    quiet = verdict.reason == "quiet_hours"
    calm = rules if quiet else msgspec.structs.replace(rules, quiet_from=0, quiet_until=0)
    after = may_contact(standing, asked, verdict.until, calm)
    if quiet:
        assert reason(after) != "quiet_hours"
    else:
        assert (reason(after), getattr(after, "detail", "")) != (verdict.reason, verdict.detail)
    just_before = may_contact(standing, asked, verdict.until - 1, calm)
    assert isinstance(just_before, Withheld)


@given(_standings, _asks, _nows, _rules)
def test_the_first_reason_is_given_and_an_allowed_message_breaks_no_rule(standing, asked, now, rules):
    standing = sent_before(standing, now)
    today = local_day(now, standing.zone)
    minute = local_minute(now, standing.zone)
    days = [(s.scene, local_day(s.at, standing.zone)) for s in standing.sent]

    def within(scene, span):
        return sum(today - span < d <= today and scene in (None, s) for s, d in days)

    wraps = rules.quiet_from > rules.quiet_until
    inside = rules.quiet_from <= minute < rules.quiet_until
    broken = {
        "no_consent": standing.consent is not True,
        "suppressed": bool(standing.suppressed),
        "quiet_hours": (minute >= rules.quiet_from or minute < rules.quiet_until) if wraps else inside,
        "frequency": within(None, 1) >= rules.per_day or within(None, 7) >= rules.per_week,
        "scene_frequency": asked.rate is not None
        and within(asked.scene, 1 if asked.rate[1] == "day" else 7) >= asked.rate[0],
        "budget": asked.budget_left is not None and asked.cost > asked.budget_left,
        "holdout": asked.held_out,
    }
    assert tuple(broken) == REASONS
    expected = next((r for r, is_broken in broken.items() if is_broken), "allowed")
    assert reason(may_contact(standing, asked, now, rules)) == expected


def test_the_shop_refuses_rules_that_make_no_sense(shop):
    with pytest.raises(Exception, match="quiet_from"):
        shop.change_settings(contact={"quiet_from": 1500})
    assert shop.change_settings(contact={"per_day": 1}).contact == ContactSettings(per_day=1)

"""Mail about what somebody loses soon: coupons and points that run out, told once to whoever agreed to get mail.

It is marketing: it asks for consent, keeps to quiet hours and to how often a person is written to, and carries a link
to unsubscribe. What has been told is not told again: a mail of some day covers all that ran out within its window and
was theirs then, and a second one for the same day of expiry cannot be planned.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence

import msgspec
from babel.dates import format_date
from babel.numbers import format_decimal
from sqlalchemy import Connection, func, select

from fairday.kernel.clock import DAY_MS, Clock, local_day, to_date
from fairday.kernel.settings import Settings
from fairday.offers.coupons.records import coupon_claims, people_of
from fairday.people.accounts import account_of
from fairday.people.accounts.rules import complete, lots_of
from fairday.people.contact import Asked, Withheld, may_contact
from fairday.reach import outbox
from fairday.reach.mail import MailContent, MailFloor, MailGoods, render
from fairday.reach.mailing import Reachable, known, language_of, reachable
from fairday.reach.outbox import REMINDER, Planned, messages
from fairday.scenes.arms import Meeting
from fairday.scenes.choice import Person
from fairday.scenes.loading import load_people
from fairday.storage.batch import stream_state
from fairday.storage.database import Database, alone
from fairday.storage.deadlines import deadlines

LOOK_MS = 3_600_000
"""What runs out is looked for once in so many ms: nobody waits for it to the minute."""

SLICE = 100

WORDS: Mapping[str, Mapping[str, str]] = {
    "subject": {"zh": "{what}快到期了：{day}前用掉", "en": "{what} until {day}: use it in time",
                "es": "{what} hasta el {day}: úsalo a tiempo"},
    "coupons": {"zh": "您有 {n} 张券", "en": "{n} coupons", "es": "{n} cupones"},
    "coupon": {"zh": "您的“{title}”", "en": "Your “{title}”", "es": "Tu «{title}»"},
    "points": {"zh": "您的 {n} 积分", "en": "Your {n} points", "es": "Tus {n} puntos"},
    "stars": {"zh": "您的 {n} 颗星星", "en": "Your {n} stars", "es": "Tus {n} estrellas"},
    "greeting": {"zh": "{name}这些很快就不能用了，别浪费。下单时会自动算进去，也可以在“卡包”里查看。",
                 "en": "{name}These run out soon. They count by themselves when you order; your wallet shows them all.",
                 "es": "{name}Esto se acaba pronto. Se aplica solo al pedir; en tu cartera lo ves todo."},
    "floor": {"zh": "快到期的", "en": "Running out", "es": "A punto de acabar"},
    "until": {"zh": "用到 {day}", "en": "until {day}", "es": "hasta el {day}"},
    "name": {"zh": "{name}，", "en": "{name}, ", "es": "{name}: "},
}  # fmt: skip
"""What the mail says, in three languages."""


class Expiring(msgspec.Struct, frozen=True):
    """What a person loses soon: a coupon (``title``, ``n`` 1) or points of a unit; ``until`` and ``since`` are ms.

    Attributes:
        since: when it became theirs; 0 where that is not known.
    """

    unit: str
    title: str
    n: int
    until: int
    since: int = 0


class Reminders:
    """Plans mail about coupons and points that run out within ``settings.reminder_days``; 0 plans none."""

    def __init__(self, db: Database, settings: Callable[[], Settings], clock: Clock) -> None:
        self._db = db
        self._settings = settings
        self._clock = clock
        self._looked = 0

    def plan(self) -> Counter[str]:
        """Plan what is due; how many were ``queued``, or withheld by reason."""
        settings, now = self._settings(), self._clock.now()
        if not settings.reminder_days or now < self._looked + LOOK_MS:
            return Counter()
        self._looked = now
        with self._db.read() as conn:
            found = soon_of(conn, settings, now)
        result: Counter[str] = Counter()
        persons = sorted(found)
        for start in range(0, len(persons), SLICE):
            part = {p: found[p] for p in persons[start : start + SLICE]}
            with self._db.write() as conn:
                alone(conn, "mailing.plan")
                result += self._plan_slice(conn, part, settings, now)
        return result

    def _plan_slice(
        self, conn: Connection, found: Mapping[int, Sequence[Expiring]], settings: Settings, now: int
    ) -> Counter[str]:
        owned = {p: r for p, r in reachable(conn, list(found), settings, now).items() if r.channel.standing.consent}
        people = load_people(conn, list(owned), now)
        planned, result = [], Counter[str]()
        for person, mine in owned.items():
            told_at = last_told(conn, [a.identifier for a in mine.addresses])
            fresh = untold(found[person], told_at, settings.reminder_days)
            if not fresh:
                continue
            made = _mail(people[person], person, mine, fresh, settings, now)
            planned.append(made)
            result[made.meeting.withheld or "queued"] += 1
        outbox.plan(conn, planned, now)
        return result


def soon_of(conn: Connection, settings: Settings, now: int) -> dict[int, list[Expiring]]:
    """By person what they lose within the days that the shop tells ahead."""
    until = now + settings.reminder_days * DAY_MS
    c, d = coupon_claims.c, deadlines.c
    by_account: dict[str, list[Expiring]] = {}
    query = select(c.account, c.title, c.until, c.claimed_at).where(
        c.status == "claimed", c.until > now, c.until <= until
    )
    for account, title, ends, since in conn.execute(query):
        by_account.setdefault(account, []).append(Expiring("coupon", title, 1, ends, since))
    unit = settings.rewards.unit
    woken = select(d.stream).where(d.stream >= "account:", d.stream < "account;", d.next_try > now, d.next_try <= until)
    for (account,) in conn.execute(woken).all():
        kept = stream_state(conn, account)
        if kept is None or kept[1].get("into"):
            continue
        for ends, n in lots_of(complete(kept[1]), unit):
            if ends is not None and now < ends <= until and n > 0:
                by_account.setdefault(account, []).append(Expiring(unit, "", n, ends))
    into = {account: account_of(conn, account) for account in by_account}
    people = people_of(conn, sorted(set(into.values())))
    found: dict[int, list[Expiring]] = {}
    for account, several in by_account.items():
        if (person := people.get(into[account])) is not None:
            found.setdefault(person, []).extend(several)
    return {person: sorted(several, key=lambda x: (x.until, x.title)) for person, several in found.items()}


def last_told(conn: Connection, identifiers: Sequence[int]) -> int:
    """When (ms) the last reminder to some addresses was planned that went or waits to go; 0 for none."""
    c = messages.c
    query = select(func.max(c.planned_at)).where(
        c.identifier.in_(identifiers), c.scene == REMINDER, c.status != "withheld"
    )
    return int(conn.execute(query).scalar() or 0)


def untold(several: Sequence[Expiring], told_at: int, days: int) -> list[Expiring]:
    """What a reminder of ``told_at`` (ms; 0: none) did not hold: it ran out later than its window, or came since."""
    return [x for x in several if x.until > told_at + days * DAY_MS or x.since > told_at]


def _mail(
    person: Person, number: int, mine: Reachable, fresh: Sequence[Expiring], settings: Settings, now: int
) -> Planned:
    verdict = may_contact(mine.channel.standing, Asked(scene=REMINDER), now, mine.channel.rules)
    first = fresh[0].until - 1
    meeting = Meeting(
        scene=REMINDER, version=0, phase="soon", occasion=local_day(first, settings.zone), touchpoint="email",
        withheld=verdict.reason if isinstance(verdict, Withheld) else "",
    )  # fmt: skip
    language = language_of(person, settings)
    base = Planned(
        meeting=meeting, channel="email", identifier=mine.to.identifier, person=number, address=mine.to.value,
        language=language,
    )  # fmt: skip
    if meeting.withheld:
        return base
    token, name = outbox.new_token(), known(person, "name")
    coupons = [x for x in fresh if x.unit == "coupon"]
    what = (
        _said(language, "coupon", title=coupons[0].title) if len(coupons) == 1
        else _said(language, "coupons", n=len(coupons)) if coupons
        else _said(language, fresh[0].unit, n=format_decimal(sum(x.n for x in fresh), locale=language))
    )  # fmt: skip
    content = MailContent(
        shop=settings.name, language=language,
        subject=_said(language, "subject", what=what, day=_day(first, settings.zone, language)),
        greeting=_said(language, "greeting", name=_said(language, "name", name=name) if name else ""),
        floors=[MailFloor(_said(language, "floor"), [
            MailGoods(
                id="", price="", title=x.title or _said(language, x.unit, n=format_decimal(x.n, locale=language)),
                reason=_said(language, "until", day=_day(x.until - 1, settings.zone, language)),
            ) for x in fresh
        ])],
        public_url=settings.public_url, token=token,
    )  # fmt: skip
    html, text = render(content)
    return msgspec.structs.replace(base, subject=content.subject, html=html, text=text, token=token)


def _day(at: int, zone: str, language: str) -> str:
    return format_date(to_date(local_day(at, zone)), "medium", locale=language)


def _said(language: str, key: str, **values: object) -> str:
    return WORDS[key][language].format(**values)


__all__ = ["Expiring", "Reminders", "last_told", "soon_of", "untold"]

"""The follower that writes a company's people about their lists: one waits for approval, one was answered. Each once.

A mail is planned in the transaction that moves the follower on, under a phase of its own for each event and reader; the
outbox sends it at most once. What happened long ago (a copy of the shop read anew) is written to nobody.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from babel.numbers import format_currency
from sqlalchemy import Connection, Table, select

from fairday.kernel.ids import digest
from fairday.kernel.money import digits, major
from fairday.kernel.settings import Settings
from fairday.people.accounts import accounts_in
from fairday.people.accounts.records import member_accounts
from fairday.people.identity import person_of
from fairday.people.tables import identifiers
from fairday.reach import outbox
from fairday.reach.orders.follower import LATE_MS
from fairday.reach.orders.letter import Letter, render
from fairday.reach.orders.words import speak
from fairday.reach.outbox import ORDER, Planned
from fairday.scenes.arms import Meeting
from fairday.storage.batch import stream_state
from fairday.storage.followers import Source
from fairday.storage.log import StoredEvent
from fairday.trade.b2b.company import may_approve, stream_of

WORDS: Mapping[str, Mapping[str, str]] = {
    "waits.subject": {"zh": "{company}有一张采购单等您批准：{amount}",
                      "en": "{company}: a list of {amount} waits for you",
                      "es": "{company}: una lista de {amount} te espera"},
    "waits.heading": {"zh": "有一张采购单等您批准", "en": "A list waits for your approval",
                      "es": "Una lista espera tu aprobación"},
    "waits.lead": {"zh": "{who} 想为{company}订货，金额 {amount}，超出了自己的额度。",
                   "en": "{who} wants to order for {company}: {amount}, which is above their limit.",
                   "es": "{who} quiere pedir para {company}: {amount}, por encima de su límite."},
    "waits.action": {"zh": "去看这张单", "en": "Look at the list", "es": "Ver la lista"},
    "approved.subject": {"zh": "您的采购单已批准：{amount}", "en": "Your list of {amount} is approved",
                         "es": "Tu lista de {amount} está aprobada"},
    "approved.heading": {"zh": "采购单已批准", "en": "Your list is approved", "es": "Tu lista está aprobada"},
    "approved.lead": {"zh": "{who} 批准了。价格没变的话，现在就可以下单。",
                      "en": "{who} approved it. You can order now, as long as its prices stand.",
                      "es": "{who} la aprobó. Puedes pedir ya, mientras sigan los precios."},
    "approved.action": {"zh": "去下单", "en": "Order now", "es": "Pedir ahora"},
    "refused.subject": {"zh": "您的采购单没有批准：{amount}", "en": "Your list of {amount} was not approved",
                        "es": "Tu lista de {amount} no se aprobó"},
    "refused.heading": {"zh": "采购单没有批准", "en": "Your list was not approved", "es": "Tu lista no se aprobó"},
    "refused.lead": {"zh": "{who} 没有批准。可以商量后另开一张。",
                     "en": "{who} did not approve it. Talk, and begin another.",
                     "es": "{who} no la aprobó. Habladlo y empieza otra."},
    "refused.action": {"zh": "看这张单", "en": "See the list", "es": "Ver la lista"},
    "foot": {"zh": "您在{company}的采购账户里，所以收到 {shop} 的这封信。",
             "en": "{shop} writes to you because you belong to {company}'s account.",
             "es": "{shop} te escribe porque perteneces a la cuenta de {company}."},
    "somebody": {"zh": "一位同事", "en": "A colleague", "es": "Un compañero"},
}  # fmt: skip
_KINDS = {"Requisition Submitted": "waits", "Requisition Approved": "approved", "Requisition Refused": "refused"}


class ApprovalMails:
    """The follower of companies' lists."""

    name = "approval-mails"
    source: Source = "events"
    after: tuple[str, ...] = ()

    def __init__(self, settings: Callable[[], Settings]) -> None:
        self._settings = settings

    @property
    def tables(self) -> Sequence[Table]:
        return ()

    def handle(self, conn: Connection, rows: Sequence[StoredEvent], now: int) -> None:
        planned: list[Planned] = []
        for event in rows:
            if event.name in _KINDS and event.stream.startswith("requisition:") and event.at > now - LATE_MS:
                planned += self._planned(conn, event)
        outbox.plan(conn, planned, now)

    def _planned(self, conn: Connection, event: StoredEvent) -> list[Planned]:
        kind, found = _KINDS[event.name], stream_state(conn, event.stream)
        assert found is not None
        state = found[1]
        company = stream_state(conn, stream_of(state["company"]))
        if company is None:
            return []
        if kind == "waits":
            if state["status"] != "submitted":
                return []  # answered or taken back meanwhile
            readers = [who for who in company[1]["members"] if may_approve(company[1], who) and who != state["account"]]
            by = state["account"]
        else:
            readers, by = [state["account"]], event.data["by"]
        amount = event.data.get("total", state["total"])
        return [made for who in readers if (made := self._mail(conn, event, kind, company[1], who, by, amount))]

    def _mail(
        self, conn: Connection, event: StoredEvent, kind: str, company: Mapping[str, Any], reader: str, by: str,
        amount: int | None,
    ) -> Planned | None:  # fmt: skip
        to = _address(conn, reader)
        person = None if to is None else person_of(conn, "email", to[1])
        if to is None or person is None:
            return None
        settings, author = self._settings(), _address(conn, by)
        language = speak(settings.language)
        said = {
            "company": company["name"], "shop": settings.name,
            "who": author[1] if author else _say(language, "somebody"),
            "amount": "" if amount is None else format_currency(
                major(amount, settings.currency), settings.currency, locale=language,
                decimal_quantization=digits(settings.currency) < 3),
        }  # fmt: skip
        number = event.stream.partition(":")[2]
        letter = Letter(
            shop=settings.name, language=language, number="", subject=_say(language, f"{kind}.subject", **said),
            heading=_say(language, f"{kind}.heading"), lead=(_say(language, f"{kind}.lead", **said),),
            foot=_say(language, "foot", **said),
            action=(_say(language, f"{kind}.action"), f"{settings.public_url}/company/lists/{number}"),
        )  # fmt: skip
        html, text = render(letter)
        phase = f"{digest('approval mail', event.stream)[:24]}:{event.seq}:{kind}"
        refused = "suppressed" if outbox.refused_at(conn, to[1]) else ""
        return Planned(
            meeting=Meeting(scene=ORDER, version=0, phase=phase, occasion=0, touchpoint="email", withheld=refused),
            channel="email", identifier=to[0], person=person, address=to[1], language=language,
            subject=letter.subject, html=html, text=text,
        )  # fmt: skip


def _say(language: str, key: str, **values: object) -> str:
    return WORDS[key][language].format(**values)


def _address(conn: Connection, account: str) -> tuple[int, str] | None:
    """The mail address that signs in to an account: its number among identifiers and itself; None without one."""
    query = (
        select(identifiers.c.id, identifiers.c.value)
        .join(member_accounts, member_accounts.c.identifier == identifiers.c.id)
        .where(identifiers.c.type == "email", member_accounts.c.account.in_(accounts_in(conn, account)))
        .order_by(identifiers.c.id)
        .limit(1)
    )
    found = conn.execute(query).first()
    return None if found is None else (int(found[0]), str(found[1]))

"""The follower that writes a buyer of their order: one mail for each thing that happened to it, never a second.

It follows what orders are told as, after identities, so that a message always hangs on its person. A mail is planned
in the transaction that moves the follower on, under a phase that no other mail of the shop has; the outbox sends it at
most once. What is told late (a copy of the shop read anew) is written to nobody.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from babel import Locale
from babel.numbers import format_currency
from msgspec.structs import replace
from sqlalchemy import Connection, Table, select

from fairday.goods.called import calm
from fairday.kernel.clock import DAY_MS
from fairday.kernel.decider import Event, State
from fairday.kernel.ids import digest
from fairday.kernel.money import digits, major
from fairday.kernel.settings import Settings
from fairday.people.identity import person_of
from fairday.people.tables import identifiers
from fairday.reach import outbox
from fairday.reach.orders.letter import Letter, render
from fairday.reach.orders.words import speak, word
from fairday.reach.outbox import ORDER, Planned
from fairday.scenes.arms import Meeting
from fairday.storage.followers import Source
from fairday.storage.log import Happening, StoredEvent, stream_events
from fairday.stores.records import all_places
from fairday.trade import order as rules
from fairday.trade.documents import sums_of
from fairday.trade.links import order_number, order_token, pickup_code
from fairday.trade.records import Contact, contact_of, parcels_of
from fairday.trade.shipping.addresses import Address, written
from fairday.trade.shipping.carriers import carrier_name, tracking_link
from fairday.trade.telling import message_id

KINDS = ("paid", "shipped", "ready", "cancelled", "refunded", "returned", "exchanged")
"""What a buyer is written about; each can be switched off in the settings."""

LATE_MS = 2 * DAY_MS
"""What happened longer ago is no news."""

_TOLD = {"Order Completed", "Order Shipped", "Order Ready", "Order Cancelled", "Order Refunded"}


def phases_of(order: str) -> str:
    """What the phases of an order's mails begin with."""
    return f"{digest('order mail', order)[:24]}:"


class OrderMails:
    """The follower. ``secret``: the shop's signing key, by which an order's link cannot be made up."""

    name = "order-mails"
    source: Source = "happenings"
    after: tuple[str, ...] = ("identity",)

    def __init__(self, settings: Callable[[], Settings], secret: Callable[[Connection], bytes]) -> None:
        self._settings = settings
        self._secret = secret

    @property
    def tables(self) -> Sequence[Table]:
        return ()

    def handle(self, conn: Connection, rows: Sequence[Happening], now: int) -> None:
        planned = []
        for row in rows:
            if row.name in _TOLD and row.message_id.startswith("order-") and row.at > now - LATE_MS:
                planned += self._planned(conn, row)
        outbox.plan(conn, planned, now)

    def _planned(self, conn: Connection, row: Happening) -> list[Planned]:
        number = row.properties.get("order_id")
        if not isinstance(number, str):
            return []
        order = f"order:{number}"
        found = _until(conn, order, row.message_id)
        if found is None:
            return []  # somebody else's words
        event, state = found
        kind = kind_of(event)
        contact, ids = contact_of(conn, number)
        to = contact.email or next((value for type_, value in ids if type_ == "email"), "")
        if not to or not getattr(self._settings().order_mails, kind):
            return []
        language = speak(contact.language or self._settings().language)
        refused = "suppressed" if outbox.refused_at(conn, to) else ""
        letter = self._letter(conn, kind, order, state, event, contact, language)
        html, plain = render(letter)
        identifier, person = _owner(conn, [("email", to), *row.ids])
        phase = f"{phases_of(order)}{event.seq}:{kind}"
        return [
            Planned(
                meeting=Meeting(scene=ORDER, version=0, phase=phase, occasion=0, touchpoint="email", withheld=refused),
                channel="email", identifier=identifier, person=person, address=to, language=language,
                subject=letter.subject, html=html, text=plain,
            )
        ]  # fmt: skip

    def _letter(
        self, conn: Connection, kind: str, order: str, state: State, event: StoredEvent, contact: Contact, language: str
    ) -> Letter:
        settings, secret = self._settings(), self._secret(conn)
        told = _Told(conn, order, state, event, contact, language, secret, settings.public_url)
        page = f"{settings.public_url}/order/{order_token(secret, order, state['placed_at'])}"
        number = order_number(order)
        letter = Letter(
            shop=settings.name,
            language=language,
            number=number,
            heading=word(language, f"{kind}.heading"),
            subject=word(language, f"{kind}.subject", number=number, amount=told.money(told.back)),
            lead=(),
            foot=word(language, "foot", shop=settings.name),
            action=(word(language, "label.look"), page),
        )
        return told.letter(kind, letter)


class _Told:
    """One order as its mail tells it."""

    def __init__(
        self, conn: Connection, order: str, state: State, event: StoredEvent, contact: Contact, language: str,
        secret: bytes, public_url: str,
    ) -> None:  # fmt: skip
        self.conn, self.order, self.state, self.event = conn, order, state, event
        self.contact, self.language, self.secret, self.public_url = contact, language, secret, public_url
        self.back = int(event.data.get("money", 0))

    def word(self, key: str, **values: object) -> str:
        return word(self.language, key, **values)

    def money(self, amount: int) -> str:
        currency = self.state["currency"]
        return format_currency(
            major(amount, currency), currency, locale=self.language, decimal_quantization=digits(currency) < 3
        )

    def letter(self, kind: str, letter: Letter) -> Letter:
        """The letter with what its kind says."""
        said: Mapping[str, Any] = {
            "paid": self._paid, "shipped": self._shipped, "ready": self._ready, "cancelled": self._cancelled,
            "refunded": self._given_back, "returned": self._given_back, "exchanged": self._exchanged,
        }[kind](letter)  # fmt: skip
        return replace(letter, **said)

    def _paid(self, letter: Letter) -> dict[str, Any]:
        state, name = self.state, self.contact.name
        came = "paid.account" if state["on_account"] else "paid.came"
        then = "paid.then.pickup" if state["way"] == "pickup" else "paid.then.ship"
        heading = self.word("paid.heading.name", name=name) if name else letter.heading
        return {
            "heading": heading, "lead": (self.word(came, amount=self.money(state["total"])), self.word(then)),
            "lines": self._lines({part: x["qty"] for part, x in state["lines"].items()}, amounts=True),
            "sums": self._sums(), "place": self._store() if state["way"] == "pickup" else self._address(),
        }  # fmt: skip

    def _shipped(self, letter: Letter) -> dict[str, Any]:
        data, look = self.event.data, letter.action
        parcel = next((p for p in parcels_of(self.conn, self.order.partition(":")[2]) if p["parcel"] == data["parcel"]),
                      {"carrier": "", "tracking": ""})  # fmt: skip
        carrier, tracking = parcel["carrier"], parcel["tracking"]
        link = tracking_link(carrier, tracking) if carrier and tracking else None
        by = carrier_name(carrier, self.language)
        lead = [self.word("shipped.by", carrier=by, tracking=tracking) if carrier and tracking
                else self.word("shipped.plain")]  # fmt: skip
        left = sum(rules.waiting(x) for x in self.state["lines"].values())
        if left:
            lead.append(self.word("shipped.more", n=left))
        return {
            "lead": lead, "lines": self._lines(data["units"]), "place": self._address(),
            **({"action": (self.word("label.track"), link), "more": look} if link else {}),
        }  # fmt: skip

    def _ready(self, letter: Letter) -> dict[str, Any]:
        return {
            "code": pickup_code(self.secret, self.order), "code_label": self.word("ready.code"),
            "lines": self._lines({part: rules.waiting(x) for part, x in self.state["lines"].items()}),
            "place": self._store(),
        }  # fmt: skip

    def _cancelled(self, letter: Letter) -> dict[str, Any]:
        if self.back:
            said = self.word("back", amount=self.money(self.back))
        else:
            said = self.word("cancelled.unpaid" if self.event.name == "Order Expired" else "cancelled.free")
        return {"lead": (said,), "lines": self._lines(self.event.data["unshipped"])}

    def _given_back(self, letter: Letter) -> dict[str, Any]:
        data = self.event.data
        lead = [self.word("returned.thanks")] if data["units"] else []
        if self.back:
            lead.append(self.word("back", amount=self.money(self.back)))
        units = {k: data["units"].get(k, 0) + data["unshipped"].get(k, 0) for k in self.state["lines"]}
        return {"lead": lead, "lines": self._lines(units)}

    def _exchanged(self, letter: Letter) -> dict[str, Any]:
        into = str(self.event.data["into"])
        found = stream_events(self.conn, into)
        new: State = rules.initial()
        for event in found:
            new = rules.evolve(new, Event(event.name, event.data))
        lead = [self.word("exchanged.into", new=order_number(into))]
        page = f"{self.public_url}/order/{order_token(self.secret, into, new['placed_at'])}"
        label = "label.look"
        if rules.due(new):
            lead.append(self.word("exchanged.due", amount=self.money(rules.due(new))))
            label = "label.pay"
        elif self.back:
            lead.append(self.word("back", amount=self.money(self.back)))
        lines = [(calm(x["title"]), f"× {x['qty']}", "") for x in new["lines"].values()]
        return {"lead": lead, "action": (self.word(label), page), "lines": lines, "number": order_number(into)}

    def _lines(self, units: Mapping[str, int], amounts: bool = False) -> list[tuple[str, str, str]]:
        made = []
        for part, line in self.state["lines"].items():
            if units.get(part):
                form = " · ".join([*(str(v) for v in (line.get("form") or {}).values()), f"× {units[part]}"])
                made.append((calm(line["title"]), form, self.money(line["gross"]) if amounts else ""))
        return made

    def _sums(self) -> list[tuple[str, str, bool]]:
        sums = sums_of(self.state)
        made = [(self.word("label.goods"), self.money(sums["goods"]), False)]
        if sums["discount"]:
            made.append((self.word("label.discount"), f"−{self.money(sums['discount'])}", False))
        if self.state["shipping"] is not None:
            free = self.word("label.free")
            made.append(
                (self.word("label.shipping"), self.money(sums["shipping"]) if sums["shipping"] else free, False)
            )
        if sums["tax"] + sums["duty"]:
            made.append((self.word("label.tax"), self.money(sums["tax"] + sums["duty"]), False))
        return [*made, (self.word("label.total"), self.money(sums["total"]), True)]

    def _address(self) -> tuple[str, Sequence[str]] | None:
        if not self.contact.street:
            return None
        address = Address(**{name: getattr(self.contact, name) for name in Address.__struct_fields__})
        country = Locale.parse(self.language).territories.get(address.country, "")
        return self.word("label.to"), written(address, country)

    def _store(self) -> tuple[str, Sequence[str]] | None:
        store = next((p for p in all_places(self.conn) if p.store == self.state["store"]), None)
        if store is None:
            return None
        return self.word("label.at"), [one for one in (store.name, store.city, store.address) if one]


def _until(conn: Connection, order: str, told: str) -> tuple[StoredEvent, State] | None:
    """The event that is told under a message's id, and how the order stood after it; None where there is none."""
    state: State = rules.initial()
    for event in stream_events(conn, order):
        state = rules.evolve(state, Event(event.name, event.data))
        if message_id(order, event.seq) == told:
            return event, state
    return None


def kind_of(event: StoredEvent) -> str:
    """Which mail an event is told by."""
    if event.name == "Order Refunded":
        return "returned" if event.data["units"] else "refunded"
    return {
        "Order Placed": "paid", "Order Paid": "paid", "Order Shipped": "shipped", "Order Ready": "ready",
        "Order Cancelled": "cancelled", "Order Expired": "cancelled", "Order Exchanged": "exchanged",
    }[event.name]  # fmt: skip


def _owner(conn: Connection, ids: Sequence[tuple[str, str]]) -> tuple[int, int]:
    """The identifier a mail hangs on and its person, 0 where nobody is known by any of the ids."""
    i = identifiers.c
    for type_, value in ids:
        number = conn.execute(select(i.id).where(i.type == type_, i.value == value)).scalar()
        person = person_of(conn, type_, value)
        if number is not None and person is not None:
            return int(number), person
    return 0, 0

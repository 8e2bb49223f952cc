"""The playbook ``valentines-day`` from end to end on simulated customers, and once without each row's capability.

``run`` plays it: customers come in through several doors, the scene goes live, mail goes out, somebody opens the page,
somebody unsubscribes, one is erased. ``holds`` names what each row promises of the outcome. With a capability switched
off, exactly its promise must break.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import pytest

import fairday
from fairday.goods.catalogue import ProductRow, save_products
from fairday.kernel.clock import ManualClock
from fairday.kernel.errors import NotFound
from fairday.people import consent, identity
from fairday.playbooks import playbook
from fairday.playbooks import rows as capability_rows
from fairday.reach import outbox
from fairday.scenes import arms
from fairday.storage.log import Happening

DAY = 86_400_000
NOW = 1_517_403_600_000  # 2018-01-31 13:00 UTC: in the warm-up of Valentine's Day 2018
PEOPLE = 60
GOODS = {
    "FLORAL-FRESH CUT": "Roses", "CANDY - PACKAGED": "Chocolates", "BEEF": "Two steaks", "SOUP": "Soup",
}  # fmt: skip


@dataclass
class Outcome:
    """What came of the play."""

    messages: dict[tuple[str, str], int] = field(default_factory=dict)
    mails: list[outbox.Message] = field(default_factory=list)
    arms: dict[str, int] = field(default_factory=dict)
    shown: list[str] = field(default_factory=list)
    visitor_is_buyer: bool = False
    young_floors: list[str] = field(default_factory=list)
    in_february: list[str] = field(default_factory=list)
    in_march: list[str] = field(default_factory=list)
    eligible_strangers: int = 0
    after_unsubscribe: bool = True
    erased_left: bool = True


def customers() -> list[Happening]:
    """Sixty customers with two orders each, an address, most with consent; one is young, one never bought."""
    rows: list[Happening] = []

    def add(kind: str, name: str, ids: list[tuple[str, str]], at: int, **body: Any) -> None:
        rows.append(
            Happening(message_id=f"m{len(rows)}", kind=kind, name=name, at=at, received=at, source="server:till",
                      ids=tuple(ids), body=body)
        )  # fmt: skip

    for n in range(PEOPLE):
        who, mail = ("user_id", f"u{n}"), ("email", f"p{n}@example.com")
        traits = {"email": mail[1], "age": 16 if n == 1 else 30, "name": f"P{n}"}
        add("identify", "", [who, mail], NOW - 50 * DAY, traits=traits)
        for k in range(0 if n == 2 else 2):
            lines = [{"product_id": "roses", "category": "FLORAL-FRESH CUT", "price": 12.5, "quantity": 1}]
            order = {"order_id": f"o{n}-{k}", "total": 12.5, "currency": "USD", "products": lines}
            add("track", "Order Completed", [who], NOW - (20 + k) * DAY, properties=order)
        if n != 3:
            add("track", "Consent Given", [who, mail], NOW - 40 * DAY, properties={"channel": "email"})
    # A visitor browses on a phone, then signs in there: one person.
    add("track", "Product Viewed", [("anonymous_id", "phone")], NOW - 2 * DAY, properties={"product_id": "roses"})
    add("identify", "", [("user_id", "u5"), ("anonymous_id", "phone")], NOW - DAY)
    return rows


def run(shop: fairday.Shop, clock: ManualClock, without: str = "") -> Outcome:
    """Play the playbook; ``without`` names the row whose capability is switched off."""
    clock.at = NOW
    shop.change_settings(zone="America/New_York", currency="USD", language="en")
    found = Outcome()
    if without != "G1":
        with shop.db.write() as conn:
            save_products(
                conn,
                [
                    ProductRow(product=title.lower(), title=title, category=category, price=1250, currency="USD")
                    for category, title in GOODS.items()
                ],
                NOW,
            )
    rows = customers()
    if without == "P1":
        rows = [h for h in rows if len(h.ids) < 2]
    if without == "P8":
        rows = [h for h in rows if h.name != "Consent Given"]
    if without == "P2":
        rows = [
            Happening(
                message_id=h.message_id, kind=h.kind, name=h.name, at=h.at, received=h.received, source=h.source,
                ids=h.ids, body={k: v for k, v in h.body.items() if k != "traits"},
            )
            for h in rows
        ]  # fmt: skip
    shop.append(rows).result()
    shop.catch_up()
    shop.midnight.tick(clock.now())
    text = playbook("valentines-day")
    if without == "P3":
        text = "\n".join(line for line in text.splitlines() if not line.startswith("who:"))
    if without == "S1":
        text = text.replace(
            "when: {festival: valentines_day, phases: {warm-up: -21d..-8d, burst: -7d..0d}}", "when: always"
        )
        text = text.replace("{email: warm-up}", "email")
    if without == "S2":
        text = text.replace(", holdout: 10%", "")
    if without == "R3":
        text = text.replace("where: [feed, page, {email: warm-up}]", "where: [feed, page]")
    shop.save_scene(text)
    shop.move_scene("start", "valentines-day")
    shop.run_mail()
    shop.run_mail()  # again changes nothing
    with shop.db.read() as conn:
        for (_, status, reason), n in outbox.counts(conn, "valentines-day").items():
            found.messages[(status, reason)] = found.messages.get((status, reason), 0) + n
        found.mails = outbox.page(conn, limit=200)
        found.arms = arms.counts(conn, "valentines-day")
        found.eligible_strangers = sum(m.address == "p2@example.com" for m in found.mails)
        buyer = identity.person_of(conn, "user_id", "u5")
        visitor = identity.person_of(conn, "anonymous_id", "phone")
        found.visitor_is_buyer = buyer is not None and buyer == visitor
    found.shown = [g.product.title for _, floor in shop.choose("user_id:u0", "page").floors for g in floor.goods]
    found.young_floors = [floor.title.en for _, floor in shop.choose("user_id:u1", "page").floors]
    found.in_february = [m.spec.scene for m in shop.choose("user_id:u0", "page").shown]
    found.in_march = [m.spec.scene for m in shop.choose("user_id:u0", "page", now=NOW + 30 * DAY).shown]
    shop.append([
        Happening(message_id="bye", kind="track", name="Email Unsubscribed", at=NOW + 1, received=NOW + 1,
                  source="fairday", ids=(("email", "p7@example.com"),))
    ]).result()  # fmt: skip
    shop.catch_up()
    with shop.db.read() as conn:
        person = identity.person_of(conn, "email", "p7@example.com")
        said = None if person is None else consent.consent_of(conn, person, "email")
        found.after_unsubscribe = said is None or said.given
    if without != "P8":
        shop.erase("user_id:u9")
    try:
        shop.person("user_id:u9")
    except NotFound:
        found.erased_left = False
    return found


def held(found: Outcome) -> int:
    return found.messages.get(("withheld", "holdout"), 0)


PROMISES: dict[str, Callable[[Outcome], bool]] = {
    # The visitor on the phone and the buyer are one person.
    "P1": lambda o: o.visitor_is_buyer,
    # What was told of a person speaks: the floor with flowers is kept from the sixteen-year-old, and names greet.
    "P2": lambda o: "Flowers and a card" not in o.young_floors and any("P4" in m.text for m in o.mails),
    # Who never bought is not in the audience.
    "P3": lambda o: o.eligible_strangers == 0,
    # Nothing goes out without consent, an unsubscribed address stays so, an erased person is gone.
    "P8": lambda o: o.messages.get(("withheld", "no_consent")) == 1 and not o.after_unsubscribe and not o.erased_left,
    # Goods of the scene, not others, are shown.
    "G1": lambda o: bool(o.shown) and "Soup" not in o.shown,
    # It holds round the festival, and only then.
    "S1": lambda o: o.in_february == ["valentines-day"] and o.in_march == [],
    # A part is held out, and says so.
    "S2": lambda o: 0 < held(o) <= o.arms.get("holdout", 0) < o.arms.get("treated", 0),
    # Mail goes out, once to each.
    "R3": lambda o: o.messages.get(("sent", "mailbox"), 0) > 30
    and len({m.address for m in o.mails}) == len(o.mails),
}  # fmt: skip


def test_it_runs_from_end_to_end(shop: fairday.Shop, clock: ManualClock) -> None:
    found = run(shop, clock)
    broken = [row for row, promise in PROMISES.items() if not promise(found)]
    assert broken == [], found
    assert sum(found.messages.values()) == PEOPLE - 1


@pytest.mark.parametrize("row", sorted(PROMISES))
def test_without_its_capability_a_row_breaks(row: str, lite: fairday.Shop, clock: ManualClock) -> None:
    assert not PROMISES[row](run(lite, clock, without=row))


def test_the_list_of_rows_names_this_test() -> None:
    for id_, row in capability_rows().items():
        if "valentines-day" in row.playbooks:
            assert id_ in PROMISES
            assert "tests/playbooks/test_valentines_day.py" in row.tests
    assert set(PROMISES) <= {i for i, r in capability_rows().items() if "valentines-day" in r.playbooks}

"""Somebody who did everything here is given out whole, and erased without a trace in any table, file or index.

What can be done by real actions is; a personal table that these do not reach gets a row made from its marks. A new
table whose marks lead nowhere fails here, and so does any text of hers that stays behind.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
from sqlalchemy import Boolean, Column, Connection, LargeBinary, String, Text, inspect, select, text

import fairday
from fairday.goods.catalogue import ProductRow, save_products
from fairday.goods.made import MadeOption
from fairday.goods.photos import keep_photo, redraw
from fairday.goods.records import Details, save_details
from fairday.intake.rejections import keep_rejected, rejection
from fairday.kernel import jsons
from fairday.kernel.decider import Command
from fairday.people import identity, privacy
from fairday.people.identity.erased import secret
from fairday.reach import delivery
from fairday.storage.database import metadata
from fairday.storage.ledger import transfers
from fairday.storage.log import Happening
from fairday.trade.c2b.brief import SHOP
from fairday.trade.c2b.briefs import Asked
from fairday.trade.c2b.designs import Drawn, Terms
from fairday.trade.c2c.service import Draft
from fairday.trade.checkout import Buyer
from fairday.trade.records import Contact, keep_parcel
from fairday.trade.tills import Sale
from paying import ready, served
from selling import jpeg
from shopping import Shopper

MAIL, PHONE, NAME, STREET = "zoe.quill@example.com", "13912345678", "Zoe Quillfeather", "Rosmarinweg 7"
ENGRAVED, WORDS, TRACKING, BANK, OPENID = "ForeverZoe", "zanzibarwords", "SFZOE998877", "IBANZOE4711", "oZoeOpenId12345"
SECRETS = (MAIL, PHONE, "Quillfeather", "Rosmarinweg", ENGRAVED, WORDS, TRACKING, BANK, OPENID, "zoe-member-9")
ZOE = (("email", MAIL),)
BEN = (("email", "ben@example.com"),)
TO_ZOE = Contact(name=NAME, phone=f"+86{PHONE}", email=MAIL, country="CN", city="上海市", street=STREET,
                 note=WORDS, language="en")  # fmt: skip
BENS = Contact(name="Ben", phone="+8613800138000", country="CN", city="上海市", street="南京路 1 号")
OPTIONS = (MadeOption(name="name", kind="text", price=500, days=3, longest=12),
           MadeOption(name="photo", kind="photo", price=900, days=5, least=300))  # fmt: skip
ELSEWHERE = {"happenings"}
"""Personal tables that an export shows in another place."""


def personal() -> list[Any]:
    """Every table that holds what is known of a person, or points at one."""
    return [t for t in metadata.sorted_tables if not t.name.startswith("test_")
            and any(c.info["personal"] is not False for c in t.columns)]  # fmt: skip


def stock(shop: fairday.Shop) -> None:
    now = shop.clock.now()
    with shop.db.write() as conn:
        save_products(conn, [ProductRow(product="cup", title="Cup", price=2000, currency="CNY"),
                             ProductRow(product="tea", title="Tea", price=1990, currency="CNY")], now)  # fmt: skip
        save_details(conn, [Details(product="cup", made=OPTIONS)], now)
    crowd = {"open": True, "commission": 1000, "royalty": 1000, "accept_days": 7, "rounds": 1}
    market = {"open": True, "commission": 500, "hold_days": 10, "review": False}
    shop.change_settings(market=market, crowd=crowd, currency="CNY", country="CN")


def known(shop: fairday.Shop) -> None:
    """Her own server tells of her, as her till and her account elsewhere know her."""
    now = shop.clock.now()
    all_ids = (("user_id", "zoe-member-9"), *ZOE, ("phone", f"+86{PHONE}"), ("wechat_openid", OPENID))
    line = {"product_id": "tea", "category": "tea", "price": 19.9, "quantity": 1}
    said = [
        Happening(message_id="zoe-1", kind="identify", at=now, received=now, source="server:till", ids=all_ids,
                  body={"traits": {"name": NAME, "age": 30, "address": {"city": "Shanghai", "street": STREET}}}),
        Happening(message_id="zoe-2", kind="track", name="Order Completed", at=now, received=now, source="server:till",
                  ids=all_ids, body={"properties": {"order_id": "zoe-o1", "total": 19.9, "products": [line]}}),
        Happening(message_id="zoe-3", kind="page", name="Home", at=now, received=now, source="server:web", ids=all_ids,
                  body={"context": {"campaign": {"source": "news", "name": WORDS}}}),
        Happening(message_id="zoe-4", kind="track", name="Consent Given", at=now, received=now, source="server:till",
                  ids=all_ids, body={"properties": {"channel": "email", "purpose": "marketing"}}),
        Happening(message_id="ben-1", kind="track", name="Friend Named", at=now, received=now, source="server:web",
                  ids=(*BEN, *ZOE), body={"context": {"traits": {"email": MAIL}}}),
    ]  # fmt: skip
    shop.append(said).result()
    shop.catch_up()


def shopped(shop: fairday.Shop, base: str) -> Shopper:
    """She looks round, has a cup made, pays it, is sent it, and leaves another one in her cart."""
    zoe = Shopper(shop, base).sign_in(MAIL)
    for path in ("/", "/goods/tea", f"/search?q={WORDS}", "/market"):
        assert zoe.get(path).status_code == 200
    zoe.post("/wishes", {"product": "tea", "keep": "yes"})
    zoe.post("/wallet", {"code": "GUESSED123", "remember": "yes"})
    form = {"product": "cup", "v": "cup", "made.name": ENGRAVED}
    made = zoe.post("/made", form, files={"made.photo": ("me.jpg", jpeg(), "image/jpeg")})
    options = {k: v[0] for k, v in parse_qs(urlsplit(made.headers["location"]).query).items() if k.startswith("made.")}
    to = {"name": NAME, "phone": PHONE, "street": STREET, "note": WORDS, "email": MAIL}
    for _ in range(2):
        added = zoe.post("/cart/add", {"sku": "cup", **options})
        assert added.headers["location"] == "/cart", added.text[-2000:]
        if not zoe.get("/orders").text.count('href="/order/'):
            zoe.pay(zoe.buy(**to))
    (order,) = _orders(shop)
    with shop.db.write() as conn:
        keep_parcel(conn, "p1", order, "sf", TRACKING, shop.clock.now())
    assert shop.orders.act("order.ship", f"order:{order}", {"parcel": "p1", "units": {"1": 1}}, actor="operator:1").ok
    asked = zoe.post(f"{zoe.order()}/return", {"units.1": "1", "why": "damaged"})
    assert asked.status_code == 303, asked.text[-2000:]
    guest = Shopper(shop, base).add("tea")  # on a device of somebody else, with her address
    guest.pay(guest.buy(**to))
    return zoe


def _orders(shop: fairday.Shop) -> list[str]:
    with shop.db.read() as conn:
        return [row[0] for row in conn.exec_driver_sql("SELECT id FROM orders ORDER BY placed_at, id")]


def dealt(shop: fairday.Shop, account: str) -> None:
    """She sells, buys, quarrels, rates, is to be paid out; she designs, and answers a brief."""
    with shop.db.write() as conn:
        photo = keep_photo(conn, redraw(jpeg()), shop.clock.now()).photo
    ben = "account:ben"
    shop.runner.submit(Command("open", ben))
    pay = "bank_transfer"

    def paid(number: str, by: str) -> None:
        state = shop.orders.state(f"order:{number}")
        assert state is not None
        begun = shop.payments.begin(
            f"order:{number}", pay, "", state["total"], "CNY", subject="S", actor=by, account=by
        )
        shop.payments.confirm(begun.number, "bank-1", "operator:1")

    sides = ((account, ZOE, ben, BEN, BENS, WORDS, "SF123456"), (ben, BEN, account, ZOE, TO_ZOE, "It rides.", TRACKING))
    for n, (seller, ids, buyer, their, to, said, parcel) in enumerate(sides):
        thing, number = f"bike0{n}", f"{n + 1:026x}"
        shop.market.write(
            thing, seller, ids, Draft(title="Old bicycle", text=said, price=30_000, shipping=0, photo=photo)
        )
        assert shop.market.buy(thing, number, buyer, their, to, method=pay, seen=(30_000, 0)).ok
        paid(number, buyer)
        shop.market.send(number, seller, "sf", parcel)
        if n:
            shop.market.dispute(number, buyer, their, "damaged", f"{WORDS} {BANK}", photo)
            shop.market.say(number, seller, ids, f"She wrote to me from {MAIL}, call {PHONE}.")
        else:
            shop.market.received(number, buyer)
            shop.market.rate(number, seller, ids, 5, WORDS)
    shop.market.ask_payout(account, ZOE, "payout01", 1_000, f"{BANK} {NAME}")
    shop.designs.write("crane1", account, ZOE, Drawn(title=WORDS, text=WORDS, price=9_000, photo=photo))
    until = shop.clock.now() + 10 * 86_400_000
    made = Terms(price=8_800, goal=1, most=5, until=until, royalty=1_000, made_day=20_700)
    shop.designs.accept("crane1", shop.designs.version("crane1"), made, actor="operator:1")
    brief = Asked(
        title="Poster", text="For spring.", least=50_000, most=80_000, winners=1, until=until, deliver_days=10
    )
    shop.briefs.write("poster", SHOP, (), brief, actor="operator:1")
    shop.briefs.answer("poster", account, ZOE, WORDS, 60_000, [photo])


def bought_for_a_company(shop: fairday.Shop, account: str) -> None:
    shop.companies.open("acme", "Acme Ltd", "9131", actor="operator:1")
    shop.companies.terms("acme", 1_000_000, 30, actor="operator:1")
    member = shop.companies.join(shop.companies.invite("acme", "admin", None, actor="operator:1"), account)
    number = shop.companies.draft(member, [("tea", 2)])
    seen = shop.companies.look(number, member, "CN").quote.seen
    shop.companies.order(number, member, TO_ZOE, seen, on_account=True, buyer=Buyer(account=account, ids=ZOE))
    shop.companies.ask_quote(member, [("tea", 5, None)])


def scanned(shop: fairday.Shop, account: str) -> None:
    """She tops up, and pays in a store by her code."""
    number = shop.payments.begin(account, "cash", "", 10_000, "CNY", subject="card", actor=account).number
    shop.payments.confirm(number, "slip", "operator:1")
    digits, _ = shop.tills.issue(account)
    shop.tills.pay("till:front", Sale(code=digits, amount=100, currency="CNY", receipt="r1"))


def told_wrongly(shop: fairday.Shop) -> None:
    """What could not be taken of her: an event, and a line of a file."""
    now = shop.clock.now()
    with shop.db.write() as conn:
        body = f'{{"type":"track","email":"{MAIL}","properties":{{"note":"{WORDS}"}}}}'.encode()
        keep_rejected(conn, [rejection(now, "web", "no_id", "No id.", body)], shop.settings.zone)
        report = f'{{"rejected":[{{"line":4,"cell":"{MAIL}"}}]}}'
        run = {"files": "[]", "status": "failed", "started_at": now, "moved_at": now, "rows_done": 1, "rows_all": 1}
        conn.execute(metadata.tables["import_runs"].insert(), run | {"report": report})


def value_for(column: Column[Any], n: int) -> Any:
    """Something that a column takes; of hers where it is personal."""
    if isinstance(column.type, LargeBinary):
        return WORDS.encode()
    if isinstance(column.type, String | Text):
        said = f"{WORDS if column.info['personal'] is True else 'x'}{n}"
        return said[: getattr(column.type, "length", None) or 100]
    return isinstance(column.type, Boolean) or n


def planted(conn: Connection, subject: privacy.Subject, n: int) -> set[str]:
    """A row made from its marks for each personal table that no real action filled; their names."""
    made = set()
    secret(conn)  # who writes a mention has it
    held = privacy._Held(conn, subject)
    for table in personal():
        if table.name in ELSEWHERE or next(iter(held.rows(table)), None) is not None:
            continue
        row = {}
        for column in table.columns:
            mark = column.info["personal"]
            if privacy.pointing(mark):
                values = held.pointed(mark)
                assert values, f"{table.name}.{column.name} points at nothing of hers"
                row[column.name] = values[0]
            elif mark == privacy.IDS:
                row[column.name] = jsons.dumps([list(ZOE[0])])
            elif not column.nullable or mark is True:
                row[column.name] = value_for(column, n)
        conn.execute(table.insert(), row)
        made.add(table.name)
    return made


def everything(conn: Connection) -> dict[str, list[str]]:
    """Every row of every table there is, as lower-case text."""
    names = inspect(conn).get_table_names()
    return {name: [str(tuple(row)).lower() for row in conn.execute(text(f'SELECT * FROM "{name}"'))] for name in names}


def found_in(rows: dict[str, list[str]]) -> set[tuple[str, str]]:
    return {(name, s) for name, some in rows.items() for s in SECRETS for row in some if s.lower() in row}


def money(conn: Connection) -> list[list[tuple[Any, ...]]]:
    """What was paid, owed and moved, to the row."""
    names = ("payments", "payment_refunds", "orders", "payouts", "company_orders", "coupon_claims")
    tables = [transfers, *(metadata.tables[name] for name in names)]
    return [[tuple(row) for row in conn.execute(select(t).order_by(*t.primary_key))] for t in tables]


def test_she_is_given_out_whole_and_then_there_is_nothing_of_her_but_exact_money(
    shop: fairday.Shop, tmp_path: Path
) -> None:
    stock(shop)
    known(shop)
    with served(ready(shop)) as base:
        zoe = shopped(shop, base)
        with shop.db.read() as conn:
            account = str(conn.exec_driver_sql("SELECT account FROM member_accounts").scalar_one())
        dealt(shop, account)
        bought_for_a_company(shop, account)
        scanned(shop, account)
        told_wrongly(shop)
        shop.catch_up()
        delivery.deliver_locally(shop.db, shop.clock.now(), shop.settings.zone)
        with shop.db.write() as conn:
            person = identity.person_of(conn, "email", MAIL)
            assert person is not None
            subject = privacy.subject_of(conn, person)
            made = planted(conn, subject, 7)
        assert len(made) <= len(personal()) // 2, sorted(made)
        with shop.db.read() as conn:
            before = everything(conn)
            kept = money(conn)
            assert {s for _, s in found_in(before)} == set(SECRETS), "there is much of her to find"
            images = {row[0] for row in conn.exec_driver_sql("SELECT image FROM photos")}
        record = zoe.get("/me/export.json")
        if record.status_code == 403:  # her browser tied what her server did not vouch for
            record = httpx.Response(200, json=shop.export(f"email:{MAIL}"))
        lacking = {t.name for t in personal()} - ELSEWHERE - set(record.json()["tables"])
        assert not lacking, lacking
        assert "ben@example.com" not in str(record.json()["tables"].get("payees", ""))
        shop.erase(f"email:{MAIL}")
        with shop.db.read() as conn:
            rows = everything(conn)
            left = {(name, s): row[:400] for name, s in found_in(rows) for row in rows[name] if s.lower() in row}
            assert left == {}
            assert money(conn) == kept
            held = privacy._Held(conn, subject)
            assert {t.name for t in personal() if next(iter(held.rows(t)), None) is not None} == set()
            assert images
        if shop.db.path is not None:
            for file in tmp_path.rglob("*"):
                raw = file.read_bytes().lower() if file.is_file() else b""
                assert not [s for s in SECRETS if s.lower().encode() in raw], file
        for path in ("/orders", "/me", "/wallet", "/cart", "/sell", "/company", "/me/card", "/wishes"):
            page = zoe.get(path).text
            assert not [s for s in SECRETS if s in page], path
    shop.followers.catch_up()

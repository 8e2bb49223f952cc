"""The playbook ``c2b-crowd-design`` through its doors: a mail invites, a customer sends a design, others pre-order it
on their phones, it is made or paid back; the shop and a company write briefs, people answer, the chosen are paid."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Any

import fairday
from crowding import held
from fairday.kernel.clock import DAY_MS, ManualClock, local_day, to_date
from fairday.kernel.ids import new_id
from fairday.playbooks import rows as capability_rows
from paying import do, ready, served
from playing import Play, customer, order
from selling import jpeg, revenue
from shopping import Shopper, hidden
from webdesk import Client

NOW = 1_812_592_800_000  # 2027-06-10 10:00 in Shanghai
TEST = "tests/playbooks/test_c2b_crowd_design.py"
PHOTO = {"file": ("x.jpg", jpeg(), "image/jpeg")}
RULES = {"open": "yes", "commission": "10", "royalty": "10", "accept_days": "7", "rounds": "1"}


def set_up(shop: fairday.Shop, clock: ManualClock, opened: bool = True) -> Play:
    play = Play(ready(shop), clock, NOW)
    shop.change_settings(country="CN")
    play.stock({"Tea": ["Oolong"], "Cups": ["Gaiwan"]})
    play.tell(*[c for n in ("anna", "ben", "eve") for c in (*customer(n), order(n, f"o-{n}", 30, ("Tea", "Oolong")))])
    if opened:
        play.owner.get("/console/briefs")
        assert play.owner.post("/console/briefs/settings", RULES).status_code == 303
    return play


def later(shop: fairday.Shop, clock: ManualClock, days: float) -> Any:
    """Days pass, and the owner signs in anew."""
    clock.at += round(days * DAY_MS)
    for _ in range(3):
        shop.fire_due()
    return Client(shop).sign_in("owner", f"owner-{clock.at}@example.com")


def day(shop: fairday.Shop, days: int) -> str:
    return str(to_date(local_day(shop.clock.now(), shop.settings.zone)) + timedelta(days))


def member(play: Play, base: str, name: str) -> Shopper:
    return Shopper(play.shop, base).sign_in(f"{name}@example.com")


def design(anna: Shopper) -> str:
    """Anna sends a design; its id."""
    form = {"id": hidden(anna.get("/designs/new").text, "id"), "title": "A crane on a gaiwan", "text": "In ink.",
            "price": "98", "photo": "", "go": "send"}  # fmt: skip
    answer = anna.web.post("/designs/new", data=form, files=PHOTO)
    assert answer.status_code == 303, answer.text[-2000:]
    return answer.headers["location"].rpartition("/")[2]


def put_up(play: Play, id_: str, goal: str = "2") -> None:
    """The shop accepts it."""
    console = play.owner.get("/console/designs?lang=en").text
    assert "A crane on a gaiwan" in console
    terms = {"version": hidden(console, "version"), "price": "88", "goal": goal, "most": "5", "royalty": "12.5",
             "until": day(play.shop, 9), "made_by": day(play.shop, 30)}  # fmt: skip
    answer = play.owner.post(f"/console/designs/{id_}/accept", terms)
    assert answer.status_code == 303, answer.text[-2000:]


def preorder(play: Play, base: str, who: Shopper, id_: str) -> None:
    """Pre-order it by the ordinary cart, and pay with WeChat."""
    page = who.get(f"/designs/{id_}").text
    who.add(hidden(page, "sku"))
    number = who.buy()
    who.get(f"/pay/{number}/go")
    do(base, play.shop, number, "pay")


def test_a_season_of_designs_from_the_mail_to_the_royalty(shop: fairday.Shop, clock: ManualClock) -> None:
    play = set_up(shop, clock)
    with served(shop) as base:
        anna, ben, eve = (member(play, base, name) for name in ("anna", "ben", "eve"))
        id_ = design(anna)
        assert ben.get(f"/designs/{id_}").status_code == 404, "nobody sees it before it was looked at"
        put_up(play, id_)
        scene = play.start("c2b-crowd-design", lambda text: text.replace(", holdout: 20%", ""))
        play.mail()
        assert "Send a design" in play.mails(scene)["ben@example.com"].text
        met = play.see(play.by_mail(play.mails(scene)["ben@example.com"]))
        assert "A crane on a gaiwan" in met, "the scene's goods are the designs in pre-order"
        assert "A crane on a gaiwan" in ben.get("/designs").text
        preorder(play, base, ben, id_)
        assert "1 more and it is made" in eve.get(f"/designs/{id_}").text
        preorder(play, base, eve, id_)
        assert held(shop, f"held:design:{id_}") == 17_600
        assert revenue(shop) == 15_400, "an eighth is going to be the designer's"
        assert "pre-order" in ben.get(ben.order()).text
        owner = later(shop, clock, 10)
        assert "Goal reached" in ben.get(f"/designs/{id_}").text
        assert "Goal reached" in owner.get("/console/designs?lang=en").text
        numbers = [r[0] for r in rows(shop, "SELECT id FROM orders WHERE mode = 'c2b' ORDER BY id")]
        shop.stock.receive(f"design-{id_}", "main", 2)
        for number in numbers:
            form = {"carrier": "sf", "tracking": "", "parcel": new_id(clock.at), "units.1": "1"}
            sent = owner.post(f"/console/orders/{number}/ship", form)
            assert sent.status_code == 303, sent.text[-2000:]
        later(shop, clock, 22)
        assert held(shop, f"held:design:{id_}") == 0
        assert revenue(shop, 40) == held(shop, "sales") == 15_400
        (seller,) = {r[0] for r in rows(shop, "SELECT account FROM designs")}
        assert shop.market.earned(seller) == {"CNY": 2_200}
        assert "¥22.00" in member(play, base, "anna").get(f"/designs/{id_}").text


def test_a_goal_that_is_missed_pays_back_through_the_wallet(shop: fairday.Shop, clock: ManualClock) -> None:
    play = set_up(shop, clock)
    with served(shop) as base:
        anna, ben = (member(play, base, name) for name in ("anna", "ben"))
        id_ = design(anna)
        put_up(play, id_, goal="5")
        preorder(play, base, ben, id_)
        later(shop, clock, 10)
        for _ in range(3):
            clock.at += 60_000
            shop.payments.tick()
            shop.payments.sandbox.deliver_due()
        page = ben.get(f"/designs/{id_}")
        assert "All money went back" in page.text
        assert ben.post("/cart/add", {"sku": f"design-{id_}", "qty": "1"}).status_code == 409
        (payment,) = rows(shop, "SELECT stream FROM payments")
        state = shop.payments.state(payment[0].partition(":")[2])
        assert state is not None
        assert [(r["amount"], r["status"]) for r in state["refunds"].values()] == [(8_800, "succeeded")]
        assert revenue(shop) == held(shop, "sales") == 0


def brief(play: Play, **more: str) -> str:
    """The shop's brief, written in the console; its id."""
    page = play.owner.get("/console/briefs/write").text
    form = {"id": hidden(page, "id"), "title": "A poster for spring", "text": "A2, two colours, with a swallow.",
            "kind": "range", "reward": "", "least": "500", "most": "800", "winners": "1", "until": day(play.shop, 4),
            "deliver_days": "10", "photo": "", "go": "open"} | more  # fmt: skip
    answer = play.owner.post("/console/briefs/write", form)
    assert answer.status_code == 303, answer.text[-2000:]
    return form["id"]


def answer(who: Shopper, id_: str, price: str = "600", **more: Any) -> Any:
    form = {"brief": id_, "act": "answer", "text": "I draw swallows.", "price": price, "photos": ""} | more
    return who.web.post("/briefs/act", data=form, files=PHOTO)


def act(who: Shopper, id_: str, name: str, **more: str) -> Any:
    return who.web.post("/briefs/act", data={"brief": id_, "act": name, **more})


def test_the_shops_brief_from_the_words_to_the_payout(shop: fairday.Shop, clock: ManualClock) -> None:
    play = set_up(shop, clock)
    with served(shop) as base:
        anna, ben = (member(play, base, name) for name in ("anna", "ben"))
        id_ = brief(play)
        assert "A poster for spring" in anna.get("/briefs").text
        assert answer(anna, id_).status_code == 303
        assert answer(anna, id_, "650").status_code == 303, "changed, not sent twice"
        assert answer(ben, id_, "500", text="I draw badly.").status_code == 303
        assert "I draw badly." not in anna.get(f"/briefs/{id_}").text, "nobody reads another's answer"
        owner = later(shop, clock, 5)
        console = owner.get(f"/console/briefs/{id_}?lang=en").text
        assert "I draw swallows." in console
        assert "I draw badly." in console
        assert console.count("/photos/") >= 2
        chosen = next(x for x in console.split("<li") if "I draw swallows." in x)
        form = {"answer": hidden(chosen, "answer"), "seen": hidden(chosen, "seen")}
        assert owner.post(f"/console/briefs/{id_}/choose", form | {"seen": "1"}).status_code == 409
        assert owner.post(f"/console/briefs/{id_}/choose", form).status_code == 303
        assert held(shop, "expenses:briefs") == -65_000
        anna, ben = (member(play, base, name) for name in ("anna", "ben"))
        assert "Another answer was taken this time" in ben.get(f"/briefs/{id_}").text
        assert act(ben, id_, "deliver", text="Mine, take it.").status_code in (404, 409)
        sent = anna.web.post("/briefs/act", data={"brief": id_, "act": "deliver", "text": "The files."}, files=PHOTO)
        assert sent.status_code == 303, sent.text[-1500:]
        work = {"answer": form["answer"], "act": "again", "text": "A little bluer."}
        assert owner.post(f"/console/briefs/{id_}/work", work).status_code == 303
        assert "A little bluer." in anna.get(f"/briefs/{id_}").text
        assert act(anna, id_, "deliver", text="Bluer now.").status_code == 303
        assert "Bluer now." in owner.get(f"/console/briefs/{id_}").text
        assert owner.post(f"/console/briefs/{id_}/work", work | {"act": "accept"}).status_code == 303
        page = anna.get("/sell").text
        assert "¥650.00" in page
        payout = {"payout": hidden(page, "payout"), "amount": "650", "destination": "ICBC 6222 0000"}
        assert anna.web.post("/sell/payout", data=payout).status_code == 303
        owner.get("/console/market")
        paid = {"reference": "BANK-1", "why": ""}
        assert owner.post(f"/console/market/payouts/{payout['payout']}", paid).status_code == 303
        assert held(shop, "payouts:paid") == 65_000


def test_a_companys_brief_is_paid_on_the_phone_and_silence_accepts(shop: fairday.Shop, clock: ManualClock) -> None:
    play = set_up(shop, clock)
    with served(shop) as base:
        anna, dora = (member(play, base, name) for name in ("anna", "dora"))
        assert dora.get("/briefs/write").status_code == 404, "only for a company"
        shop.companies.open("acme", "Acme", "", actor="operator:1")
        (account,) = (r[0] for r in rows(shop, ACCOUNT.format("dora")))
        shop.companies.join(shop.companies.invite("acme", "admin", None, actor="operator:1"), account)
        form = {"id": hidden(dora.get("/briefs/write").text, "id"), "title": "A box for tea", "kind": "fixed",
                "text": "For 100 g, in card.", "reward": "400", "least": "", "most": "", "winners": "1",
                "until": day(shop, 2), "deliver_days": "7", "photo": "", "go": "open"}  # fmt: skip
        assert dora.web.post("/briefs/write", data=form).status_code == 303
        id_ = form["id"]
        assert answer(dora, id_).status_code == 409, "nobody answers their own company's"
        assert answer(anna, id_, "1").status_code == 303
        assert "Acme" in anna.get(f"/briefs/{id_}").text
        later(shop, clock, 3)
        page = dora.get(f"/briefs/{id_}").text
        asked = {"answer": hidden(page, "answer"), "seen": hidden(page, "seen"), "payment": "wechat"}
        assert asked["seen"] == "40000", "a fixed reward is what it is, whatever a form says"
        assert act(anna, id_, "choose", **asked).status_code == 404
        assert act(dora, id_, "choose", **asked | {"seen": "-1"}).status_code == 422
        went = act(dora, id_, "choose", **asked)
        number = re.search(r"/pay/(\w+)", went.headers["location"])
        assert number, went.text[-1500:]
        assert "waiting for payment" in anna.get(f"/briefs/{id_}").text
        dora.get(f"/pay/{number[1]}/go")
        do(base, shop, number[1], "pay")
        assert act(anna, id_, "deliver", text="The drawing of the box.").status_code == 303
        assert "The drawing of the box." in dora.get(f"/briefs/{id_}").text
        assert dora.get(dora.order()).status_code == 200
        for name in ("cancel", "receive", "return"):
            assert dora.post(f"{dora.order()}/{name}", {"why": "other"}).status_code in (404, 409)
        later(shop, clock, 8)
        (seller,) = (r[0] for r in rows(shop, "SELECT account FROM brief_answers"))
        assert shop.market.earned(seller) == {"CNY": 36_000}
        assert held(shop, "sales:commission") == 4_000 == revenue(shop)


ACCOUNT = ("SELECT m.account FROM member_accounts m JOIN identifiers i ON i.id = m.identifier"
           " WHERE i.value = '{}@example.com'")  # fmt: skip


def test_what_strangers_and_forms_say_is_not_believed(shop: fairday.Shop, clock: ManualClock) -> None:
    play = set_up(shop, clock)
    with served(shop) as base:
        anna, ben, guest = member(play, base, "anna"), member(play, base, "ben"), Shopper(shop, base)
        evil = {"origin": "http://evil.example"}
        id_, drawn = brief(play), design(anna)
        for path in ("/designs/new", "/briefs/write"):
            assert guest.get(path).status_code in (403, 404)
        assert answer(guest, id_).status_code == 403
        assert ben.web.post("/briefs/act", data={"brief": id_}, headers=evil).status_code == 403
        assert ben.web.post("/designs/withdraw", data={"id": drawn}).status_code == 404
        assert ben.get(f"/designs/new?id={drawn}").status_code == 404
        form = {"id": drawn, "title": "Mine now", "text": "", "price": "5", "photo": ""}
        assert ben.web.post("/designs/new", data=form, files=PHOTO).status_code == 404
        for price in ("-600", "0", "1e99", "x", "499.99", "800.01", "99999999999"):
            assert answer(anna, id_, price).status_code in (409, 422), price
        clock.at += 60_000  # so many posts a minute
        for name in ("choose", "accept", "again", "withdraw", "end", "dispute", "reply", "give_up"):
            got = act(ben, id_, name, answer="a" * 32, seen="1", text="Give it to me.", why="other")
            assert got.status_code == 404, name
        assert act(ben, id_, "pay_me").status_code == 422
        assert act(ben, "../x", "answer", text="Hello", price="600").status_code == 404
        bad = anna.web.post("/briefs/act", data={"brief": id_, "act": "answer", "text": "Hi", "price": "600"},
                            files={"file": ("x.jpg", b"<svg onload=alert(1)>", "image/jpeg")})  # fmt: skip
        assert bad.status_code == 422
        clerk = Client(shop).sign_in("clerk", "clerk@example.com")
        clerk.get("/console/designs")
        assert clerk.post(f"/console/designs/{drawn}/stop", {"why": "rights"}).status_code == 403
        for wrong in ({"price": "-1"}, {"goal": "-1"}, {"goal": "9"}, {"royalty": "51"}, {"until": "x"},
                      {"until": "1999-01-01"}, {"made_by": "1999-01-01"}, {"most": "1e9"}):  # fmt: skip
            page = play.owner.get("/console/designs").text
            terms = {"version": hidden(page, "version"), "price": "88", "goal": "2", "most": "5", "royalty": "10",
                     "until": day(shop, 9), "made_by": day(shop, 30)} | wrong  # fmt: skip
            assert play.owner.post(f"/console/designs/{drawn}/accept", terms).status_code in (409, 422), wrong
        put_up(play, drawn)
        guest.add(f"design-{drawn}")
        form = guest.form()
        clock.at = NOW + 10 * DAY_MS
        late = guest.post("/checkout", form)
        assert late.status_code == 409
        assert rows(shop, "SELECT id FROM orders WHERE mode = 'c2b'") == []


def test_while_it_is_closed_nobody_asks_answers_or_sends(shop: fairday.Shop, clock: ManualClock) -> None:
    play = set_up(shop, clock, opened=False)
    with served(shop) as base:
        anna = member(play, base, "anna")
        assert "/designs" not in anna.get("/me").text
        form = {"id": "a" * 26, "title": "A crane", "text": "", "price": "98", "photo": ""}
        assert anna.web.post("/designs/new", data=form, files=PHOTO).status_code == 409
        page = play.owner.get("/console/briefs/write").text
        told = {"id": hidden(page, "id"), "title": "A poster", "text": "A2, two colours.", "kind": "fixed",
                "reward": "500", "least": "", "most": "", "winners": "1", "until": day(shop, 4), "deliver_days": "5",
                "photo": "", "go": "open"}  # fmt: skip
        assert play.owner.post("/console/briefs/write", told).status_code == 409
        assert shop.briefs.state(told["id"]) is None


def rows(shop: fairday.Shop, query: str) -> list[Any]:
    with shop.db.read() as conn:
        return list(conn.exec_driver_sql(query))


def test_the_list_of_rows_names_this_test() -> None:
    named = {i for i, r in capability_rows().items() if "c2b-crowd-design" in r.playbooks}
    assert named == {"T4"}
    assert TEST in capability_rows()["T4"].tests

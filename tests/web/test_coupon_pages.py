from __future__ import annotations

import csv
import io
import re

import pytest

import fairday
from couponing import account, open_batch, register, step, terms
from fairday.kernel.clock import DAY_MS
from fairday.offers.coupons import records
from fairday.offers.grammar import parse_rule
from fairday.offers.model import AmountOff, Rule, When
from fairday.people import accounts
from fairday.trade.links import order_number
from webdesk import Client

FORM = {
    "title": "Spring tea", "batch": "spring", "kind": "public", "word": "spring20", "size": "100", "per_person": "1",
    "opens": "2026-06-01", "closes": "2026-06-20", "until": "2026-06-30", "days": "", "restore": "full",
    "share_hours": "72", "who": "", "like": "", "categories": "", "margin": "30",
    "rule0": "ten-off", "n0": "1",
}  # fmt: skip


def promise(shop: fairday.Shop) -> None:
    """The promotion that the coupons of these tests are for."""
    rule = Rule(id="ten-off", benefits=(AmountOff(amount=1_000),), layer="coupon", when=When(coupon=True))
    with shop.db.write() as conn:
        shop.offers.save(conn, rule, shop.clock.now())


def opened(shop: fairday.Shop, **changes: str) -> Client:
    promise(shop)
    owner = Client(shop).sign_in()
    assert (
        '<option value="ten-off" data-raw>CN¥10.00 off · ten-off</option>'
        in owner.get("/console/coupons/new?lang=en").text
    )
    answer = owner.post("/console/coupons", FORM | changes)
    assert answer.status_code == 303, answer.text
    return owner


def test_a_batch_is_opened_with_its_forecast_beside_it(full: fairday.Shop) -> None:
    owner = opened(full)
    html = owner.get("/console/coupons/spring?lang=en").text
    for text in ("Spring tea", "SPRING20", "/c/SPRING20", "Foreseen", "ten-off"):
        assert text in html, text
    assert "Spring tea" in owner.get("/console/coupons").text
    assert full.coupons.batch("spring").terms.size == 100


def test_a_shop_without_a_promotion_for_coupons_is_told_to_make_one_first(full_lite: fairday.Shop) -> None:
    owner = Client(full_lite).sign_in()
    page = owner.get("/console/coupons/new?lang=en").text
    assert "No promotion asks for a coupon yet" in page
    assert 'href="/console/promotions/new"' in page
    kept = owner.post("/console/coupons?lang=en", FORM | {"rule0": "unheard-of"}).text
    assert '<option value="unheard-of" selected data-raw>' in kept, "what was written stays in the form"


def test_the_forecast_is_drawn_while_the_form_is_typed_with_what_the_promotion_takes_off(
    full_lite: fairday.Shop,
) -> None:
    promise(full_lite)
    owner = Client(full_lite).sign_in()
    owner.get("/console/coupons/new")
    live = owner.post("/console/coupons/forecast?lang=en", FORM, headers={"x-part": "1"}).text
    assert "<html" not in live
    assert "40 people" in live
    assert "CN¥10.00" in live
    assert "/console/reprice?rule=ten-off" in live
    assert "<html" in owner.post("/console/coupons/forecast", FORM).text
    bad = owner.post("/console/coupons/forecast?lang=en", FORM | {"who": "nonsense >"}, headers={"x-part": "1"}).text
    assert "cannot be read" in bad
    empty = owner.post("/console/coupons/forecast?lang=en", {"rule0": ""}, headers={"x-part": "1"})
    assert empty.status_code == 200


@pytest.mark.parametrize(
    "changes",
    [{"size": "-5"}, {"size": "1e9"}, {"word": "a b"}, {"batch": "Not A Name"}, {"until": "2026-05-01"}, {"until": "x"},
     {"closes": "9999-12-31", "until": "9999-12-31"},
     {"rule0": ""}, {"rule0": "unheard-of"},
     {"margin": "500"}, {"per_person": "99"}, {"who": "nonsense >"}, {"title": ""}],
)  # fmt: skip
def test_what_makes_no_sense_is_said_and_nothing_is_opened(full_lite: fairday.Shop, changes: dict[str, str]) -> None:
    promise(full_lite)
    owner = Client(full_lite).sign_in()
    owner.get("/console/coupons/new")
    answer = owner.post("/console/coupons?lang=en", FORM | changes)
    assert answer.status_code == 422
    assert 'role="alert"' in answer.text
    assert full_lite.coupons.batches() == []


def test_codes_are_in_one_answer_and_never_again(full_lite: fairday.Shop) -> None:
    owner = opened(full_lite, kind="codes", batch="codes")
    answer = owner.post("/console/coupons/codes/print", {"n": "50"})
    assert "attachment" in answer.headers["content-disposition"]
    rows = list(csv.DictReader(io.StringIO(answer.text)))
    assert len({r["code"] for r in rows}) == 50
    assert rows[0]["link"].endswith(rows[0]["code"])
    page = owner.get("/console/coupons/codes").text
    assert not any(r["code"] in page for r in rows)
    assert owner.post("/console/coupons/codes/print", {"n": "51"}).status_code == 409
    assert owner.post("/console/coupons/codes/print", {"n": "-1"}).status_code == 422
    assert owner.post("/console/coupons/codes/void", {"run": "1"}).status_code == 303
    assert owner.post("/console/coupons/codes/void", {"run": "9"}).status_code == 409
    assert owner.post("/console/coupons/codes/stop").status_code == 303
    assert owner.post("/console/coupons/codes/print", {"n": "1"}).status_code == 409


def test_who_used_it_is_named_with_how_they_may_be_reached(full: fairday.Shop) -> None:
    register(full.runner)
    owner = opened(full)
    member = account(full, "m")
    with full.db.write() as conn:
        accounts.attach(conn, member, "email", "li7@example.com")
    hold = full.coupons.hold(full.coupons.enter("SPRING20", member).claim, member, 1000)
    step(full, "1", "place", hold)
    step(full, "1", "pay", hold)
    full.catch_up()
    full.catch_up()
    html = owner.get("/console/coupons/spring?lang=en").text
    for text in ("Li 7", ">E-mail<", "CN¥10.00", order_number("paper:1")):
        assert text in html, text
    assert ">邮件<" in owner.get("/console/coupons/spring?lang=zh").text
    assert "Li 7" not in Client(full).sign_in("analyst").get("/console/coupons/spring").text
    found = re.search(r'href="(/console/audiences/new\?expression=[^"]+)"', html)
    assert found
    assert 'class="count">1<' in owner.get(found[1] + "&lang=en").text
    step(full, "1", "refund", hold, final=True)
    full.catch_up()
    full.catch_up()
    assert 'class="count">0<' in owner.get(found[1] + "&lang=en").text


def test_a_stranger_claims_by_link_after_letting_the_device_be_remembered(full: fairday.Shop) -> None:
    opened(full)
    friend = Client(full)
    page = friend.get("/c/SPRING20?lang=en")
    assert page.status_code == 200
    assert full.coupons.batch("spring").given == 0  # looking uses nothing up
    assert friend.post("/wallet", {"code": "SPRING20"}).headers["location"] == "/c/SPRING20"
    assert full.coupons.batch("spring").given == 0
    answer = friend.post("/wallet", {"code": "SPRING20", "remember": "yes"})
    assert answer.status_code == 303
    html = friend.get(answer.headers["location"] + "&lang=en").text
    assert "Spring tea" in html
    assert "It is in your wallet" in html
    again = friend.post("/wallet", {"code": "spring20"})
    assert again.status_code == 409
    assert "Spring tea" not in Client(full).get("/wallet").text
    assert full.coupons.batch("spring").given == 1


def test_wrong_codes_are_throttled(full_lite: fairday.Shop) -> None:
    eve = Client(full_lite)
    assert eve.post("/wallet?lang=en", {"code": "GUESS1", "remember": "yes"}).status_code == 404
    for n in range(9):
        assert eve.post("/wallet", {"code": f"GUESS{n}"}).status_code == 404
    answer = eve.post("/wallet", {"code": "GUESS"})
    assert answer.status_code == 429
    assert int(answer.headers["retry-after"]) > 60
    for bad in ({"code": ""}, {"code": "x" * 201}, {"code": "a\0bcd"}, {}):
        assert eve.post("/wallet", bad).status_code in (422, 429)


def test_a_link_of_a_mail_that_was_passed_on_shows_no_wallet(full_lite: fairday.Shop) -> None:
    opened(full_lite)
    reader = Client(full_lite)
    reader.get("/wallet?m=token-0")
    html = reader.get("/wallet?lang=en").text
    assert "prove that the address is yours" in html
    assert reader.post("/wallet", {"code": "SPRING20"}).headers["location"] == "/wallet"
    assert full_lite.coupons.batch("spring").given == 0


def test_friends_draw_from_a_shared_pack_one_each(full: fairday.Shop, clock) -> None:
    deck = (("twenty-off", 1), ("five-off", 2))
    open_batch(full, "pack", terms(clock.now(), kind="share", deck=deck))
    pack = full.coupons.share("pack", account(full, "buyer"), "order:1")
    friends = [Client(full) for _ in range(4)]
    for n, friend in enumerate(friends):
        html = friend.get(f"/p/{pack}?lang=en").text
        assert ("Draw one" in html) == (n < 3)
        answer = friend.post(f"/p/{pack}", {"remember": "yes", "email": f"friend{n}@example.com"})
        assert answer.status_code == (303 if n < 3 else 409)
        if n < 3:
            assert friend.post(f"/p/{pack}", {"email": f"other{n}@example.com"}).status_code == 409
        for wrong in ("", "x", "a@", "@b", "x" * 400):
            assert friend.post(f"/p/{pack}", {"email": wrong}).status_code == 422
    with full.db.read() as conn:
        assert sorted(h.rule for h in records.drawn(conn, pack)) == ["five-off", "five-off", "twenty-off"]
    over = friends[0].get(f"/p/{pack}?lang=en").text
    assert full.coupons.pack(pack).secret in over
    for path in ("/p/nothing", f"/p/{'x' * 70}", f"/c/{'x' * 70}"):
        assert friends[0].get(path).status_code == 404
    assert friends[0].post("/p/nothing", {}).status_code == 404


def test_shop_pages_are_light(full_lite: fairday.Shop, clock) -> None:
    open_batch(full_lite, "pack", terms(clock.now(), kind="share", deck=(("a", 100),), until=clock.now() + 20 * DAY_MS))
    pack = full_lite.coupons.share("pack", account(full_lite, "buyer"), "order:1")
    for path in ("/wallet", "/c/ABCD", f"/p/{pack}"):
        assert len(Client(full_lite).get(path).content) < 30_000


def test_a_batch_that_outlives_its_promotion_is_asked_about_with_what_to_write_instead(full_lite: fairday.Shop) -> None:
    rule = parse_rule("{promotion: ten-off, off: 10, by_coupon: true, until: 2026-06-25}")
    with full_lite.db.write() as conn:
        full_lite.offers.save(conn, rule, full_lite.clock.now())
    owner = Client(full_lite).sign_in()
    owner.get("/console/coupons/new?lang=en")
    live = owner.post("/console/coupons/forecast", FORM, headers={"x-part": "1"}).text
    said = "ends on Jun 25, 2026, the coupons only on Jun 30, 2026"
    assert said in live
    assert "Write Jun 25, 2026 as the coupons" in live
    asked = owner.post("/console/coupons", FORM)
    assert asked.status_code == 409
    assert said in asked.text
    assert 'name="sure"' in asked.text
    assert full_lite.coupons.batches() == []
    short = FORM | {"batch": "short", "word": "short200", "until": "2026-06-25"}
    assert said not in owner.post("/console/coupons/forecast", short, headers={"x-part": "1"}).text
    assert owner.post("/console/coupons", short).status_code == 303
    days = FORM | {"batch": "days", "word": "days2000", "days": "5"}
    assert owner.post("/console/coupons", days).status_code == 303, "claimed on the 20th it is good to the 25th"
    assert owner.post("/console/coupons", FORM | {"sure": "yes"}).status_code == 303
    assert said in owner.get("/console/coupons/spring?lang=en").text


@pytest.mark.parametrize("move", ["stop", "end"])
def test_how_many_held_coupons_would_be_worth_nothing_is_told_before_a_promotion_ends(
    full: fairday.Shop, move: str
) -> None:
    owner = opened(full)
    for name in ("ann", "ben"):
        full.coupons.enter("SPRING20", account(full, name))
    page = owner.get("/console/promotions/one?rule=ten-off&lang=en").text
    said = "2 coupons of it are held, the last good until Jun 30, 2026"
    assert said in page
    asked = owner.post("/console/promotions/move?lang=en", {"rule": "ten-off", "move": move})
    assert asked.status_code == 409
    assert said in asked.text
    assert '<a href="/console/coupons/spring" data-raw>Spring tea</a>' in asked.text
    assert 'name="sure" value="yes"' in asked.text
    with full.db.read() as conn:
        assert full.offers.kept(conn, "ten-off", full.clock.now()).standing == "live"
    sure = owner.post("/console/promotions/move", {"rule": "ten-off", "move": move, "sure": "yes"})
    assert sure.status_code == 303
    with full.db.read() as conn:
        assert full.offers.kept(conn, "ten-off", full.clock.now()).standing == {"stop": "stopped", "end": "ended"}[move]

"""Promotions in the console: made in a form or as text, tried on a cart, started, stopped, ended, in a calendar."""

from __future__ import annotations

import html
import re

import pytest

import fairday
from fairday.goods.catalogue import ProductRow, save_products
from fairday.offers.grammar import parse_rule
from fairday.trade.cart import add_line, new_cart
from webdesk import Client

TEA = {"tab": "form", "kind": "off", "spend": "199", "off": "30", "category": "tea", "when": "weekend",
       "together": "alone", "uses": "500"}  # fmt: skip
NAME = "tea-spend-199-off-30"


@pytest.fixture
def desk(shop: fairday.Shop) -> Client:
    with shop.db.write() as conn:
        save_products(conn, [
            ProductRow(product="oolong", title="Oolong tea", category="tea", brand="Ming", price=9_990, currency="CNY"),
            ProductRow(product="cup", title="Blue cup", category="cups", brand="Hua", price=4_500, currency="CNY"),
        ], 1)  # fmt: skip
        cart = new_cart(conn, None, shop.clock.now())
        cart = add_line(conn, cart, "oolong", "oolong", 2, {}, shop.clock.now())
        add_line(conn, cart, "cup", "cup", 1, {}, shop.clock.now())
    client = Client(shop).sign_in("marketer")
    client.get("/console/promotions/new")
    return client


def read(page: str) -> str:
    return re.sub(r"\s+", " ", html.unescape(re.sub(r"<[^>]+>", " ", page)))


def publish(shop: fairday.Shop, text: str) -> None:
    with shop.db.write() as conn:
        shop.offers.save(conn, parse_rule(text), shop.clock.now())


def test_an_owner_makes_a_weekends_spend_and_save_from_a_few_fields(desk: Client) -> None:
    done = desk.post("/console/promotions", TEA | {"do": "start"})
    assert done.headers["location"] == f"/console/promotions/one?rule={NAME}&done=promotion_start"
    with desk.shop.db.read() as conn:
        kept = desk.shop.offers.kept(conn, NAME, desk.shop.clock.now())
    assert kept.on
    assert (kept.rule.alone, kept.rule.limits.uses) == (True, 500)
    assert kept.rule.when.start is not None
    page = read(desk.get(f"/console/promotions/one?rule={NAME}&lang=en").text)
    assert "from CN¥199.00 of tea: CN¥30.00 off" in page
    assert "It applies: CN¥30.00 less for this cart." in page, "two of them come to 199.80"
    assert "500" in page


def test_a_cart_is_priced_before_and_after_with_every_reason(desk: Client) -> None:
    publish(desk.shop, "{promotion: cups, percent_off: 10, goods: category = 'cups', title: Cups}")
    publish(desk.shop, "{promotion: over, off: 5, spend: 900, title: Big carts}")
    desk.post("/console/promotions", TEA | {"when": "always", "together": "any"})
    page = read(desk.get(f"/console/promotions/one?rule={NAME}&lang=en").text)
    assert "It applies: CN¥30.00 less for this cart." in page
    assert "applied Cups −CN¥4.50" in page
    assert "Big carts: From CN¥900.00; CN¥655.20 more to go" in page
    assert "Proven: no combination of the 3 promotions saves more." in page
    page = read(desk.get(f"/console/promotions/one?rule={NAME}&lang=en&lines=oolong%0Anothing%20x%202").text)
    assert "It does not apply to this cart." in page
    assert "CN¥99.10 more for CN¥30.00 off" in page
    assert "Not to be had now: nothing." in page


def test_who_gets_into_its_way_is_told_with_who_wins(desk: Client) -> None:
    publish(desk.shop, "{promotion: tea-40, off: 40, spend: 150, goods: category = 'tea', title: Forty}")
    publish(desk.shop, "{promotion: cups, percent_off: 10, goods: category = 'cups', title: Cups}")
    desk.post("/console/promotions", TEA | {"when": "always"})
    page = read(desk.get(f"/console/promotions/one?rule={NAME}&lang=en").text)
    meets = page.split("What it meets")[1]
    assert "Forty · 1 good in common" in meets
    assert "this one saves CN¥30.00, the other CN¥40.00. The other wins." in meets
    assert "Cups ·" not in meets


def test_what_was_typed_stays_and_the_fault_stands_at_its_field(desk: Client) -> None:
    answer = desk.post("/console/promotions", TEA | {"off": "thirty", "person_uses": "many", "do": "start"})
    assert answer.status_code == 422
    assert 'value="thirty"' in answer.text
    assert 'value="many"' in answer.text
    assert re.search(r'id="f-off" class="bad"', answer.text)
    assert re.search(r'id="f-person_uses" class="bad"', answer.text)
    text = "promotion: tea\nspend: 199\noff: thirty\n"
    answer = desk.post("/console/promotions", {"tab": "yaml", "text": text})
    assert "off: thirty" in answer.text
    assert 'data-line="3"' in answer.text
    with desk.shop.db.read() as conn:
        assert desk.shop.offers.all(conn, 0) == []


def test_form_and_text_are_two_tabs_of_one_promotion(desk: Client) -> None:
    answer = desk.post("/console/promotions/form", TEA | {"to": "yaml", "when": "always"})
    text = html.unescape(re.findall(r'name="text"[^>]*>\n(.*?)</textarea>', answer.text, re.S)[0])
    assert text.startswith(f"promotion: {NAME}\ngoods:\n  category: tea\nspend: 199\noff: 30\n")
    answer = desk.post("/console/promotions/form", {"tab": "yaml", "text": text, "to": "form"})
    assert 'name="spend" value="199"' in answer.text
    more = text + "priority: 7\n"
    answer = desk.post("/console/promotions/form", {"tab": "yaml", "text": more, "to": "form"})
    assert "priority: 7" in answer.text, "what the form has no field for stays text"


def test_the_live_part_says_it_in_words_and_tries_it(desk: Client) -> None:
    answer = desk.post("/console/promotions/check?lang=en", TEA, headers={"x-part": "1"})
    page = read(answer.text)
    assert "<html" not in answer.text
    assert "from CN¥199.00 of tea: CN¥30.00 off" in page
    assert "not with other promotions" in page


def test_it_is_started_changed_stopped_and_ended_and_all_of_it_is_remembered(desk: Client) -> None:
    one = f"/console/promotions/one?rule={NAME}"
    desk.post("/console/promotions", TEA | {"when": "always"})
    assert "draft" in read(desk.get(one + "&lang=en").text)
    for move, state in (("start", "live"), ("stop", "stopped"), ("start", "live")):
        desk.post("/console/promotions/move", {"rule": NAME, "move": move})
        assert f"{state} {NAME}" in read(desk.get(one).text)
    page = desk.get(f"/console/promotions/edit?rule={NAME}").text
    version = re.findall(r'name="version" value="(\d+)"', page)[0]
    changed = TEA | {"when": "always", "was": NAME, "version": version, "off": "35"}
    assert desk.post("/console/promotions", changed).status_code == 303
    assert desk.post("/console/promotions", changed).status_code == 409, "somebody else changed it meanwhile"
    desk.post("/console/promotions/move", {"rule": NAME, "move": "end"})
    page = read(desk.get(one).text)
    assert f"ended {NAME}" in page
    assert [w for w in re.findall(r"Made|Started|Stopped|Changed", page.split("History")[1])] == [
        "Stopped", "Changed", "Started", "Stopped", "Started", "Made"
    ]  # fmt: skip
    assert desk.post("/console/promotions/move", {"rule": NAME, "move": "start"}).status_code == 409


def test_another_promotion_of_the_same_name_is_refused_and_a_made_up_name_is_free(desk: Client) -> None:
    assert desk.post("/console/promotions", TEA).headers["location"].startswith(f"/console/promotions/one?rule={NAME}&")
    again = desk.post("/console/promotions", TEA | {"promotion": NAME})
    assert again.status_code == 409
    assert 'value="199"' in again.text
    assert "rule=" + NAME + "-2&" in desk.post("/console/promotions", TEA).headers["location"]


def test_the_list_and_the_calendar_show_promotions_and_scenes_offers(desk: Client) -> None:
    desk.shop.save_scene("scene: spring\ntitle: Spring\nwhen: always\noffer: {buy: 2, get: 1}\nwhere: [page]\n")
    desk.shop.move_scene("start", "spring")
    desk.post("/console/promotions", TEA | {"do": "start", "title.en": "Tea weekend"})
    page = read(desk.get("/console/promotions?lang=en").text)
    assert "Tea weekend" in page
    assert "buy 2, get 1 free" in page
    for months in ("1", "3"):
        page = desk.get(f"/console/promotions/calendar?months={months}&lang=en")
        assert "Tea weekend" in page.text
        assert "Spring" in page.text
        assert page.text.count('class="span') >= 2


def test_an_analyst_sees_and_changes_nothing(desk: Client) -> None:
    desk.post("/console/promotions", TEA)
    analyst = Client(desk.shop).sign_in("analyst")
    assert analyst.get("/console/promotions").status_code == 200
    assert analyst.get(f"/console/promotions/one?rule={NAME}").status_code == 200
    assert analyst.get("/console/promotions/new").status_code == 403
    assert analyst.post("/console/promotions/move", {"rule": NAME, "move": "start"}).status_code == 403
    assert analyst.get("/console/promotions/one?rule=nothing").status_code == 404


def test_the_finer_fields_go_to_the_text_and_back_and_their_faults_stand_at_them(desk: Client) -> None:
    finer = {"tab": "form", "kind": "tiers", "tiers.by": "spend", "tiers[1].at": "100", "tiers[1].percent": "5",
             "tiers[2].at": "300", "tiers[2].percent": "10", "tiers.marginal": "1", "country": "es, pt", "uses": "50",
             "tags": "tea", "combines": "members", "purse": "spring", "when": "always", "together": "any",
             "promotion": "steps"}  # fmt: skip
    answer = desk.post("/console/promotions/form", finer | {"to": "yaml"})
    text = html.unescape(re.findall(r'name="text"[^>]*>\n(.*?)</textarea>', answer.text, re.S)[0])
    for line in ("marginal: true", "combines:\n- members", "tags: tea", "purse: spring", "- ES"):
        assert line in text
    answer = desk.post("/console/promotions/form", {"tab": "yaml", "text": text, "to": "form"})
    for said in ('name="country" value="ES, PT"', 'name="tags" value="tea"', 'name="combines" value="members"',
                 'name="purse" value="spring"', 'name="tiers.marginal" value="1" checked'):  # fmt: skip
        assert said in answer.text
    wrong = {"country": "Spain", "uses": "", "tiers[1].off": "5"}
    answer = desk.post("/console/promotions?lang=zh", finer | wrong | {"do": "start"})
    assert answer.status_code == 422
    for name in ("country", "purse", r"tiers\[1\].off"):
        assert re.search(rf'id="f-{name}" class="bad"', answer.text)
    assert 'data-raw lang="en"' not in answer.text, "told in the reader's language"
    assert desk.post("/console/promotions", finer | {"do": "start"}).status_code == 303
    page = read(desk.get("/console/promotions/one?rule=steps&lang=en").text)
    assert "each step for what lies above it" in page
    assert "Shared budget spring" in page

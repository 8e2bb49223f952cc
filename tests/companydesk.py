"""What tests of companies through HTTP share: a shop that sells to Acme, and people of it who are signed in."""

from __future__ import annotations

import html
import re

import httpx

import fairday
from fairday.goods.catalogue import ProductRow, save_products
from fairday.goods.price_records import save_list, set_prices
from fairday.goods.prices import ListPrice, PriceList
from fairday.reach import outbox
from fairday.storage.log import Happening
from webdesk import Client

TO = {"name": "Store room", "phone": "13800138000", "country": "CN", "region": "上海市", "city": "上海市",
      "street": "码头路 1 号"}  # fmt: skip


def shelf(shop: fairday.Shop, contract: bool = True) -> None:
    """Mugs at 10.00 and cups at 10.00; mugs at 9.00 for Acme, at 8.00 from 50 pieces."""
    now = shop.clock.now()
    with shop.db.write() as conn:
        rows = [ProductRow(product=p, title=t, price=1000, currency="CNY", category="Office")
                for p, t in (("MUG", "Mug"), ("CUP", "Cup"))]  # fmt: skip
        save_products(conn, rows, now)
        if contract:
            save_list(conn, PriceList(list="acme", title="Acme 2026", currency="CNY", company="acme"), now)
            set_prices(conn, "acme", [ListPrice("acme", "MUG", 1, 900), ListPrice("acme", "MUG", 50, 800)], now)


def signed_in(shop: fairday.Shop, email: str) -> Client:
    """Somebody who proved their address by the link that was mailed to it."""
    now = shop.clock.now()
    said = Happening(message_id=f"met-{email}", kind="identify", name="", at=now, received=now, source="test",
                     ids=(("email", email),), body={"traits": {"company": "Acme"}})  # fmt: skip
    shop.append([said]).result()
    shop.catch_up()
    client = Client(shop)
    client.post("/me/link", {"email": email})
    with shop.db.read() as conn:
        texts = [m.text for m in outbox.page(conn, scene=outbox.SERVICE) if m.address == email]
    link = re.search(r"/me/confirm/[\w.\-]+", texts[0])
    assert link is not None
    assert client.post(link[0]).status_code == 303
    return client


def invitation(page: str) -> str:
    """The path of the invitation that a page shows."""
    found = re.search(r'value="[^"]*(/company/join/[^"]+)"', page)
    assert found is not None, page[-3000:]
    return found[1]


def opened(shop: fairday.Shop, owner: Client) -> None:
    """The owner opens Acme's account in the console, with credit."""
    owner.get("/console/companies")
    answer = owner.post("/console/companies", {"company": "acme", "name": "Acme Ltd", "tax_number": "9131"})
    assert answer.headers["location"] == "/console/companies/acme", answer.text[-3000:]
    assert owner.post("/console/companies/acme/terms", {"limit": "1000.00", "days": "30"}).status_code == 303


def joined(shop: fairday.Shop, owner: Client, email: str, role: str, limit: str = "") -> Client:
    """Somebody whom the owner invites, signed in and joined."""
    page = owner.post("/console/companies/acme/invite", {"role": role, "limit": limit})
    client = signed_in(shop, email)
    answer = client.post(invitation(page.text))
    assert answer.headers.get("location") == "/company", answer.text[-2000:]
    return client


def order_list(client: Client, path: str, **more: str) -> httpx.Response:
    """Order a list as its page shows it."""
    page = client.get(path)
    seen = re.search(r'name="seen" value="([^"]*)"', page.text)
    data = {**TO, "seen": html.unescape(seen[1]) if seen else "", "pay": "account", **more}
    return client.post(f"{path}/order", data)

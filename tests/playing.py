"""Plays a playbook as a merchant and shoppers would: through the gallery, the collect door, mails and pages."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import fairday
from doors import SERVER_KEY, make_keys
from fairday.goods.catalogue import ProductRow, save_products
from fairday.kernel.clock import ManualClock, iso
from fairday.reach import outbox
from fairday.scenes.life import get_scene
from webdesk import Client


class Play:
    """A shop in Shanghai that is played at an instant (ms)."""

    def __init__(self, shop: fairday.Shop, clock: ManualClock, now: int) -> None:
        clock.at = now
        shop.change_settings(zone="Asia/Shanghai", currency="CNY", language="en")
        self.shop = shop
        self.clock = clock
        make_keys(shop)
        self.owner = Client(shop).sign_in()
        self._told = 0

    def tell(self, *calls: dict[str, Any], days: float = 0) -> None:
        """Send calls through the collect door with a server's key; each happened ``days`` before now."""
        now = self.clock.now()
        for start in range(0, len(calls), 500):
            batch = []
            for call in calls[start : start + 500]:
                self._told += 1
                at = now - round(call.get("days", days) * 86_400_000)
                plain = {k: v for k, v in call.items() if k != "days"}
                batch.append({"type": "track", "messageId": f"play-{self._told}", "timestamp": iso(at), **plain})
            answer = Client(self.shop).request("POST", "/v1/batch", json={"batch": batch}, auth=(SERVER_KEY, ""))
            assert answer.json() == {"success": True}
        self.shop.catch_up()
        self.shop.staging.forget()  # which looks anew after some seconds, and here none pass

    def stock(self, goods: dict[str, list[str]]) -> None:
        """Put goods by category on the shelf."""
        rows = [
            ProductRow(product=title.lower(), title=title, category=category, price=2000, currency="CNY")
            for category, titles in goods.items()
            for title in titles
        ]
        with self.shop.db.write() as conn:
            save_products(conn, rows, self.clock.now())
        self.shop.staging.forget()

    def start(self, playbook: str, edit: Callable[[str], str] = lambda text: text) -> str:
        """Copy a playbook from the gallery, edit it, save it and start it; the scene's name."""
        assert self.owner.get("/console/gallery").status_code == 200
        opened = self.owner.post(f"/console/gallery/{playbook}").headers["location"]
        scene = re.search(r"/scenes/([\w-]+)/edit", opened)
        assert scene is not None
        with self.shop.db.read() as conn:
            row = get_scene(conn, scene[1])
        changed = edit(row.text)
        if changed != row.text:
            answer = self.owner.post(
                "/console/scenes", {"text": changed, "scene": scene[1], "version": str(row.version)}
            )
            assert answer.status_code == 303, answer.text[-3000:]
        assert self.owner.post(f"/console/scenes/{scene[1]}/start").status_code == 303
        return scene[1]

    def mail(self) -> None:
        """Let the mail go out."""
        self.shop.run_mail()
        self.shop.catch_up()

    def mails(self, scene: str) -> dict[str, outbox.Message]:
        """What went out, by address."""
        with self.shop.db.read() as conn:
            return {m.address: m for m in outbox.page(conn, scene=scene, status="sent", limit=1000)}

    def by_mail(self, message: outbox.Message) -> Client:
        """The shopper who follows the link of their mail."""
        found = re.search(r"[?&]m=([\w-]+)", message.text)
        assert found is not None
        client = Client(self.shop)
        client.get(f"/?m={found[1]}")
        return client

    def remembered(self, user: str) -> Client:
        """The shopper who agrees to the banner, and whom the shop's server then knows as a user."""
        client = Client(self.shop)
        client.get("/")
        assert client.request("POST", "/consent", data={"answer": "yes"}).status_code == 303
        self.tell({"type": "identify", "anonymousId": client.cookies["fairday_id"], "userId": user})
        return client

    def report(self) -> str:
        """The report's page, as an analyst reads it who signs in now."""
        return self.see(
            Client(self.shop).sign_in("analyst", f"analyst-{self.clock.now()}@example.com"), "/console/report"
        )

    def see(self, client: Client, path: str = "/") -> str:
        """A page as that shopper reads it."""
        answer = client.get(f"{path}{'&' if '?' in path else '?'}lang=en")
        assert answer.status_code == 200, (path, answer.status_code)
        self.shop.append([]).result()
        self.shop.catch_up()
        return answer.text


def order(user: str, number: str, days: float, *lines: tuple[str, str], price: float = 20.0) -> dict[str, Any]:
    """An order of goods (category, title), some days ago."""
    products = [
        {"product_id": title.lower(), "name": title, "category": category, "price": price, "quantity": 1}
        for category, title in lines
    ]
    properties = {"order_id": number, "total": price * len(lines), "currency": "CNY", "products": products}
    return {"event": "Order Completed", "userId": user, "properties": properties, "days": days}


def customer(user: str, days: float = 60, **traits: Any) -> list[dict[str, Any]]:
    """Somebody with an address who agreed to mail."""
    mail = f"{user}@example.com"
    context = {"verified": ["email"]}
    return [
        {"type": "identify", "userId": user, "traits": {"email": mail, **traits}, "context": context, "days": days},
        {"event": "Consent Given", "userId": user, "properties": {"channel": "email"}, "days": days - 1,
         "context": {"traits": {"email": mail}}},
    ]  # fmt: skip

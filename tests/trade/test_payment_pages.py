"""What shoppers and the sandbox's visitors see, over real HTTP; where things are kept is another test's."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import pytest

import fairday
from fairday.kernel.clock import ManualClock
from fairday.kernel.errors import FairdayError
from paying import begin, do, ready, served, status, ticket, token_of


@pytest.fixture
def shop(tmp_path: Path, clock: ManualClock) -> Iterator[fairday.Shop]:
    with fairday.open(tmp_path / "pages.db", clock=clock) as opened:
        yield opened


@pytest.fixture
def base(shop: fairday.Shop) -> Iterator[str]:
    with served(ready(shop)) as address:
        yield address


def test_a_failed_payment_can_be_tried_again(base: str, shop: fairday.Shop, clock: ManualClock) -> None:
    started = begin(shop)
    do(base, shop, started.number, "fail")
    assert shop.payments.ask(started.number)["status"] == "failed"
    do(base, shop, started.number, "pay")
    assert (status(shop, started.number), ticket(shop)) == ("succeeded", "paid")
    assert do(base, shop, started.number, "pay").status_code == 409


def test_payments_of_what_was_given_up_are_closed_at_once(base: str, shop: fairday.Shop) -> None:
    numbers = [begin(shop, "wechat", "h5").number, begin(shop, "alipay", "page").number, begin(shop, "cash", "").number]
    other = begin(shop, pays="ticket:2").number
    do(base, shop, begin(shop, "wechat", "native").number, "lose")
    shop.payments.give_up("ticket:1")
    assert [status(shop, n) for n in (*numbers, other)] == ["closed", "closed", "closed", "pending"]
    assert ticket(shop) == "paid", "the one that somebody had just paid was found, and counts"


def test_a_provider_that_is_away_is_asked_again_later(shop: fairday.Shop, clock: ManualClock) -> None:
    ready(shop)
    with served(shop) as address:
        started = begin(shop)
        do(address, shop, started.number, "lose")
    clock.move(10_000)
    assert shop.payments.tick() == 1
    assert status(shop, started.number) == "pending"
    with served(shop):
        clock.move(20_000)
        assert shop.payments.tick() == 1
        assert (status(shop, started.number), ticket(shop)) == ("succeeded", "paid")


def test_a_payment_that_the_provider_never_answered_is_kept_and_gone_on_with(shop: fairday.Shop) -> None:
    ready(shop).change_settings(public_url="http://127.0.0.1:9")
    with pytest.raises(FairdayError) as error:
        begin(shop, number="0190a1b2c3d4")
    assert error.value.code == "provider_unclear"
    assert status(shop, "0190a1b2c3d4") == "requested"
    with served(shop):
        assert begin(shop, number="0190a1b2c3d4").number == "0190a1b2c3d4"
        assert status(shop, "0190a1b2c3d4") == "pending"


def test_the_pages_lead_a_shopper_through_in_three_languages(base: str, shop: fairday.Shop) -> None:
    started = begin(shop, "wechat", "h5")
    with httpx.Client(base_url=base, follow_redirects=True, headers={"accept-language": "en"}) as phone:
        waiting = phone.get(f"/pay/{started.number}").text
        assert "Waiting for payment" in waiting
        assert "Sandbox: no money moves" in waiting
        page = phone.get(f"/pay/{started.number}/go")
        assert "not a real payment" in page.text
        assert "88.00" in page.text
        for language, word in (("zh", "支付沙箱"), ("es", "Entorno de pruebas")):
            assert word in phone.get(f"{urlsplit(str(page.url)).path}?lang={language}").text
        done = phone.post(str(page.url), data={"how": "pay"})
        assert len(done.content) < 30_000
        shop.payments.sandbox.deliver_due()
        assert phone.get(f"/pay/{started.number}/state.json").json() == {"status": "succeeded"}
        assert phone.get(f"/pay/{started.number}/go").url.path == f"/pay/{started.number}"
        assert phone.get("/pay/0000000000000000").status_code == 404


def test_native_shows_a_code_and_jsapi_hands_the_bridge_what_it_signed(base: str, shop: fairday.Shop) -> None:
    native, inside = begin(shop, "wechat", "native"), begin(shop, "wechat", "jsapi", "ticket:2", payer="o")
    with httpx.Client(base_url=base, follow_redirects=True) as phone:
        assert '<svg class="qr"' in phone.get(f"/pay/{native.number}/go").text
        page = phone.get(f"/pay/{inside.number}/go").text
        assert 'name="paySign"' in page
        params = dict(inside.go.params)
        assert phone.post("/sandbox/wechat/bridge", data=params).url.path.startswith("/sandbox/pay/")
        assert phone.post("/sandbox/wechat/bridge", data=params | {"package": "prepay_id=wx1"}).status_code == 403


def test_the_sandbox_is_not_there_where_money_is(base: str, shop: fairday.Shop) -> None:
    started = begin(shop)
    path = f"/sandbox/pay/{token_of(shop, started.number)}"
    assert httpx.get(base + path).status_code == 200
    shop.change_settings(payments={"sandbox": "off"})
    assert httpx.get(base + path).status_code == 404
    assert shop.payments.methods("CNY") == ["bank_transfer"]
    with pytest.raises(FairdayError) as error:
        begin(shop, pays="ticket:2")
    assert error.value.code == "no_provider"
    shop.change_settings(payments={"sandbox": "home"}, public_url="https://tea.example.com")
    assert httpx.get(base + path).status_code == 404

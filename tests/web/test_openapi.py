"""The shop is held to its own description of what programs may ask, by schemathesis and by hand."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import httpx
import hypothesis
import pytest
import schemathesis
from schemathesis import checks
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
    unsupported_method,
)

import fairday
from doors import SERVER_KEY, make_keys
from fairday.goods.catalogue import ProductRow, save_products
from fairday.intake import wire
from fairday.intake.keys import create_key
from fairday.web import openapi
from paying import ready, served
from webdesk import Client

CHECKS = [
    checks.not_a_server_error, status_code_conformance, content_type_conformance, response_schema_conformance,
    response_headers_conformance, unsupported_method,
]  # fmt: skip
"""Not whether everything outside the description is refused: the collect door takes what old SDKs send."""

OPERATIONS = [
    (method, path)
    for path, item in openapi.description()["paths"].items()
    for method in item
]  # fmt: skip


@dataclass(frozen=True)
class Api:
    """Where it is served, an operator's session, a till's key."""

    base: str
    session: str
    till: str


@pytest.fixture(scope="module")
def api(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Api]:
    """One shop for all operations: what one does must not break another either."""
    with fairday.open(str(tmp_path_factory.mktemp("api") / "shop.db"), currency="CNY", zone="Asia/Shanghai") as shop:
        with shop.db.write() as conn:
            save_products(conn, [ProductRow(product="0", title="Tea", price=1990, currency="CNY")], 1)
            till = create_key(conn, "desk 1", "till", shop.clock.now())[1]
        make_keys(shop)
        with served(ready(shop)) as address:
            yield Api(address, Client(shop).sign_in().cookies["fairday_session"], till)


@pytest.mark.parametrize(("method", "path"), OPERATIONS)
def test_schemathesis_finds_nothing(api: Api, method: str, path: str) -> None:
    schema = schemathesis.openapi.from_dict(openapi.description())
    schema.config.update(base_url=api.base)
    operation = schema[path][method.upper()]
    headers = {"accept": "application/json"}

    @hypothesis.settings(max_examples=30, deadline=None, derandomize=True, database=None,
                         suppress_health_check=list(hypothesis.HealthCheck))  # fmt: skip
    @hypothesis.given(case=operation.as_strategy())
    def ask(case: schemathesis.Case) -> None:
        key = api.till if path.startswith("/v1/till/") else SERVER_KEY
        auth = (key, "") if path.startswith("/v1/") else None
        cookies = {"fairday_session": api.session} if path.startswith("/console/") else None
        case.call_and_validate(headers=headers, auth=auth, cookies=cookies, checks=CHECKS)

    ask()


def test_every_call_of_the_collect_door_is_described() -> None:
    described = openapi.description()["components"]["parameters"]["call"]["schema"]["enum"]
    assert set(described) | {"batch", "metrics"} == set(wire.ENDPOINTS.values())


def test_the_description_is_served_and_valid(api: Api) -> None:
    answer = httpx.get(f"{api.base}/openapi.json")
    assert answer.headers["content-type"] == "application/json"
    assert answer.json() == openapi.description()
    schemathesis.openapi.from_dict(answer.json()).validate()


def test_what_asks_for_a_key_or_a_sign_in_is_refused_without(api: Api) -> None:
    for path in ("/v1/track", "/v1/batch", "/v1/till/pay"):
        for auth in (None, ("", ""), ("nobody", ""), (SERVER_KEY[:-1], "")):
            assert httpx.post(f"{api.base}{path}", json={"batch": []}, auth=auth).status_code == 401
    assert httpx.get(f"{api.base}/console/report.json").headers["location"].startswith("/console/sign-in")
    assert httpx.get(f"{api.base}/me/export.json").status_code == 403


def test_what_nests_without_end_is_refused_and_breaks_nothing(api: Api) -> None:
    deep = b'{"code":"1","amount":1,"currency":"CNY","receipt":"r","x":' + b"[" * 50_000
    for path, key in (("/v1/till/pay", api.till), ("/v1/track", SERVER_KEY), ("/v1/batch", SERVER_KEY)):
        for body in (deep, b"[" * 60_000, b'{"a":' * 10_000):
            answer = httpx.post(f"{api.base}{path}", content=body, auth=(key, ""))
            assert answer.status_code in (400, 422), (path, answer.text)

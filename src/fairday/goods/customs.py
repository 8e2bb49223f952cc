"""What customs ask of goods, by file: their code of the Harmonized System, their origin, where they may not go."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterable, Mapping, Sequence

import msgspec
from sqlalchemy import Connection, select

from fairday.goods.catalogue import products
from fairday.goods.records import Details, details_of, save_details
from fairday.kernel.errors import FairdayError, NotFound
from fairday.kernel.sheets import inert, meant, whole

COLUMNS = ("product", "hs_code", "origin", "not_to")
MOST = 100_000


class Customs(msgspec.Struct, frozen=True, kw_only=True):
    """A product for customs. A field that is None was not told and stays as it is; "" or () takes away.

    Attributes:
        hs_code: 6 to 12 digits.
        origin: the ISO country it was made in.
        not_to: countries it is not sent to.
    """

    product: str
    hs_code: str | None = None
    origin: str | None = None
    not_to: tuple[str, ...] | None = None


def read_customs(text: str, file: str = "customs.csv") -> list[Customs]:
    """Products for customs from CSV: ``product`` and any of ``hs_code``, ``origin``, ``not_to`` (countries with spaces
    between). Codes may be written with dots (6912.00).

    Raises:
        FairdayError: the file, line and column that is wrong; nothing is taken then.
    """
    sample = text.lstrip("\ufeff")
    head_line = sample.partition("\n")[0]
    mark = max(",;\t", key=head_line.count)
    lines = list(csv.reader(io.StringIO(whole(sample, file, mark)), delimiter=mark))
    head = [cell.strip().lower() for cell in lines[0]] if lines else []
    if "product" not in head or not set(head) & set(COLUMNS[1:]):
        raise FairdayError(
            "The columns are product and any of hs_code, origin, not_to.", code="bad_customs", where=f"{file}:1",
            remedy="Write product,hs_code,origin,not_to in the first line.",
        )  # fmt: skip
    if len(lines) > MOST:
        raise FairdayError(f"{len(lines)} lines are too many.", code="too_many", remedy=f"At most {MOST} at a time.")
    made = {}
    for n, line in enumerate(lines[1:], 2):
        cells = dict(zip(head, (cell.strip() for cell in line), strict=False))
        if not any(cells.values()):
            continue
        one = _one(cells, f"{file}:{n}")
        made[one.product] = one
    return list(made.values())


def _one(cells: Mapping[str, str], where: str) -> Customs:
    def wrong(message: str, remedy: str) -> FairdayError:
        return FairdayError(message, code="bad_customs", where=where, remedy=remedy)

    product, code, origin, barred = (cells.get(name) for name in COLUMNS)
    if not product:
        raise wrong("The product is missing.", "Write its number in the column product.")
    if code is not None:
        code = re.sub(r"[ .]", "", code)
        if code and not re.fullmatch(r"\d{6,12}", code):
            raise wrong(f"{code[:20]!r} is not a customs code.", "Write 6 to 12 digits, such as 691200.")
    if origin is not None:
        origin = origin.upper()
        if origin and not re.fullmatch("[A-Z]{2}", origin):
            raise wrong(f"{origin[:20]!r} is not a country.", "Write two letters, such as CN.")
    countries = None
    if barred is not None:
        countries = tuple(dict.fromkeys(re.split(r"[\s,;]+", barred.upper()))) if barred else ()
        bad = next((c for c in countries if not re.fullmatch("[A-Z]{2}", c)), None)
        if bad is not None:
            raise wrong(f"{bad[:20]!r} is not a country.", "Write two letters each, such as US DE.")
    return Customs(product=meant(product), hs_code=code, origin=origin, not_to=countries)


def save_customs(conn: Connection, told: Sequence[Customs], now: int) -> int:
    """Keep codes and origins in the caller's transaction; how many products. Countries stand in the settings, see
    ``barred``.

    Raises:
        NotFound: a product that is not sold.
    """
    numbers = [one.product for one in told]
    known = set()
    for at in range(0, len(numbers), 500):
        query = select(products.c.product).where(products.c.product.in_(numbers[at : at + 500]))
        known |= set(conn.execute(query).scalars())
    unknown = next((n for n in numbers if n not in known), None)
    if unknown is not None:
        raise NotFound(f"There are no goods {unknown[:60]!r}.", code="unknown_goods", where=unknown[:60])
    before = details_of(conn, numbers)
    changed = []
    for one in told:
        was = before.get(one.product) or Details(product=one.product)
        code = was.hs_code if one.hs_code is None else one.hs_code or None
        origin = was.origin if one.origin is None else one.origin or None
        changed.append(msgspec.structs.replace(was, hs_code=code, origin=origin))
    save_details(conn, changed, now)
    return len(changed)


def barred(refuses: Mapping[str, Sequence[str]], told: Iterable[Customs]) -> dict[str, tuple[str, ...]]:
    """The setting ``border.refuses`` with what was told of products; tags and other products in it stay."""
    said = {one.product: one.not_to for one in told if one.not_to is not None}
    countries = dict.fromkeys([*refuses, *(c for to in said.values() for c in to)])
    made = {
        country: tuple(dict.fromkeys([
            *(name for name in refuses.get(country, ()) if name not in said),
            *(product for product, to in said.items() if country in to),
        ]))
        for country in countries
    }  # fmt: skip
    return {country: names for country, names in made.items() if names}


def written(rows: Iterable[tuple[str, str | None, str | None]], refuses: Mapping[str, Sequence[str]]) -> str:
    """Products, their codes and origins as the file that ``read_customs`` takes."""
    out = io.StringIO()
    sheet = csv.writer(out, lineterminator="\n")
    sheet.writerow(COLUMNS)
    for product, code, origin in rows:
        to = " ".join(country for country, names in refuses.items() if product in names)
        sheet.writerow([inert(product), code or "", origin or "", to])
    return out.getvalue()

"""What goods are called: categories and brands of which more is known than the name, and texts by language."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Literal

import msgspec
from sqlalchemy import Connection, delete, select

from fairday.goods.catalogue import products
from fairday.goods.records import NUMBER, bad, parts, upsert
from fairday.goods.tables import groups, translations
from fairday.goods.touching import touch

LANGUAGES = ("zh", "en", "es")

About = Literal["product", "category", "brand", "word"]
Field = Literal["title", "description"]


class Group(msgspec.Struct, frozen=True, kw_only=True):
    """A category or a brand of which more is known than its name."""

    kind: Literal["category", "brand"]
    name: str
    parent: str | None = None
    place: int = 0
    image: str | None = None


def all_groups(conn: Connection) -> list[Group]:
    """Categories and brands, in order."""
    rows = conn.execute(select(groups).order_by(groups.c.kind, groups.c.place, groups.c.name)).mappings()
    return [Group(**r) for r in rows]


def texts_of(
    conn: Connection, about: About, names: Iterable[str], language: str | None = None
) -> dict[tuple[str, str], dict[str, str]]:
    """Translations: (name, field) → language → text; of all languages, or of one."""
    found: dict[tuple[str, str], dict[str, str]] = {}
    for part in parts(names):
        query = select(translations).where(translations.c.about == about, translations.c.name.in_(part))
        if language is not None:
            query = query.where(translations.c.language == language)
        for row in conn.execute(query):
            found.setdefault((row.name, row.field), {})[row.language] = row.text
    return found


def save_group(conn: Connection, told: Group) -> None:
    """Keep what is known of a category or brand.

    Raises:
        FairdayError: no name, or a category below itself.
    """
    if not NUMBER.fullmatch(told.name):
        raise bad("The name is empty or too long.", told.kind, "Write 1 to 200 signs.")
    above, at = {g.name: g.parent for g in all_groups(conn) if g.kind == told.kind}, told.parent
    for _ in range(len(above) + 1):
        if at == told.name:
            raise bad(f"{told.name} would stand below itself.", told.name, "Choose another parent.")
        at = above.get(at) if at is not None else None
    upsert(conn, groups, [msgspec.structs.asdict(told)])
    touch_group(conn, told.kind, told.name)


def save_texts(conn: Connection, about: About, name: str, field: Field, texts: Mapping[str, str]) -> None:
    """Keep what shoppers read of something by language; an empty text takes it away.

    Raises:
        FairdayError: a language we do not have, or too long a text.
    """
    for language, text in texts.items():
        if language not in LANGUAGES:
            raise bad(f"{language[:10]!r} is not a language here.", name, f"One of {', '.join(LANGUAGES)}.")
        if len(text) > 20_000:
            raise bad("The text is too long.", name, "Keep it under 20,000 signs.")
    c = translations.c
    said = {lang: " ".join(t.split()) if field == "title" else t.strip() for lang, t in texts.items()}
    gone = [lang for lang, text in said.items() if not text]
    conn.execute(delete(translations).where(c.about == about, c.name == name, c.field == field, c.language.in_(gone)))
    rows = [
        {"about": about, "name": name, "field": field, "language": language, "text": text}
        for language, text in said.items()
        if text
    ]
    upsert(conn, translations, rows)
    if about == "product":
        touch(conn, [name])
    elif about in ("category", "brand"):
        touch_group(conn, about, name)


def touch_group(conn: Connection, kind: str, name: str) -> None:
    """Mark the products of a category or brand as changed."""
    column = products.c.category if kind == "category" else products.c.brand
    touch(conn, conn.execute(select(products.c.product).where(column == name)).scalars().all())

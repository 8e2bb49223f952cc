"""Made-up people, goods and scenes for the choice: by a seed, written straight into a shop's tables."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from random import Random
from typing import Any

from sqlalchemy import Connection, text

from fairday.kernel.audience import pack
from fairday.kernel.clock import to_date
from fairday.people.tables import OPEN

CITIES = [f"city-{n}" for n in range(40)]
INTERESTS = [f"interest-{n}" for n in range(40)]
CATEGORIES = [f"category-{n}" for n in range(60)]
BRANDS = [f"brand-{n}" for n in range(200)]
FESTIVALS = ("cn.spring_festival", "cn.lantern", "valentines_day", "womens_day", "cn.new_years_eve", "cn.qingming")

Rows = Iterator[tuple[Any, ...]]


def goods(random: Random, count: int, now: int) -> Rows:
    """(product, title, category, department, brand, price, currency, image, updated_at, first_day)."""
    for n in range(count):
        category = CATEGORIES[int(len(CATEGORIES) * random.random() ** 1.5)]
        price = int(100 * 1.5 ** (2 + 16 * random.random()))
        brand = BRANDS[int(len(BRANDS) * random.random() ** 2)]
        yield f"P{n:05}", f"Product {n}", category, category[:10], brand, price, "CNY", None, now, None


def profiles(random: Random, person: int, now: int) -> Rows:
    """(person, trait, lo, hi, txt, at, source, p): most is known of most."""

    def row(
        trait: str, lo: int | None, hi: int | None, txt: str | None = None, p: int | None = None
    ) -> tuple[Any, ...]:
        return person, trait, lo, hi, txt, now, "benchmark", p

    chance = random.random
    age = 15 + int(60 * chance())
    if chance() < 0.7:
        yield row("age", age, age)
    elif chance() < 0.7:
        yield row("age", age // 5 * 5, age // 5 * 5 + 4, p=None if chance() < 0.3 else 500 + int(500 * chance()))
    if chance() < 0.85:
        yield row("gender", None, None, "female" if chance() < 0.55 else "male")
    if chance() < 0.85:
        yield row("city", None, None, random.choice(CITIES))
        yield row("city_tier", *[1 + int(5 * chance())] * 2)
    if chance() < 0.6:
        yield row("birthday", *[1 + int(366 * chance())] * 2)
    if chance() < 0.7:
        yield row("interests", None, None, pack(random.sample(INTERESTS, 1 + int(5 * chance()))))
    if chance() < 0.4:
        yield row("income", *[int(4_000_000 + 30_000_000 * chance())] * 2)
    if chance() < 0.5:
        yield row("children", *[int(4 * chance())] * 2)


def buckets(random: Random, intervals: Sequence[int], count: int, today: int) -> Rows:
    """(interval_id, measure, day, n, amount): a year of orders and looks; each distinct measure and day once."""
    found: dict[tuple[int, str, int], list[int]] = {}

    def add(measure: str, day: int, n: int, amount: int) -> None:
        bucket = found.setdefault((random.choice(intervals), measure, day), [0, 0])
        bucket[0] += n
        bucket[1] += amount

    liked = random.sample(CATEGORIES, 5)
    brands = random.sample(BRANDS, 6)
    for _ in range(max(1, count // 9)):
        day = today - int(365 * random.random() ** 1.6)
        if random.random() < 0.45:
            amount = 2000 + int(30_000 * random.random())
            add("Order Completed", day, 1, amount)
            for _ in range(3):
                add(f"bought:category={random.choice(liked)}", day, 1, amount // 3)
                add(f"bought:brand={random.choice(brands)}", day, 1, amount // 3)
                add(f"bought:product=P{int(10_000 * random.random() ** 2):05}", day, 1, amount // 3)
        else:
            add("Product Viewed", day, 1 + int(6 * random.random()), 0)
            for _ in range(3):
                add(f"viewed:category={random.choice(liked)}", day, 1, 0)
                add(f"viewed:product=P{int(10_000 * random.random() ** 2):05}", day, 1, 0)
    for (interval, measure, day), (n, amount) in found.items():
        yield interval, measure, day, n, amount


def fill(conn: Connection, people: int, products: int, days: int, today: int, now: int, scenes: Sequence[str]) -> int:
    """Everything but the scenes' own tables; how many day buckets there are.

    A third of the people have two ids; half have arms of ten scenes recorded.
    """
    random = Random(1)
    insert(conn, "products", list(goods(random, products, now)))
    written = 0
    for start in range(1, people + 1, 2_000):
        several = range(start, min(start + 2_000, people + 1))
        owned = {p: [2 * p, 2 * p + 1] if p % 3 == 0 else [2 * p] for p in several}
        every = [(i, p) for p, ids in owned.items() for i in ids]
        insert(conn, "people", [(p, 0) for p in several])
        insert(conn, "identifiers", [(i, "user_id" if i % 2 == 0 else "device_id", f"u{i}") for i, _ in every])
        insert(conn, "ownership", [(i, i, p, -OPEN, OPEN) for i, p in every])
        insert(conn, "profile", [r for p in several for r in profiles(random, p, now)])
        activity = [
            r for p, ids in owned.items() for r in buckets(random, ids, int(3 * days * random.random() ** 2), today)
        ]
        insert(conn, "activity", activity)
        insert(conn, "scene_arms", [
            (scene, ids[0], "holdout" if random.random() < 0.1 else "treated", now - 1000)
            for p, ids in owned.items() if p % 2 for scene in random.sample(scenes, 10)
        ])  # fmt: skip
        written += len(activity)
    return written


def insert(conn: Connection, table: str, rows: list[tuple[Any, ...]]) -> None:
    """Rows into a table, in the order of its columns."""
    if not rows:
        return
    if conn.dialect.name == "sqlite":
        conn.exec_driver_sql(f"INSERT INTO {table} VALUES ({','.join('?' * len(rows[0]))})", rows)
        return
    cursor: Any = conn.connection.cursor()
    with cursor.copy(f"COPY {table} FROM STDIN") as copy:
        for row in rows:
            copy.write_row(row)
    cursor.close()


def settle(conn: Connection) -> None:
    conn.execute(text("ANALYZE"))


# ---- scenes ----------------------------------------------------------------------------------------------------------


def scene_texts(random: Random, count: int, today: int) -> Iterator[tuple[str, str]]:
    """(name, YAML): audiences of many kinds, so that a person fits a few dozen of a thousand."""
    for n in range(count):
        name = f"scene-{n:05}"
        when = _when(random, n, today)
        who = _who(random, n)
        floors = "\n".join(
            f"    - {{title: Floor {i}, goods: \"{_goods(random)}\", rank: {rank}"
            + (", variety: 0.3" if random.random() < 0.3 else "")
            + (f", unless: \"age < {random.choice((18, 20, 25))}\"" if random.random() < 0.3 else "")
            + (f", who: \"orders(90d) >= {random.choice((1, 2))}\"" if random.random() < 0.1 else "")
            + "}"
            for i in range(1 + int(3 * random.random() ** 2))
            for rank in random.choices(["personal", "popular", "newest"], [8, 1, 1])
        )  # fmt: skip
        audience = f'who: "{who}"\n' if who else ""
        holdout = f"guard: {{holdout: {random.choice((5, 10, 20))}%}}\n" if random.random() < 0.6 else ""
        where = random.choice(["[page, feed]", "[page]", "[page, feed, email]"])
        yield name, (f"scene: {name}\ntitle: Scene {n}\nwhen: {when}\n{audience}what:\n  floors:\n{floors}\n"
                     f"where: {where}\n{holdout}")  # fmt: skip


def _when(random: Random, n: int, today: int) -> str:
    kind = n % 20
    if kind < 9:
        return "always"
    if kind < 14:
        first = today - int(20 * random.random())
        return f"{{dates: {to_date(first)}..{to_date(today + int(20 * random.random()))}}}"
    if kind < 18:
        return (
            f"{{festival: {random.choice(FESTIVALS)}, phases: {{warm-up: -60d..-8d, burst: -7d..0d, after: 1d..30d}}}}"
        )
    if kind < 19:
        return "{festival: own.birthday, phases: {before: -30d..0d}}"
    return f"{{dates: {to_date(today + 30)}..{to_date(today + 60)}}}"  # live, and not on yet


def _who(random: Random, n: int) -> str:
    chance = random.random
    low = 15 + int(50 * chance())
    category, brand = random.choice(CATEGORIES), random.choice(BRANDS)
    cities = ", ".join(f"'{c}'" for c in random.sample(CITIES, 3))
    interest = random.choice(INTERESTS)
    gender = random.choice(["female", "male"])
    if n % 50 == 0:
        return ""
    return random.choice([
        f"city in ({cities}) and age between {low} and {low + 30}",
        f"'{interest}' in interests and gender = '{gender}'",
        f"'{interest}' in interests or bought('brand', '{brand}', 180d) >= 1",
        f"bought('category', '{category}', 90d) >= 1",
        f"viewed('category', '{category}', 60d) >= 2 and bought('category', '{category}', 60d) = 0",
        f"bought('brand', '{brand}', 365d) >= 1 and orders(365d) >= 2",
        f"age between {low} and {low + 2} and city_tier <= 3",
        f"likely(age < {low}, 0.8) and city in ({cities})",
        f"income >= {60_000 + int(250_000 * chance())} and city_tier = {1 + int(5 * chance())}",
        f"known(birthday) and city in ({cities}) and not bought('category', '{category}') > 0",
        f"spend(90d) >= {100 + int(900 * chance())} and gender = '{gender}' and age >= {low} and age < {low + 5}",
        f"days_since('Order Completed') between {n % 90} and {n % 90 + 5}",
        f"children >= 1 and age between 25 and 45 and bought('category', '{category}', 180d) >= 1",
        f"count('Product Viewed', 7d) >= {1 + int(4 * chance())} and city in ({cities})",
        f"not known(age) and city in ({cities})",
    ])  # fmt: skip


def _goods(random: Random) -> str:
    category, other = random.sample(CATEGORIES, 2)
    return random.choice([
        f"category = '{category}'",
        f"category in ('{category}', '{other}') and price <= {random.choice((50, 100, 300))}",
        f"brand in ('{random.choice(BRANDS)}', '{random.choice(BRANDS)}', '{random.choice(BRANDS)}')",
        f"price between {random.choice((10, 20, 50))} and {random.choice((100, 200, 500))}",
        f"category = '{category}' or contains(title, '7{random.choice('0123456789')}')",
    ])  # fmt: skip

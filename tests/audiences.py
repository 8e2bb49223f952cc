"""People and audiences made up for tests, and what an audience means, told without either compilation.

An expression here is a nested tuple. ``render`` writes it as the language would; ``meaning`` reads the tuple and a
person's raw happenings as naively as can be: loops over happenings, tables for the connectives, corners of bands for
comparisons.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from random import Random
from types import ModuleType
from typing import Any
from zoneinfo import ZoneInfo

from fairday.kernel.clock import local_day

TRAITS = {
    "age": "int",
    "size": "int",
    "income": "money",
    "wallet": "money",
    "city": "text",
    "language": "text",
    "subscribed": "bool",
    "owner": "bool",
    "joined": "day",
    "last_call": "day",
    "birthday": "yearly",
    "interests": "texts",
    "allergies": "texts",
}
CITIES = (
    "",
    "Paris",
    "paris",
    "PARIS ",
    "O'Brien",
    "a\\b",
    "100%",
    ":x",
    "北京",
    "é",
    "e\u0301",
    "🙂",
    "x" * 190,
    "--",
    "%s",
)
MEMBERS = ("tea", "te", "a:b", "100%", "O'Brien", "茶", "tea coffee")
EVENTS = ("Order Completed", "Order Refunded", "Product Viewed", "it's 100% :x \\ 🙂")
LINES = (("category", "tea"), ("category", "O'Brien"), ("brand", "a:b%"), ("product", "SKU-1"))
SWITCHES = (
    ("Europe/London", date(2026, 3, 29)),
    ("Europe/London", date(2026, 10, 25)),
    ("America/New_York", date(2026, 3, 8)),
    ("America/New_York", date(2026, 11, 1)),
    ("Asia/Shanghai", date(2026, 1, 1)),
    ("Asia/Shanghai", date(1991, 9, 15)),
    ("Africa/Cairo", date(2024, 4, 26)),
    ("America/Santiago", date(2024, 2, 29)),
    ("Europe/Madrid", date(2027, 2, 28)),
)
"""Zones and days about their clock changes (Cairo's skips midnight), a new year, and the end of February."""

Expr = tuple[Any, ...]
Band = tuple[float, float]
INF = float("inf")


def vocabulary(language: ModuleType, currency: str = "CNY") -> Any:
    """The vocabulary of these people, in the classes of a language module (the real one, or a patched copy)."""
    return language.Vocabulary({n: language.TraitDef(n, t) for n, t in TRAITS.items()}, currency)


@dataclass
class Happened:
    """Raw: when it happened (ms), what, how often or how many, and for how much (minor units)."""

    at: int
    measure: str
    n: int
    amount: int


@dataclass
class Person:
    """A made-up person: profile rows by trait (lo, hi, txt, p), and happenings."""

    profile: dict[str, tuple[int | None, int | None, str | None, int | None]] = field(default_factory=dict)
    happened: list[Happened] = field(default_factory=list)


@dataclass
class World:
    """People, the zone of their shop and the day it is there."""

    zone: str
    today: date
    people: list[Person]

    @property
    def day(self) -> int:
        return (self.today - date(1970, 1, 1)).days

    def days(self, person: Person, measure: str) -> list[tuple[int, Happened]]:
        """Happenings of a measure with how many days before today they fall, by the calendar of ``datetime``."""
        zone = ZoneInfo(self.zone)
        return [
            ((self.today - datetime.fromtimestamp(h.at / 1000, UTC).astimezone(zone).date()).days, h)
            for h in person.happened
            if h.measure == measure
        ]


def world(random: Random, size: int, about: int | None = None) -> World:
    """Random people about a day on which a clock may change: a random one, or number ``about`` of all of them."""
    if about is None:
        zone, switch = random.choice(SWITCHES)
        today = switch + timedelta(days=random.choice((0, 1, 2, 7, -1)))
    else:
        zone, switch = SWITCHES[about % len(SWITCHES)]
        today = switch + timedelta(days=about // len(SWITCHES))
    made = World(zone, today, [])
    made.people = [_person(random, made) for _ in range(size)]
    return made


def _person(random: Random, made: World) -> Person:
    person = Person()
    for name, type_ in TRAITS.items():
        if random.random() < 0.25:
            continue
        p = random.choice((None, None, None, 1, 500, 799, 800, 801, 999))
        person.profile[name] = (*_value(random, type_, made), p)
    midnight = datetime.combine(made.today, datetime.min.time(), ZoneInfo(made.zone))
    measures = [*EVENTS, *(f"bought:{d}={v}" for d, v in LINES), *(f"viewed:{d}={v}" for d, v in LINES)]
    for measure in measures:
        if random.random() < 0.35:
            continue
        for _ in range(random.randint(1, 5)):
            # Local midnights, and the hours about them, of days around the edges of the windows below.
            day = midnight + timedelta(days=-random.choice((-2, -1, 0, 0, 1, 2, 3, 6, 7, 8, 13, 14, 29, 30, 31, 400)))
            at = int(day.timestamp() * 1000) + random.choice((-3_600_000, -1, 0, 1, 3_600_000, 7_200_000, 43_200_000))
            amount = random.choice((0, 1, 50, 100, 1999, 2000))
            person.happened.append(Happened(at, measure, random.randint(1, 3), amount))
    return person


def _value(random: Random, type_: str, made: World) -> tuple[int | None, int | None, str | None]:
    if type_ == "text":
        return None, None, random.choice(CITIES)
    if type_ == "texts":
        members = sorted(m for m in MEMBERS if random.random() < 0.3)
        return None, None, "\x1f" + "".join(m + "\x1f" for m in members)
    if type_ == "bool":
        yes = random.randint(0, 1)
        return yes, yes, None
    if type_ == "day":
        lo = made.day + random.choice((-400, -31, -30, -7, -1, 0, 1, 7, 365))
    elif type_ == "yearly":
        about = (made.today + timedelta(days=random.choice((-1, 0, 0, 1, 6, 7, 180)))).timetuple().tm_yday
        lo = random.choice((1, 59, 60, 60, 61, 366, min(about + 1, 366), about))
        return lo, lo, None
    elif type_ == "money":
        lo = random.choice((-1, 0, 1, 1999, 2000, 2001, 10**15))
    else:
        lo = random.choice((-5, 0, 12, 18, 19, 20, 21, 24, 10**15))
    shape = random.random()
    if shape < 0.5:
        return lo, lo, None
    if shape < 0.8:
        return lo, min(lo + random.choice((0, 1, 5)), max(lo, 10**15)), None
    return random.choice(((None, lo, None), (lo, None, None), (None, None, None)))


# Expressions


def expression(random: Random, depth: int = 3, likely: bool = False) -> Expr:
    """A random condition."""
    kind = random.random()
    if depth and kind < 0.3:
        parts = tuple(expression(random, depth - 1, likely) for _ in range(random.randint(2, 3)))
        return (random.choice(("and", "or")), parts)
    if depth and kind < 0.42:
        return ("not", expression(random, depth - 1, likely))
    if depth and kind < 0.5 and not likely:
        return ("likely", expression(random, depth - 1, True), random.choice((1, 500, 800, 999)))
    return _leaf(random)


def _leaf(random: Random) -> Expr:
    kind = random.choice(
        ("compare",) * 8
        + ("between", "between", "in", "text", "text", "member", "known", "known", "flag", "contains", "truth")
    )
    if kind == "text":
        values = tuple(random.sample(CITIES, random.choice((1, 1, 2, 3))))
        form = random.choice(("=", "!=", "flipped") if len(values) == 1 else ("in", "not in"))
        return ("text", form, random.choice(("city", "language")), values)
    if kind == "member":
        form = random.choice(("has", "in", "not in"))
        return ("member", form, random.choice(("interests", "allergies")), random.choice(MEMBERS))
    if kind == "contains":
        return (
            random.choice(("contains", "starts_with")),
            "city",
            random.choice([c for c in CITIES if c] + ["ar", "x", "%"]),
        )
    if kind == "known":
        what = random.choice((*TRAITS, *EVENTS))
        return ("known", "trait" if what in TRAITS else "event", what)
    if kind == "flag":
        return ("flag", random.choice(("subscribed", "owner")), random.choice(("", "= true", "!= true", "= false")))
    if kind == "truth":
        return ("truth", random.random() < 0.5)
    type_ = random.choice(("int", "int", "int", "money", "money", "day", "yearly"))
    left = value(random, type_, 2)
    if kind == "compare":
        right = value(random, type_, 1) if random.random() < 0.3 else constant(random, type_)
        if left[0] in ("since", "since_trait", "until"):
            right = ("number", "int", random.choice((0, 0, 1, 2, 7, 30)))
        if random.random() < 0.3:
            left, right = right, left
        if left[0] == right[0] == "number":
            left = value(random, type_, 0)
        return ("compare", random.choice(("=", "!=", "<>", "<", "<=", ">", ">=")), left, right)
    if kind == "between":
        low, high = sorted((constant(random, type_), constant(random, type_)), key=lambda c: c[2])
        return ("between", random.choice(("", "not ")), left, low, high)
    return (
        "in",
        random.choice(("", "not ")),
        left,
        tuple(constant(random, type_) for _ in range(random.randint(1, 3))),
    )


def constant(random: Random, type_: str) -> Expr:
    if type_ == "day":
        return ("number", "day", random.choice((0, 20_541, 20_454, 7_927, 19_782)) + random.randint(-8, 8))
    if type_ == "yearly":
        return ("number", "yearly", random.choice((1, 59, 60, 61, 88, 89, 366)))
    if type_ == "money":
        return ("number", "money", random.choice((-1, 0, 1, 100, 1999, 2000, 2001, 3999, 10**15)))
    return ("number", "int", random.choice((-5, 0, 0, 1, 1, 2, 3, 6, 7, 12, 18, 19, 20, 24, 30, 10**15)))


def value(random: Random, type_: str, depth: int) -> Expr:
    """A random value of that type that is no bare constant."""
    if type_ in ("day", "yearly"):
        return ("trait", random.choice([n for n, t in TRAITS.items() if t == type_]))
    if depth and random.random() < 0.3:
        op = random.choice(("+", "-", "*", "neg"))
        if op == "neg":
            return ("neg", value(random, type_, depth - 1))
        if op == "*":
            return ("*", random.choice((-3, -1, 1, 2, 7)), value(random, type_, depth - 1))
        right = constant(random, type_) if random.random() < 0.5 else value(random, type_, depth - 1)
        return (op, value(random, type_, depth - 1), right)
    span = random.choice((None, 1, 2, 3, 7, 8, 14, 30, 31, 400))
    if type_ == "money":
        return random.choice((
            ("trait", "income"), ("trait", "wallet"), ("window", "spend", span),
            ("total", random.choice(EVENTS), span), ("spent_on", *random.choice(LINES), span),
("-", ("total", random.choice(EVENTS), span), ("priced", random.choice((100, 1999)), ("window", "orders", span))),
        ))  # fmt: skip
    return random.choice((
        ("trait", "age"), ("trait", "size"), ("window", "orders", span), ("count", random.choice(EVENTS), span),
        ("bought", *random.choice(LINES), span), ("viewed", *random.choice(LINES), span),
        ("since", random.choice(EVENTS)), ("since_trait", random.choice(("joined", "last_call"))),
        ("until", random.choice(("joined", "last_call"))),
        ("until", "birthday"), ("until", "birthday"),
    ))  # fmt: skip


# The text of an expression


def quote(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


def render(e: Expr) -> str:
    """The expression as a merchant would write it."""
    match e:
        case ("and" | "or", parts):
            return "(" + f" {e[0].upper()} ".join(map(render, parts)) + ")"
        case ("not", part):
            return f"NOT ({render(part)})"
        case ("likely", part, threshold):
            return f"likely({render(part)}, 0.{threshold:03d})"
        case ("truth", is_):
            return "true" if is_ else "FALSE"
        case ("text", "in" | "not in", trait, values):
            return f"{trait} {e[1]} ({', '.join(map(quote, values))})"
        case ("text", "flipped", trait, (only,)):
            return f"{quote(only)} = {trait}"
        case ("text", op, trait, (only,)):
            return f"{trait} {op} {quote(only)}"
        case ("member", "has", trait, member):
            return f"has({trait}, {quote(member)})"
        case ("member", op, trait, member):
            return f"{quote(member)} {op} {trait}"
        case ("contains" | "starts_with", trait, piece):
            return f"{e[0]}({trait}, {quote(piece)})"
        case ("known", "trait", trait):
            return f"known({trait})"
        case ("known", _, event):
            return f"known(days_since({quote(event)}))"
        case ("flag", trait, form):
            return f"{trait} {form}"
        case ("compare", op, left, right):
            return f"{render(left)} {op} {render(right)}"
        case ("between", no, inner, low, high):
            return f"{render(inner)} {no}BETWEEN {render(low)} AND {render(high)}"
        case ("in", no, inner, values):
            return f"{render(inner)} {no}IN ({', '.join(map(render, values))})"
        case ("number", "int", number):
            return str(number)
        case ("number", "money", number):
            return f"{'-' if number < 0 else ''}{abs(number) // 100}.{abs(number) % 100:02d}"
        case ("number", "day", number):
            return quote((date(1970, 1, 1) + timedelta(days=number)).isoformat())
        case ("number", _, number):
            return quote((date(2000, 1, 1) + timedelta(days=number - 1)).strftime("%m-%d"))
        case ("trait", name):
            return str(name)
        case ("window", measure, span):
            return f"{measure}({_span(span)})"
        case ("count" | "total", event, span):
            return f"{e[0]}({quote(event)}{', ' if span else ''}{_span(span)})"
        case ("bought" | "viewed" | "spent_on", dimension, what, span):
            return f"{e[0]}({quote(dimension)}, {quote(what)}{', ' if span else ''}{_span(span)})"
        case ("since", event):
            return f"days_since({quote(event)})"
        case ("since_trait", trait):
            return f"days_since({trait})"
        case ("until", trait):
            return f"days_until({trait})"
        case ("priced", cents, inner):
            return f"({cents // 100}.{cents % 100:02d} * {render(inner)})"
        case ("neg", inner):
            return f"-({render(inner)})"
        case ("*", factor, inner):
            return f"({factor} * ({render(inner)}))" if factor % 2 else f"({render(inner)} * {factor})"
        case (op, left, right):
            return f"({render(left)} {op} {render(right)})"
    raise AssertionError(e)


def _span(span: int | None) -> str:
    return "" if span is None else f"{span // 7}w" if span % 7 == 0 else f"{span}d"


# The meaning of an expression

AND = {
    (True, True): True, (True, False): False, (True, None): None,
    (False, True): False, (False, False): False, (False, None): False,
    (None, True): None, (None, False): False, (None, None): None,
}  # fmt: skip
OR = {
    (True, True): True, (True, False): True, (True, None): True,
    (False, True): True, (False, False): False, (False, None): None,
    (None, True): True, (None, False): None, (None, None): None,
}  # fmt: skip
NOT = {True: False, False: True, None: None}


def meaning(e: Expr, person: Person, of: World, threshold: int | None = None) -> bool | None:
    """Whether the condition is true of the person, False, or None where that is unknown."""

    def again(part: Expr) -> bool | None:
        return meaning(part, person, of, threshold)

    def band(inner: Expr) -> Band:
        return _band(inner, person, of, threshold)

    match e:
        case ("and", parts):
            return _fold(AND, [again(p) for p in parts])
        case ("or", parts):
            return _fold(OR, [again(p) for p in parts])
        case ("not", part):
            return NOT[again(part)]
        case ("likely", part, least):
            return meaning(part, person, of, least)
        case ("truth", is_):
            return bool(is_)
        case ("text", form, trait, values):
            text = _profile(person, trait, threshold)[2]
            same = None if text is None else text in values
            return NOT[same] if form in ("!=", "not in") else same
        case ("member", form, trait, member):
            text = _profile(person, trait, threshold)[2]
            inside = None if text is None else member in text.split("\x1f")
            return NOT[inside] if form == "not in" else inside
        case ("contains", trait, piece):
            text = _profile(person, trait, threshold)[2]
            return None if text is None else text.find(piece) >= 0
        case ("starts_with", trait, piece):
            text = _profile(person, trait, threshold)[2]
            return None if text is None else text[: len(piece)] == piece
        case ("known", "trait", trait):
            return any(v is not None for v in _profile(person, trait, threshold))
        case ("known", _, event):
            return any(ago >= 0 for ago, _ in of.days(person, event))
        case ("flag", trait, form):
            lo = _profile(person, trait, threshold)[0]
            yes = None if lo is None else lo == 1
            return NOT[yes] if form in ("!= true", "= false") else yes
        case ("compare", op, left, right):
            return _compare(op, band(left), band(right))
        case ("between", no, inner, low, high):
            inside = AND[_compare(">=", band(inner), band(low)), _compare("<=", band(inner), band(high))]
            return NOT[inside] if no else inside
        case ("in", no, inner, values):
            found = _fold(OR, [_compare("=", band(inner), band(v)) for v in values])
            return NOT[found] if no else found
    raise AssertionError(e)


def _fold(table: dict[Any, bool | None], results: Sequence[bool | None]) -> bool | None:
    whole = results[0]
    for result in results[1:]:
        whole = table[whole, result]
    return whole


def _compare(op: str, left: Band, right: Band) -> bool | None:
    if op in ("!=", "<>"):
        return NOT[_compare("=", left, right)]
    if op == "=":
        if left[1] < right[0] or right[1] < left[0]:
            return False
        return True if left == right and left[0] == left[1] else None
    results = {{"<": a < b, "<=": a <= b, ">": a > b, ">=": a >= b}[op] for a in set(left) for b in set(right)}
    return results.pop() if len(results) == 1 else None


def _profile(person: Person, trait: str, threshold: int | None) -> tuple[int | None, int | None, str | None]:
    lo, hi, txt, p = person.profile.get(trait, (None, None, None, None))
    if p is not None and (threshold is None or p < threshold):
        return None, None, None
    return lo, hi, txt


def _sum(person: Person, of: World, measure: str, span: int | None, column: str) -> int:
    return sum(
        getattr(h, column) for ago, h in of.days(person, measure) if ago >= 0 and (span is None or ago <= span - 1)
    )


def _band(e: Expr, person: Person, of: World, threshold: int | None) -> Band:
    def again(inner: Expr) -> Band:
        return _band(inner, person, of, threshold)

    def exact(number: int) -> Band:
        return number, number

    match e:
        case ("number", _, number):
            return exact(number)
        case ("trait", name):
            lo, hi, _ = _profile(person, name, threshold)
            return (-INF if lo is None else lo, INF if hi is None else hi)
        case ("window", "orders", span):
            return exact(_sum(person, of, "Order Completed", span, "n"))
        case ("window", _, span):
            paid = _sum(person, of, "Order Completed", span, "amount")
            return exact(paid - _sum(person, of, "Order Refunded", span, "amount"))
        case ("count", event, span):
            return exact(_sum(person, of, event, span, "n"))
        case ("total", event, span):
            return exact(_sum(person, of, event, span, "amount"))
        case ("bought" | "viewed", dimension, what, span):
            return exact(_sum(person, of, f"{e[0]}:{dimension}={what}", span, "n"))
        case ("spent_on", dimension, what, span):
            return exact(_sum(person, of, f"bought:{dimension}={what}", span, "amount"))
        case ("since", event):
            agos = [ago for ago, _ in of.days(person, event) if ago >= 0]
            return exact(min(agos)) if agos else (-INF, INF)
        case ("since_trait", trait):
            lo, hi, _ = _profile(person, trait, threshold)
            return (-INF if hi is None else of.day - hi, INF if lo is None else of.day - lo)
        case ("until", "birthday"):
            lo, hi, _ = _profile(person, "birthday", threshold)
            return (-INF, INF) if lo is None else exact(_next(lo, of.today))
        case ("until", trait):
            lo, hi, _ = _profile(person, trait, threshold)
            return (-INF if lo is None else lo - of.day, INF if hi is None else hi - of.day)
        case ("neg", inner):
            lo, hi = again(inner)
            return -hi, -lo
        case ("*" | "priced", factor, inner):
            ends = sorted(factor * end for end in again(inner))
            return ends[0], ends[1]
        case ("+", left, right):
            return again(left)[0] + again(right)[0], again(left)[1] + again(right)[1]
        case ("-", left, right):
            return again(left)[0] - again(right)[1], again(left)[1] - again(right)[0]
    raise AssertionError(e)


def _next(place: int, today: date) -> int:
    """Days to a yearly day by walking the calendar; 29 February is met on the 28th in a year without it."""
    meant = date(2000, 1, 1) + timedelta(days=place - 1)
    for ahead in range(400):
        at = today + timedelta(days=ahead)
        leap = (date(at.year, 12, 31) - date(at.year, 1, 1)).days == 365
        kept = (2, 28) if (meant.month, meant.day) == (2, 29) and not leap else (meant.month, meant.day)
        if (at.month, at.day) == kept:
            return ahead
    raise AssertionError(place)


# The same people in tables


def profile_rows(made: World) -> Iterator[dict[str, Any]]:
    for person, who in enumerate(made.people, 1):
        for trait, (lo, hi, txt, p) in who.profile.items():
            yield {"person": person, "trait": trait, "lo": lo, "hi": hi, "txt": txt, "at": 0, "source": "test", "p": p}


def activity_rows(made: World) -> Iterator[dict[str, Any]]:
    """Day buckets over two ownership intervals a person (2·person and 2·person + 1)."""
    for person, who in enumerate(made.people, 1):
        buckets: dict[tuple[int, str, int], list[int]] = {}
        for i, h in enumerate(who.happened):
            bucket = buckets.setdefault((2 * person + i % 2, h.measure, local_day(h.at, made.zone)), [0, 0])
            bucket[0] += h.n
            bucket[1] += h.amount
        for (interval, measure, day), (n, amount) in buckets.items():
            yield {"interval_id": interval, "measure": measure, "day": day, "n": n, "amount": amount}


def ownership_rows(made: World) -> Iterator[dict[str, Any]]:
    for person in range(1, len(made.people) + 1):
        for interval in (2 * person, 2 * person + 1):
            yield {"id": interval, "identifier": interval, "person": person, "from_at": 0, "until_at": 1}


def facts(language: ModuleType, made: World) -> list[Any]:
    """The people's facts, in the class of a language module."""
    profile: dict[int, list[Any]] = {}
    for row in profile_rows(made):
        profile.setdefault(row["person"], []).append((row["trait"], row["lo"], row["hi"], row["txt"], row["p"]))
    activity: dict[int, list[Any]] = {}
    for row in activity_rows(made):
        activity.setdefault(row["interval_id"] // 2, []).append((row["measure"], row["day"], row["n"], row["amount"]))
    people = range(1, len(made.people) + 1)
    return [language.Facts.of(profile.get(p, []), sorted(activity.get(p, []))) for p in people]


def memory(made: World) -> sqlite3.Connection:
    """The people in an SQLite database in memory."""
    conn = sqlite3.connect(":memory:")
    conn.executescript(
        "CREATE TABLE people (person INTEGER PRIMARY KEY);"
        "CREATE TABLE ownership (id INTEGER PRIMARY KEY, person INTEGER);"
        "CREATE TABLE activity (interval_id INTEGER, measure TEXT, day INTEGER, n INTEGER, amount INTEGER);"
        "CREATE TABLE profile (person INTEGER, trait TEXT, lo INTEGER, hi INTEGER, txt TEXT, p INTEGER);"
    )
    conn.executemany("INSERT INTO people VALUES (?)", [(p,) for p in range(1, len(made.people) + 1)])
    conn.executemany("INSERT INTO ownership VALUES (:id, :person)", list(ownership_rows(made)))
    conn.executemany(
        "INSERT INTO activity VALUES (:interval_id, :measure, :day, :n, :amount)", list(activity_rows(made))
    )
    conn.executemany("INSERT INTO profile VALUES (:person, :trait, :lo, :hi, :txt, :p)", list(profile_rows(made)))
    return conn


@dataclass
class Asked:
    """One expression asked of one world: its text, its audience, and who is in by its meaning."""

    text: str
    audience: Any
    expected: frozenset[int]


def ask(language: ModuleType, made: World, expressions: Sequence[Expr]) -> list[Asked]:
    """Each expression and its negation, after proving that the predicate agrees with their meaning.

    Raises:
        AssertionError: the predicate says otherwise of somebody.
    """
    words = vocabulary(language)
    known = facts(language, made)
    asked: list[Asked] = []
    for e in expressions:
        text = render(e)
        audience, negation = language.parse(text, words), language.parse(f"NOT {text}", words)
        truths = [meaning(e, person, made) for person in made.people]
        for i, (truth, of) in enumerate(zip(truths, known, strict=True)):
            said = audience.holds(of, made.day)
            assert said is truth, f"{text}: predicate says {said}, meaning {truth}, of {made.people[i]} on {made.today}"
            assert audience.test(of, made.day) is (truth is True)
            assert negation.holds(of, made.day) is NOT[truth]
        for one, sought in ((audience, True), (negation, False)):
            asked.append(Asked(one.text, one, frozenset(i for i, t in enumerate(truths, 1) if t is sought)))
    return asked


def batches(asked: Sequence[Asked], made: World, dialect: str, size: int, **options: Any) -> Iterator[tuple[str, Any]]:
    """Statements that each answer ``size`` questions with rows (question, person), and their questions."""
    for start in range(0, len(asked), size):
        some = asked[start : start + size]
        parts = [
            f"SELECT {i} AS q, person FROM ({a.audience.sql(dialect, made.day, **options)}) s{i}"
            for i, a in enumerate(some)
        ]
        yield " UNION ALL ".join(parts), some


def compare(rows: Sequence[Any], some: Sequence[Asked], made: World) -> None:
    """Raise AssertionError unless each question's people are those its meaning says."""
    found: dict[int, list[int]] = {}
    for question, person in rows:
        found.setdefault(question, []).append(person)
    for i, one in enumerate(some):
        people = found.get(i, [])
        assert len(people) == len(set(people)), f"{one.text}: somebody twice"
        wrong = set(people) ^ one.expected
        who = min(wrong, default=None)
        assert not wrong, f"{one.text}: wrong about {who}: {made.people[who - 1]} on {made.today}" if who else ""

"""``price``: from a cart and a book to a priced cart."""

from __future__ import annotations

from fairday.kernel.garbage import no_collection
from fairday.offers.model import Cart, Facts, Missing, Policy, Priced, Told
from fairday.offers.pricing.book import Book, excludes
from fairday.offers.pricing.building import Entry, build
from fairday.offers.pricing.cheapest import Cheapest, by_priority, cost_of
from fairday.offers.pricing.eligible import why_not
from fairday.offers.pricing.ground import Ground
from fairday.offers.pricing.search import Branching, Found
from fairday.offers.pricing.state import Exact
from fairday.offers.pricing.tangent import Tangent
from fairday.offers.pricing.totals import finish
from fairday.offers.pricing.walking import Walk


def price(cart: Cart, book: Book, facts: Facts, now: int, today: int) -> Priced:
    """Price a cart.

    Args:
        now: ms UTC; today: the shop's local day. Nothing else tells the time.

    Raises:
        FairdayError: the cart cannot be (no line, a number out of range).
    """
    with no_collection():  # many small objects, no cycles
        return _price(cart, book, facts, now, today)


def _price(cart: Cart, book: Book, facts: Facts, now: int, today: int) -> Priced:
    policy = book.policy
    ground = Ground(cart, facts, now, today)
    refused: list[Told] = []
    missing: list[Missing] = []
    before = _catalogue(ground, book, policy, refused, missing)
    ground.match(book)
    entries: list[Entry] = []
    for c in book.rules:
        told = why_not(c, ground, missing)
        if told is None:
            entries.append(build(c, ground, missing))
        else:
            refused.append(told)
    choice = _choose(ground, book, entries)
    chosen = choice.entries
    refused += _beaten(book, entries, chosen)
    return finish(ground, policy, before, choice.walk, choice.state, choice.found, refused, missing)


def _catalogue(
    ground: Ground, book: Book, policy: Policy, refused: list[Told], missing: list[Missing]
) -> tuple[Walk, Exact] | None:
    """Take the catalogue's rules; the prices they leave are what everything else looks at."""
    if not book.catalogue:
        return None
    ground.match(book)
    entries, seen = [], dict[str, set[int]]()
    for c in book.catalogue:
        told = why_not(c, ground, missing)
        if told is not None:
            refused.append(told)
            continue
        if c.rule.group:
            claimed = seen.setdefault(c.rule.group, set())
            free = {n: [i for i in ground.lines_of.get(n, []) if i not in claimed] for n in c.selects}
            kept, ground.lines_of = ground.lines_of, {**ground.lines_of, **free}
            entry = build(c, ground, missing)
            ground.lines_of = kept
            claimed.update(i for lines in free.values() for i in lines)
        else:
            entry = build(c, ground, missing)
        entry.line_group = ""
        entries.append(entry)
    walk = _walk(ground, policy, entries)
    state = walk.exactly((1 << len(entries)) - 1)
    ground.n, ground.d = list(state.n), state.d
    return walk, state


class _Choice:
    """What was chosen: the walk it was chosen in, its rules as bits and how good it is."""

    __slots__ = ("found", "state", "walk")

    def __init__(self, walk: Walk, found: Found, state: Exact) -> None:
        self.walk, self.found, self.state = walk, found, state

    @property
    def entries(self) -> list[Entry]:
        return [e for k, e in enumerate(self.walk.entries) if self.found.chosen >> k & 1]


def _choose(ground: Ground, book: Book, entries: list[Entry]) -> _Choice:
    """The best combination by the book's objective: of rules that go together, or one that stands alone."""
    policy = book.policy
    together = [e for e in entries if not e.c.alone]
    lonely = sorted((e for e in entries if e.c.alone), key=lambda e: e.c.rank)
    walk = _walk(ground, policy, together)
    if policy.objective == "priority":
        if lonely and all(lonely[0].c.rank < e.c.rank for e in together):
            walk, chosen = _walk(ground, policy, lonely[:1]), 1
        else:
            chosen = by_priority(walk, _conflicts(book, together))
        state = walk.exactly(chosen)
        return _Choice(walk, Found(chosen, walk.worth(state), walk.worth(state), 1), state)
    cheap = policy.objective == "merchant"
    if cheap:
        found = Cheapest(walk, _conflicts(book, together), policy.nodes).run()
    else:
        tangent = Tangent(walk, _groups(book, together), policy.nodes) if book.only_groups and walk.smooth else None
        if tangent is not None and tangent.fits:
            found = tangent.run()
        else:
            found = Branching(walk, _conflicts(book, together), policy.nodes).run()
    known = bool(together) or not lonely
    for entry in lonely:
        single = _walk(ground, policy, [entry])
        value = cost_of(single, 1) if cheap else single.worth(single.exactly(1))
        nodes = found.nodes + 1
        bound = value if not known else min(found.bound, value) if cheap else max(found.bound, value)
        if not known or (value < found.value if cheap else value > found.value):
            walk, found, known = single, Found(1, value, bound, nodes), True
        else:
            found = Found(found.chosen, found.value, bound, nodes)
    return _Choice(walk, found, walk.exactly(found.chosen))


def _walk(ground: Ground, policy: Policy, entries: list[Entry]) -> Walk:
    return Walk(ground, entries, policy.half, policy.remainder, policy.rounding == "each")


def _groups(book: Book, entries: list[Entry]) -> list[int]:
    """The number of each rule's group where another rule of it is there too, else -1."""
    groups = [book.group_of[e.c.at] for e in entries]
    count: dict[int, int] = {}
    for g in groups:
        count[g] = count.get(g, 0) + 1
    return [g if count[g] > 1 else -1 for g in groups]


def _conflicts(book: Book, entries: list[Entry]) -> list[int]:
    """Of each rule the rules of the cart it excludes, as bits by place."""
    place = {e.c.at: k for k, e in enumerate(entries)}
    return [_among(book.conflicts[e.c.at], place) for e in entries]


def _among(bits: int, place: dict[int, int]) -> int:
    """Places in the book as places in the cart."""
    found = 0
    while bits:
        bit = bits & -bits
        bits ^= bit
        k = place.get(bit.bit_length() - 1)
        if k is not None:
            found |= 1 << k
    return found


def _beaten(book: Book, entries: list[Entry], chosen: list[Entry]) -> list[Told]:
    """Why eligible rules were not taken: which taken ones each does not go with; none, where the buyer saves more
    without."""
    taken = {e.c.at for e in chosen}
    of_group: dict[int, list[str]] = {}
    for e in chosen:
        of_group.setdefault(book.group_of[e.c.at], []).append(e.c.rule.id)
    told = []
    only_groups = book.only_groups and not any(e.c.alone for e in chosen)
    for entry in entries:
        c = entry.c
        if c.at in taken:
            continue
        if only_groups and not c.alone:
            by = of_group.get(book.group_of[c.at], []) if c.rule.group else []
        else:
            by = [e.c.rule.id for e in chosen if c.alone or e.c.alone or excludes(c.rule, e.c.rule)]
        told.append(Told(rule=c.rule.id, code="beaten" if by else "left_out", values={"by": by} if by else {}))
    return told

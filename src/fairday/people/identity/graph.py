"""The rules of identity over what is loaded in memory; see docs/algorithms/identity.md. Pure.

A ``Graph`` is given the identifiers and persons that some happenings touch, takes the happenings in log order, and
holds afterwards what has to be written.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping

from fairday.kernel.settings import IdentitySettings
from fairday.people.identity.model import (
    Claims,
    Cut,
    Evidence,
    Identifier,
    Interval,
    Link,
    Person,
    composed,
    differences,
    identifier_number,
    interval_number,
    met_at,
    overlay,
)
from fairday.people.identity.normal import Key, accounts
from fairday.people.tables import OPEN


class Graph:
    """Identifiers, persons and what changes among them.

    Args:
        settings: the rules' parameters.
        claims: what is remembered of movable ids.
        pairs: cannot-link pairs, both ways (identifier → identifiers); every one of them is loaded.
        ensure: loads identifiers by number when a rule needs more than was loaded.
    """

    def __init__(
        self,
        settings: IdentitySettings,
        claims: Claims,
        pairs: Mapping[int, set[int]] | None = None,
        ensure: Callable[[Graph, Iterable[int]], None] = lambda graph, ids: None,
    ) -> None:
        self._settings = settings
        self._weak = frozenset(settings.weak)
        self._movable = frozenset(settings.transferable) - self._weak
        self._accounts = accounts(settings)
        self._claims = claims
        self._ensure = ensure
        self.pairs = {a: set(b) for a, b in (pairs or {}).items()}
        self.by_key: dict[Key, Identifier] = {}
        self.by_id: dict[int, Identifier] = {}
        self.people: dict[int, Person] = {}
        self._into: dict[int, int] = {}
        self.gone: list[int] = []
        self.links: list[Link] = []
        self.timeline: list[tuple[int, int, int]] = []
        self.moves: set[tuple[int, int]] = set()
        self.cuts: dict[tuple[int, int], list[Cut]] = {}
        self.refused: list[tuple[Key, int, str]] = []
        self.touched: dict[int, Identifier] = {}
        self._place = 0

    # ---- loading ---------------------------------------------------------------------------------------------------

    def load(self, identifier: Identifier) -> None:
        """Add an identifier that is already known."""
        self.by_key[identifier.type, identifier.value] = identifier
        self.by_id[identifier.id] = identifier

    def person(self, number: int) -> int:
        """The person a number stands for now: merged ones lead to the one they were merged into."""
        into = self._into
        if number not in into:
            return number
        root = number
        while root in into:
            root = into[root]
        while number != root:
            into[number], number = root, into[number]
        return root

    def owner(self, identifier: Identifier, at: int) -> int | None:
        """Whose an identifier is at an instant (ms), or None."""
        one = identifier.at(at)
        return None if one is None else self.person(one.person)

    # ---- happenings ------------------------------------------------------------------------------------------------

    def take(self, e: Evidence) -> None:
        """Take one happening: find its person, admit its other ids one by one, strongest first."""
        self._place = 0
        ids = self._rename(e) if e.previous and e.ids else e.ids
        person: int | None = None
        carrier: Identifier | None = None
        account: Identifier | None = None
        for key in ids:
            known = self._known(key)
            if person is None or carrier is None:
                fresh = known is None
                if known is None:
                    person = self._found(e.pos, e.at)
                    known = self._create(key, person, e)
                else:
                    person = self.owner(known, e.at)
                    if person is None:  # a shared device: it links nobody, and carries only what has nothing better
                        continue
                carrier = known
                self._claim(known, e, account, fresh)
            elif known is None:
                known = self._admit(key, carrier, person, account, e)
                if known is None:
                    continue
            else:
                person = self._join(known, carrier, person, account, e)
            if account is None and key[0] in self._accounts and self.owner(known, e.at) == person:
                account = known
        if carrier is None and ids:
            carrier = self.by_key[ids[0]]
        if carrier is not None:
            self.timeline.append((e.pos, carrier.id, e.at))

    def _known(self, key: Key) -> Identifier | None:
        """The identifier, if it has been admitted (while a split is replayed, some are loaded that are not yet)."""
        found = self.by_key.get(key)
        return found if found is not None and found.intervals else None

    def _rename(self, e: Evidence) -> list[Key]:
        """An alias: the old id and the new one are names of one account, and only the first counts against the limit.

        The old id is the account of that name, else the anonymous id of that name, else an account not met yet.
        """
        new = e.ids[0]
        assert e.previous is not None
        account, anonymous = e.previous
        if new[0] != account[0] or new == account:
            return e.ids
        old, renamed = self._known(account), self._known(new)
        browser = self._known(anonymous)
        # Only what was met before counts, also when an undone merge is replayed among ids that came later.
        if old is None and browser is not None and met_at(browser.id) < e.pos:
            return e.ids if anonymous in e.ids else [*e.ids, anonymous]
        for known, key in ((old, new), (renamed, account)):
            owner = self.owner(known, e.at) if known is not None else None
            if known is not None and owner is not None and self._known(key) is None:
                made = self._create(key, owner, e, counted=False)
                self._link(made, known, "alias", e)
                return e.ids
        if old is None and renamed is None:
            made = self._create(new, self._found(e.pos, e.at), e)
            other = self._create(account, self.person(made.intervals[0].person), e, counted=False)
            self._link(other, made, "alias", e)
            return e.ids
        return [new, account, *e.ids[1:]]  # both are known: joined if the limits allow, as any two ids

    def _admit(
        self, key: Key, carrier: Identifier, person: int, account: Identifier | None, e: Evidence
    ) -> Identifier | None:
        """Admit an id that nobody has to the happening's person, or refuse it."""
        unborn = self.by_key.get(key)
        if unborn is not None and self._barred(unborn, person):
            self.refused.append((key, e.pos, "split"))
            return None
        if not self._room(person, key[0]):
            self.refused.append((key, e.pos, "limit"))
            return None
        known = self._create(key, person, e)
        self._link(known, carrier, "same", e)
        self._claim(known, e, account, fresh=True)
        return known

    def _join(
        self, known: Identifier, carrier: Identifier, person: int, account: Identifier | None, e: Evidence
    ) -> int:
        """Admit a known id to the happening's person, or refuse it; the person afterwards."""
        owner = self.owner(known, e.at)
        if owner is None:
            return person
        if owner == person:
            self._claim(known, e, account, fresh=False)
            return person
        weak = known.type in self._weak
        if self._joinable(person, owner):
            self._claim(known, e, account, fresh=True)
            self._link(known, carrier, "merge", e)
            return self._merge(person, owner, e.pos)
        if self._barred(known, person):
            self._refuse(known, e, "split")
        elif weak and account is not None:
            self._login(known, carrier, person, account, e)
        elif known.type in self._movable and known.type in e.verified and self._fits(known, person, e):
            self._transfer(known, carrier, person, e)
        else:
            self._refuse(known, e, "limit")
        return person

    # ---- operators -------------------------------------------------------------------------------------------------

    def merge(self, a: Identifier, b: Identifier, e: Evidence, lift: bool = True) -> str:
        """An operator joins two ids' persons, over the limits but not over what was split; "" or why not.

        Args:
            lift: whether the merge takes back a split of these very ids.
        """
        one, two = a.current(), b.current()
        if one is None or two is None:
            return "nobody"
        mine, theirs = self.person(one.person), self.person(two.person)
        if mine == theirs:
            return ""
        if self._split_between(mine, theirs, {a.id, b.id} if lift else ()):
            return "split"
        self.pairs.get(a.id, set()).discard(b.id)
        self.pairs.get(b.id, set()).discard(a.id)
        self._link(a, b, "operator", e)
        self._merge(mine, theirs, e.pos)
        return ""

    def settle(self, identifier: Identifier, pos: int, at: int) -> None:
        """Give an id that nobody owns, after a split, a person of its own."""
        if not identifier.intervals:
            self._assign(identifier, self._found(pos, at), -OPEN, OPEN, pos)

    # ---- changes ---------------------------------------------------------------------------------------------------

    def _found(self, pos: int, at: int) -> int:
        number = -pos if pos in self.people or pos in self._into else pos
        self.people[number] = Person(number, at)
        return number

    def _create(self, key: Key, person: int, e: Evidence, counted: bool = True) -> Identifier:
        made = self.by_key.get(key)
        if made is None:
            made = Identifier(identifier_number(e.pos, self._place), key)
            self._place += 1
        made.replace(0, len(made.intervals), [Interval(interval_number(made.id, 0), person, -OPEN, OPEN)])
        self.load(made)
        self.touched[made.id] = made
        owner = self.people[person]
        owner.size += 1
        if counted and key[0] not in self._weak:
            owner.held[key[0]] = owner.held.get(key[0], 0) + 1
        self.moves.add((e.pos, person))
        return made

    def _assign(self, identifier: Identifier, person: int | None, from_at: int, until_at: int, pos: int) -> None:
        """Give a stretch of time of an id to a person or to nobody, keep the counts, say what was cut."""
        low, high = identifier.window(from_at, until_at)
        was = [i._replace(person=self.person(i.person)) for i in identifier.intervals[low:high]]
        now = overlay(identifier.id, was, person, from_at, until_at, identifier.next_nth())
        if was == now:
            return
        identifier.replace(low, high, now)
        self.touched[identifier.id] = identifier
        for found, step in ((was, -1), (now, 1)):
            for one in found:
                self.people[one.person].size += step
                if one.until_at == OPEN and identifier.type not in self._weak:
                    held = self.people[one.person].held
                    held[identifier.type] = held.get(identifier.type, 0) + step
        self.moves |= {(pos, one.person) for one in {*was} ^ {*now}}
        cuts = differences(was, now)
        first = self.cuts.get((pos, identifier.id))
        self.cuts[pos, identifier.id] = cuts if first is None else composed(first, cuts)

    def _merge(self, a: int, b: int, pos: int) -> int:
        """Make two persons one: the larger takes the smaller, of equals the older; its number."""
        one, two = self.people[a], self.people[b]
        keep, gone = (one, two) if (one.size, -one.number) > (two.size, -two.number) else (two, one)
        keep.size += gone.size
        keep.since = min(keep.since, gone.since)
        for type_, n in gone.held.items():
            keep.held[type_] = keep.held.get(type_, 0) + n
        del self.people[gone.number]
        self._into[gone.number] = keep.number
        if gone.stored is not None:
            self.gone.append(gone.number)
        self.moves.add((pos, keep.number))
        self.moves.add((pos, gone.number))
        return keep.number

    def _login(self, weak: Identifier, carrier: Identifier, person: int, account: Identifier, e: Evidence) -> None:
        """A login on a weak id that is another account's then: it follows the login by event time, or is shared."""
        if self._settings.weak_rebind == "last_login":
            from_at, until = self._stretch(weak, e)
            self._assign(weak, person, from_at, until, e.pos)
            self._link(weak, carrier, "login", e)
        else:
            first = self._claims.first(weak.id)
            if first is not None and e.at < first:
                self._assign(weak, person, weak.intervals[0].from_at, weak.intervals[-1].until_at, e.pos)
                self._link(weak, carrier, "login", e)
            else:
                self._refuse(weak, e, "first_login")
        self._claim(weak, e, account, fresh=False)
        shared = self._shared_from(weak, person)
        if shared is not None:
            self._assign(weak, None, shared, OPEN, e.pos)

    def _shared_from(self, weak: Identifier, person: int) -> int | None:
        """Since when enough accounts of different persons have logged in on a weak id, or None."""
        by_account = self._claims.accounts(weak.id)
        if len(by_account) < self._settings.shared_threshold:
            return None
        missing = [a for a in by_account if a not in self.by_id]
        if missing:
            self._ensure(self, missing)
        first: dict[int, int] = {}
        for number, at in by_account.items():
            account = self.by_id.get(number)
            current = account.current() if account is not None else None
            if current is not None:
                owner = self.person(current.person)
                first[owner] = min(at, first.get(owner, at))
        if len(first) < self._settings.shared_threshold:
            return None
        return sorted(first.values())[self._settings.shared_threshold - 1]

    def _transfer(self, known: Identifier, carrier: Identifier, person: int, e: Evidence) -> None:
        """A verified email or phone moves to the happening's person, from then until its next verification."""
        from_at, until_at = self._stretch(known, e)
        self._assign(known, person, from_at, until_at, e.pos)
        self._link(known, carrier, "verified", e)
        self._claim(known, e, None, fresh=False)

    def _stretch(self, known: Identifier, e: Evidence) -> tuple[int, int]:
        """What a claim takes of an id: from its instant (from ever if it is the earliest claim) to the next claim."""
        one = known.at(e.at)
        assert one is not None
        near = self._claims.around(known.id, e.at)
        from_at = -OPEN if near.before is None and near.known else e.at
        return from_at, one.until_at if near.after is None else min(one.until_at, near.after)

    def _claim(self, known: Identifier, e: Evidence, account: Identifier | None, fresh: bool) -> None:
        """Remember a login on a weak id, a verification of a transferable one, or what first tied it to a person."""
        if known.type in self._weak:
            if account is not None:
                self._claims.add(known.id, e.at, e.pos, True)
                self._claims.saw(known.id, account.id, e.at)
            elif fresh and e.ids[0][0] not in self._weak:
                self._claims.add(known.id, e.at, e.pos, False)
        elif known.type in self._movable:
            firm = known.type in e.verified
            if firm or fresh:
                self._claims.add(known.id, e.at, e.pos, firm)

    def _link(self, known: Identifier, other: Identifier, rule: str, e: Evidence) -> None:
        self.links.append(Link(known.id, e.pos, other.id, rule, e.kind, e.message_id, e.at))

    def _refuse(self, known: Identifier, e: Evidence, reason: str) -> None:
        self.refused.append(((known.type, known.value), e.pos, reason))

    # ---- limits and pairs ------------------------------------------------------------------------------------------

    def _room(self, person: int, type_: str) -> bool:
        """Whether the person may hold one more id of the type."""
        limit = self._settings.limits.get(type_)
        return limit is None or self.people[person].held.get(type_, 0) < limit

    def _fits(self, known: Identifier, person: int, e: Evidence) -> bool:
        """Whether a transferred id fits: it counts only if it would be the person's now, not just for a time past."""
        return self._stretch(known, e)[1] != OPEN or self._room(person, known.type)

    def _joinable(self, a: int, b: int) -> bool:
        """Whether two persons may be one: no limit broken by the joining, and nothing between them that was split.

        A limit an operator has overridden in one of them is not broken again by a person who adds nothing to it.
        """
        one, two = self.people[a].held, self.people[b].held
        for type_, n in one.items():
            other = two.get(type_, 0)
            limit = self._settings.limits.get(type_)
            if limit is not None and n > 0 and other > 0 and n + other > limit:
                return False
        return not self._split_between(a, b)

    def _owners(self, number: int) -> set[int]:
        identifier = self.by_id.get(number)
        return {self.person(i.person) for i in identifier.intervals} if identifier is not None else set()

    def _split_between(self, a: int, b: int, lifted: Collection[int] = ()) -> bool:
        """Whether ids of the two persons were split; the pair ``lifted`` does not count."""
        for x, others in self.pairs.items():
            if others and a in self._owners(x):
                for y in others:
                    if b in self._owners(y) and not (x in lifted and y in lifted):
                        return True
        return False

    def _barred(self, known: Identifier, person: int) -> bool:
        return any(person in self._owners(other) for other in self.pairs.get(known.id, ()))

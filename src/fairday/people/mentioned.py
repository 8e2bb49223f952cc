"""Whose words are these? By the ids they stand under, else by an address or a number that is written in them. Pure.

Whoever chooses their own ids (a browser says what it is called) must not come by other people's rows with them: an id
counts where it stands as itself, with its type; only addresses and numbers, which are proved, count within a text, and
there as whole ones. ``ann@example.com`` is not in ``joann@example.com``.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

import msgspec
import phonenumbers

from fairday.kernel import jsons
from fairday.people.identity.normal import Key

GONE = "…"
"""What stands where an address stood."""
AROUND = 60
"""Characters before and after a mention that an export shows of a text that others are in too."""
_SENT = {"user_id": ("userId", "user_id"), "anonymous_id": ("anonymousId", "anonymous_id", "previousId", "previous_id")}
"""The names under which the wire carries an id that no text search can tell from a word."""
_APART = r"[\s.()/\-\u00a0]*"


def pair(key: Key) -> str:
    """A key as it stands within a JSON list of ids."""
    return jsons.dumps(list(key))


class Mentions:
    """A person's ids, to be found in rows.

    Attributes:
        pairs: the keys as they stand in a list of ids, lower case.
        hints: lower-case pieces, one of which is in every text that mentions the person: for a database to look for.
        sent: the same for bodies of the wire.
    """

    def __init__(self, keys: Iterable[Key]) -> None:
        own = list(keys)
        self._keys = {(type_, value.lower()) for type_, value in own}
        self.pairs = tuple(sorted({pair(key).lower() for key in own}))
        hints, patterns, sent = set(), [], []
        for type_, value in own:
            if type_ == "email":
                hints.add(value.lower())
                # An escaped line end of JSON is no part of a word.
                patterns.append(rf"(?:(?<![\w.+%-])|(?<=\\[nrt])){re.escape(value)}(?![\w-]|\.\w)")
            elif type_ == "phone":
                number = phonenumbers.parse(value)
                national = phonenumbers.national_significant_number(number)
                hints.update(_ends(national))
                digits = _APART.join(national)
                country = rf"(?:(?:\+|00)?{_APART}{_APART.join(str(number.country_code))}{_APART})?"
                patterns.append(rf"(?<!\d){country}0?{_APART}{digits}(?!\d)")
            elif type_ in _SENT:
                sent.append((value, rf'"(?:{"|".join(_SENT[type_])})"\s*:\s*{re.escape(jsons.dumps(value))}'))
        self.hints = tuple(sorted(hints))
        self.sent = tuple(sorted({value.lower() for value, _ in sent}))
        self._within = re.compile("|".join(patterns), re.IGNORECASE) if patterns else None
        self._wire = re.compile("|".join(p for _, p in sent)) if sent else None

    def among(self, ids: str) -> bool:
        """Whether one of the person's ids is in a JSON list of [type, value]."""
        return bool(self._keys & {(t, v.lower()) for t, v in listed(ids)})

    def within(self, text: str) -> bool:
        """Whether a text has one of the person's addresses or numbers."""
        return self._within is not None and self._within.search(text) is not None

    def told(self, body: str) -> bool:
        """Whether a body of the wire is of the person, by their address, number or id."""
        return self.within(body) or (self._wire is not None and self._wire.search(body) is not None)

    def without(self, text: str) -> str:
        """The text without the person's addresses and numbers."""
        return text if self._within is None else self._within.sub(GONE, text)

    def around(self, body: str) -> str:
        """What a text that others are in too says of the person: the words around each mention."""
        found = [
            body[max(0, m.start() - AROUND) : m.end() + AROUND]
            for pattern in (self._within, self._wire)
            if pattern is not None
            for m in pattern.finditer(body)
        ]
        return GONE.join(["", *found, ""]) if found else ""


def _ends(national: str) -> set[str]:
    """The last four digits of a number, as people write them."""
    return {national[-4:-2] + between + national[-2:] for between in ("", " ", "-", ".", "/", "\u00a0")}


def listed(ids: str) -> list[Key]:
    """The keys of a JSON list of [type, value]; none where it is something else."""
    try:
        return msgspec.json.decode(ids, type=list[tuple[str, str]])
    except msgspec.MsgspecError:
        return []

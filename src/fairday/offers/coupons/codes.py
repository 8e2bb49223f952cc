"""Coupon codes: 80 random bits and two check characters, typed by hand; and the words of public coupons. Pure.

A code has 18 characters of Crockford's alphabet (no I, L, O, U), shown in three groups of six. The last two are the
check symbols of a Reed–Solomon code over GF(32): any two wrong characters, and any two that changed places, are always
found. The check keeps typing errors from counting as guesses; what keeps guessers out is the 80 bits.
"""

from __future__ import annotations

import hashlib
import re
import secrets
import unicodedata

from fairday.kernel.errors import FairdayError

ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
RANDOM = 16
"""Random characters of a code, five bits each."""
LENGTH = RANDOM + 2
GROUP = 6

_VALUE = {c: i for i, c in enumerate(ALPHABET)}
_MEANT = str.maketrans({"O": "0", "I": "1", "L": "1", "U": "V"})
_BETWEEN = re.compile(r"[\s\-‐-―_.·]+")
_WORD = re.compile(r"[^\W_](?:[^\W_]|-){2,28}[^\W_]")


def _powers() -> tuple[list[int], list[int]]:
    """Logarithms and powers of the generator 2 in GF(32), modulo x^5 + x^2 + 1."""
    powers, logs, value = [], [0] * 32, 1
    for n in range(31):
        powers.append(value)
        logs[value] = n
        value = value << 1 ^ (0b100101 if value & 16 else 0)
    return powers, logs


_POWERS, _LOGS = _powers()


def _times(a: int, b: int) -> int:
    return 0 if not a or not b else _POWERS[(_LOGS[a] + _LOGS[b]) % 31]


def _syndromes(values: list[int]) -> tuple[int, int]:
    """The sums that are both zero for a code that was typed right: plain, and weighted by the place's power."""
    plain = weighted = 0
    for place, value in enumerate(values):
        plain ^= value
        weighted ^= _times(value, _POWERS[place])
    return plain, weighted


def _checks(values: list[int]) -> list[int]:
    """The two symbols that bring both sums to zero when they stand at the end."""
    plain, weighted = _syndromes(values)
    first, last = _POWERS[len(values)], _POWERS[len(values) + 1]
    # a + b = plain and a·first + b·last = weighted, where + is exclusive or.
    a = _times(weighted ^ _times(plain, last), _POWERS[-_LOGS[first ^ last] % 31])
    return [a, a ^ plain]


def new_code() -> str:
    """A new code as it is printed, ``XXXXXX-XXXXXX-XXXXXX``."""
    bits = secrets.randbits(5 * RANDOM)
    values = [bits >> 5 * n & 31 for n in range(RANDOM)]
    return shown("".join(ALPHABET[v] for v in values + _checks(values)))


def shown(code: str) -> str:
    """A code in groups."""
    return "-".join(code[i : i + GROUP] for i in range(0, len(code), GROUP))


def read_code(typed: str) -> str | None:
    """The 18 characters of a code that somebody typed, in any case and grouping; None where it is not a code.

    O is read as 0, I and L as 1, U as V.

    Raises:
        FairdayError: it has a code's form and its check characters are wrong: ``mistyped_code``.
    """
    text = _BETWEEN.sub("", unicodedata.normalize("NFKC", typed)).upper().translate(_MEANT)
    if len(text) != LENGTH or any(c not in _VALUE for c in text):
        return None
    if any(_syndromes([_VALUE[c] for c in text])):
        raise FairdayError(
            "The code has a typing error.", code="mistyped_code", where="code", remedy="Compare it letter by letter."
        )
    return text


def hashed(code: str) -> str:
    """What is kept of a code. 80 random bits cannot be searched through, so a plain quick hash is enough."""
    return hashlib.blake2b(code.encode(), digest_size=20, person=b"fairday coupon").hexdigest()


def read_word(typed: str) -> str | None:
    """A public coupon's word as it is kept: 4 to 30 letters, digits and inner hyphens in capitals; None if it is none.

    What has the form of a code is no word, so that what somebody types is one or the other.
    """
    text = unicodedata.normalize("NFKC", typed).strip().upper()
    plain = text.replace("-", "").translate(_MEANT)
    if not _WORD.fullmatch(text) or (len(plain) == LENGTH and all(c in _VALUE for c in plain)):
        return None
    return text

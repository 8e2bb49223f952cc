from __future__ import annotations

import math
import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fairday.kernel.errors import FairdayError
from fairday.offers.coupons.codes import ALPHABET, LENGTH, RANDOM, hashed, new_code, read_code, read_word, shown

CODE = st.builds(lambda seed: new_code(), st.integers())


def test_a_code_has_at_least_eighty_random_bits_and_letters_that_are_not_mistaken():
    assert RANDOM * math.log2(len(ALPHABET)) >= 80
    assert not set("ILOU") & set(ALPHABET)
    made = {new_code() for _ in range(2000)}
    assert len(made) == 2000
    for place in range(RANDOM):
        used = {code.replace("-", "")[place] for code in made}
        assert len(used) == 32  # every character of every place is random


@given(CODE)
@settings(max_examples=50)
def test_a_code_is_read_however_it_is_typed(code):
    plain = code.replace("-", "")
    assert len(plain) == LENGTH
    for typed in (code, plain.lower(), f" {' '.join(plain)} ", plain.replace("0", "o").replace("1", "l"),
                  plain.replace("V", "u"), code.replace("-", "—")):  # fmt: skip
        assert read_code(typed) == plain
    assert shown(plain) == code


@given(CODE, st.data())
@settings(max_examples=200)
def test_one_or_two_wrong_characters_are_always_found(code, data):
    plain = list(code.replace("-", ""))
    for place in data.draw(st.lists(st.integers(0, LENGTH - 1), min_size=1, max_size=2, unique=True)):
        plain[place] = data.draw(st.sampled_from([c for c in ALPHABET if c != plain[place]]))
    with pytest.raises(FairdayError) as error:
        read_code("".join(plain))
    assert error.value.code == "mistyped_code"


def test_two_characters_that_changed_places_are_always_found():
    luck = random.Random(1)
    for _ in range(300):
        plain = list(new_code().replace("-", ""))
        a, b = luck.sample(range(LENGTH), 2)
        if plain[a] == plain[b]:
            continue
        plain[a], plain[b] = plain[b], plain[a]
        with pytest.raises(FairdayError):
            read_code("".join(plain))


@pytest.mark.parametrize("typed", ["", "SPRING", "X" * 17, "X" * 19, "AAAAAA-AAAAAA-AAAAA!", "\0" * 18])
def test_what_is_no_code_is_told_from_a_mistyped_one(typed):
    assert read_code(typed) is None


def test_only_a_hash_is_kept_and_it_is_always_the_same():
    code = new_code().replace("-", "")
    assert hashed(code) == hashed(code)
    assert code not in hashed(code)
    assert len(hashed(code)) == 40


@pytest.mark.parametrize(
    ("typed", "word"),
    [(" spring20 ", "SPRING20"), ("新年好运来", "新年好运来"), ("ＳＡＬＥ", "SALE"), ("a-b-c", "A-B-C"), ("abc", None),
     ("-abc", None), ("a b c d", None), ("x" * 31, None), ("a_b_c", None), ("<b>x</b>", None),
     ("SPRING-TEA-2026-SALES", None)],
)  # fmt: skip
def test_a_public_word_is_kept_in_one_form(typed, word):
    assert read_word(typed) == word

"""Whose a row is: by whole ids with their type, by whole addresses and numbers, by nothing that merely looks alike."""

from __future__ import annotations

import pytest

from fairday.people.mentioned import Mentions, pair

ANN = Mentions([("email", "ann@example.com"), ("phone", "+8613800138001"), ("user_id", "annann-77"),
                ("anonymous_id", "track")])  # fmt: skip


@pytest.mark.parametrize("text", [
    "ann@example.com", "write to Ann@Example.com.", '{"email":"ann@example.com"}', "mailto:ann@example.com?subject=x",
    r'{"note":"hi\nann@example.com"}', "13800138001", "+86 138 0013 8001", "0086-138-0013-8001", "(+86)13800138001",
    '{"phone":"+8613800138001"}', "8613800138001", "tel. 138.0013.8001!",
])  # fmt: skip
def test_addresses_and_numbers_are_found_however_they_are_written(text: str) -> None:
    assert ANN.within(text)
    assert any(hint in text.lower() for hint in ANN.hints), "the database looks for these"
    assert not ANN.within(ANN.without(text))


@pytest.mark.parametrize("text", [
    "joann@example.com", "ann@example.com.evil.net", "ann@example.community", "x+ann@example.com", "913800138001",
    "138001380011", "annann-77", "track", "SF8613800138001999", "ann@example.co",
])  # fmt: skip
def test_what_only_holds_the_letters_is_somebody_elses(text: str) -> None:
    assert not ANN.within(text)
    assert ANN.without(text) == text


def test_a_list_of_ids_is_ones_own_by_whole_ids_of_the_same_type() -> None:
    assert ANN.among('[["email","ann@example.com"]]')
    assert ANN.among('[["phone","+1"],["user_id","ANNANN-77"]]')
    for other in ('[["email","joann@example.com"]]', '[["anonymous_id","annann-77"]]', "[]", "{}", "", "[1]", '["a"]'):
        assert not ANN.among(other)
    assert pair(("email", 'a"b@x.cn')) == r'["email","a\"b@x.cn"]'


def test_a_body_of_the_wire_is_theirs_by_the_ids_it_is_sent_with_and_not_by_a_word() -> None:
    assert ANN.told('{"type":"page","userId": "annann-77"}')
    assert ANN.told('{"anonymousId":"track"}')
    assert not ANN.told('{"type":"track","userId":"bob","anonymousId":"annann-77"}')


def test_of_a_text_that_others_are_in_too_only_what_is_around_is_shown() -> None:
    text = "bob@example.com lives here. " * 9 + " " * 60 + "ann@example.com" + " " * 200
    assert "ann@example.com" in ANN.around(text)
    assert "bob" not in ANN.around(text)
    assert ANN.around("nothing") == ""


def test_who_has_no_address_mentions_nothing() -> None:
    nobody = Mentions([("anonymous_id", "ann@example.com")])
    assert not nobody.within("ann@example.com")
    assert nobody.hints == ()
    assert Mentions([]).without("as it was") == "as it was"

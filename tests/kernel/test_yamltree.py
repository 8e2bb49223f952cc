from __future__ import annotations

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from fairday.kernel.yamltree import Tree, did_you_mean

_word = st.text("abcé茶'\"\\\\<>=(),.0123🙂", min_size=1, max_size=12)
_texts = st.lists(_word, min_size=1, max_size=12).map(" ".join)


@given(_texts, st.sampled_from([None, "'", '"', "|", ">"]), st.integers(12, 60), st.integers(0, 3))
@settings(max_examples=200)
def test_a_character_of_a_value_is_found_in_the_file_through_quotes_escapes_and_folds(text, style, width, lines):
    if style == "|":
        text = text.replace(" ", "\n", lines)
    raw = yaml.dump({"a": {"who": text}, "b": "end"}, default_style=style, width=width, allow_unicode=True)
    tree = Tree(raw, "f.yaml")
    assert tree.problems == []
    node = tree.root.value[0][1].value[0][1]
    assert node.value.rstrip("\n") == text
    rows = raw.split("\n")
    for offset, wanted in enumerate(text):
        if wanted in " \n":
            continue
        tree.problem(node, "a.who", "here", offset=offset)
        problem = tree.problems[-1]
        found = rows[problem.line - 1][problem.column - 1 :]
        # An escape or a doubled quote stands for its character.
        assert found.startswith((wanted, "\\")), (found, wanted, raw)


@pytest.mark.parametrize("sign", ["\\0", "\\ud800"])
def test_an_escape_of_what_no_table_keeps_is_a_problem(sign):
    tree = Tree(f'a: "up{sign}"', "f.yaml")
    assert [(p.line, p.column) for p in tree.problems] == [(1, 4)]


@pytest.mark.parametrize(
    ("word", "known", "said"),
    [
        ("emial", ["email", "feed"], "Did you mean email? Write one of: email, feed."),
        ("zzz", ["email", "feed"], "Write one of: email, feed."),
        ("zzz", [str(i) * 3 for i in range(20)], ""),
    ],
)
def test_a_word_is_answered_with_the_nearest_known(word, known, said):
    assert did_you_mean(word, known) == said

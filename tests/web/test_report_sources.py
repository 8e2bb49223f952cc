"""The report's section on sources as a page, in every language, and its bars."""

from __future__ import annotations

import re

import pytest

from fairday.insight.channels import CHANNELS
from fairday.insight.sources import GROUPS, MODELS, ModelCredits, SourceRow, Sources
from fairday.web import plots
from fairday.web.i18n import LANGUAGES, Tongue, catalogue
from fairday.web.render import _environment

NOTHING = Sources(currency="CNY", first=1, last=28, lookback=30, rows=[], models=[], orders=0, revenue=0,
                  unknown_orders=0, unknown_revenue=0, nulls=0, p_conv=None, simulated_orders=0)  # fmt: skip
ROWS = [SourceRow(channel=c, visits=9, people=3, simulated=int(c == "email")) for c in CHANNELS]
SOME = Sources(
    currency="CNY", first=1, last=28, lookback=30, rows=ROWS,
    models=[ModelCredits(model=m, orders=[2.5] * len(ROWS), revenue=[12_345] * len(ROWS)) for m in MODELS],
    orders=30, revenue=12_345 * len(ROWS), unknown_orders=1, unknown_revenue=700, nulls=2, p_conv=0.5,
    simulated_orders=1,
)  # fmt: skip


def drawn(sources, language, metric="revenue"):
    tongue = Tongue(language, "Asia/Shanghai", "CNY")
    template = _environment().get_template("report_sources.html")
    return template.render({"_": tongue, "t": tongue, "sources": sources, "metric": metric, "plots": plots})


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_channel_and_model_stands_there_in_every_language(language):
    page = drawn(SOME, language)
    for prefix, names in (("by", CHANNELS), ("model", MODELS), ("group", GROUPS)):
        for name in names:
            assert catalogue()[f"sources.{prefix}.{name}"][language] in page.replace("&#39;", "'"), name
    assert page.count('class="shares"') == len(MODELS)
    assert "123.45" in page.replace("123,45", "123.45")
    assert "2.5" in drawn(SOME, language, "orders").replace("2,5", "2.5")
    tongue = Tongue(language, "Asia/Shanghai", "CNY")
    assert str(tongue("sources.simulated", n=1)) in page
    assert str(tongue("sources.unknown", n=1, revenue=tongue.money(700))) in page
    assert str(tongue("sources.nulls", n=2)) in page
    empty = drawn(NOTHING, language)
    assert catalogue()["sources.none"][language] in empty
    assert "svg" not in empty


def test_a_bar_is_as_long_as_its_shares():
    bar = str(plots.shares([0.25, 0.5, 0.25], ["a", "b", "c<"]))
    assert re.findall(r'x="([\d.]+)" width="([\d.]+)"', bar) == [
        ("0.00", "25.00"),
        ("25.00", "50.00"),
        ("75.00", "25.00"),
    ]
    assert "by-c&lt;" in bar

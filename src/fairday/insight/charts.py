"""The report's pictures as PNG or SVG, by Altair and vl-convert (the extra ``charts``)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Literal, get_args

from fairday.insight.report import Report
from fairday.kernel.clock import to_date
from fairday.kernel.errors import FairdayError, NotFound
from fairday.kernel.money import major

Format = Literal["png", "svg"]
FORMATS: tuple[Format, ...] = get_args(Format)
Say = Callable[..., str]
"""Gives a text by the key of a message, in the reader's language."""

ACCENT, SOFT, FAINT, WARM = "#0b6e63", "#5f6662", "#c9cdc9", "#d08c2f"
FONT = "Noto Sans CJK SC, Noto Sans SC, PingFang SC, Microsoft YaHei, WenQuanYi Micro Hei, Noto Sans, DejaVu Sans"
"""Fonts that write Chinese first, so that no box stands for a sign."""
WIDTH = 720


def draw(found: Report, chart: str, format_: Format, say: Say, titles: Mapping[str, str]) -> bytes:
    """A picture of the report; ``chart`` is one of ``CHARTS``.

    Args:
        say: texts in the reader's language.
        titles: what scenes are called, by name.

    Raises:
        NotFound: there is no such picture.
        FairdayError: the extra is not installed.
    """
    if chart not in CHARTS:
        raise NotFound(f"The report has no picture {chart!r}.", code="no_table", remedy=f"Known: {', '.join(CHARTS)}.")
    try:
        import altair as alt
        import vl_convert
    except ImportError:
        raise FairdayError(
            "Pictures need Altair and vl-convert.", code="no_charts", remedy="pip install 'fairday[charts]'"
        )
    made = CHARTS[chart](alt, found, say, titles)
    spec = _dressed(made).to_dict()
    # Nothing is fetched: every value stands in the specification.
    if format_ == "svg":
        return vl_convert.vegalite_to_svg(spec, allowed_base_urls=[]).encode()
    return bytes(vl_convert.vegalite_to_png(spec, scale=2, allowed_base_urls=[]))


def _dressed(chart: Any) -> Any:
    return (
        chart.configure(font=FONT, background="#ffffff", padding=16)
        .configure_view(stroke=None)
        .configure_axis(labelColor=SOFT, titleColor=SOFT, gridColor="#ecebe6", domainColor=FAINT, tickColor=FAINT)
        .configure_title(anchor="start", fontSize=16, fontWeight=600, offset=14)
        .configure_legend(labelColor=SOFT, title=None, orient="top")
    )


def _days(alt: Any, found: Report, say: Say, titles: Mapping[str, str]) -> Any:
    asked = found.asked
    figure = found.figures.of(asked.metric)
    scale = (lambda v: float(major(v, found.currency))) if asked.metric == "revenue" else float
    now, before = say("report.days.now"), say("report.days.before")
    rows = [
        {"day": to_date(asked.first + i).isoformat(), "now": scale(a), "before": scale(b), "is": now, "was": before}
        for i, (a, b) in enumerate(zip(figure.days, figure.days_before, strict=True))
    ]
    day = alt.X("day:T", title=None, axis=alt.Axis(format="%m-%d", grid=False))
    colour = alt.Scale(domain=[now, before], range=[ACCENT, WARM])
    ran = [
        {"from": to_date(a).isoformat(), "to": to_date(b + 1).isoformat(), "title": titles.get(s.scene, s.scene)}
        for s, a, b in found.ran
    ]
    unit = f" ({found.currency})" if asked.metric == "revenue" else ""
    layers = [
        alt.Chart(alt.Data(values=rows)).mark_bar(opacity=0.9, size=max(2.0, 0.7 * WIDTH / asked.days)).encode(
            x=day, y=alt.Y("now:Q", title=None), color=alt.Color("is:N", scale=colour)
        ),
        alt.Chart(alt.Data(values=rows)).mark_line(strokeWidth=2, strokeDash=[4, 3]).encode(
            x=day, y="before:Q", color=alt.Color("was:N", scale=colour)
        ),
    ]  # fmt: skip
    if ran:
        base = alt.Chart(alt.Data(values=ran))
        layers.insert(0, base.mark_rect(color=ACCENT, opacity=0.09).encode(x="from:T", x2="to:T"))
        layers.append(
            base.mark_text(align="left", baseline="top", dx=4, dy=4, color=ACCENT, fontSize=11).encode(
                x="from:T", y=alt.value(0), text="title:N"
            )
        )
    title = say("report.days", metric=say(f"report.metric.{asked.metric}")) + unit
    return alt.layer(*layers).properties(title=title, width=WIDTH, height=260)


def _scenes(alt: Any, found: Report, say: Say, titles: Mapping[str, str]) -> Any:
    rows = [
        {
            "scene": titles.get(s.scene, s.scene),
            "low": float(major(round(e.low), found.currency)),
            "high": float(major(round(e.high), found.currency)),
            "it": float(major(round(e.estimate), found.currency)),
            "sure": e.sure,
        }
        for s in found.scenes
        if (e := s.best) is not None
    ]
    base = alt.Chart(alt.Data(values=rows))
    tone = alt.condition("datum.sure", alt.value(ACCENT), alt.value(SOFT))
    y = alt.Y("scene:N", title=None, sort=None, axis=alt.Axis(labelLimit=260))
    x = f"{say('report.per_person')} ({found.currency})"
    layers = [
        alt.Chart(alt.Data(values=[{"x": 0}])).mark_rule(color=FAINT, strokeDash=[3, 3]).encode(x="x:Q"),
        base.mark_rule(strokeWidth=3).encode(x=alt.X("low:Q", title=x), x2="high:Q", y=y, color=tone),
        base.mark_point(filled=True, size=110, shape="square", opacity=1).encode(x="it:Q", y=y, color=tone),
    ]
    return alt.layer(*layers).properties(title=say("report.caused"), width=WIDTH - 200, height=max(60, 44 * len(rows)))


def _cohorts(alt: Any, found: Report, say: Say, titles: Mapping[str, str]) -> Any:
    rows = [
        {"cohort": c.month, "k": k, "share": cell.share, "text": f"{cell.share:.0%}"}
        for c in found.cohorts.cohorts
        for k, cell in enumerate(c.cells)
        if k
    ]
    base = alt.Chart(alt.Data(values=rows)).encode(
        x=alt.X("k:O", title=None, axis=alt.Axis(orient="top", labelAngle=0)), y=alt.Y("cohort:O", title=None)
    )
    shade = alt.Scale(range=["#f2f7f5", ACCENT], domain=[0, 1])
    cells = base.mark_rect().encode(color=alt.Color("share:Q", scale=shade, legend=None))
    words = base.mark_text(fontSize=11).encode(
        text="text:N", color=alt.condition("datum.share > 0.55", alt.value("#ffffff"), alt.value("#1d1f1e"))
    )
    height = max(80, 28 * len(found.cohorts.cohorts))
    return alt.layer(cells, words).properties(title=say("report.cohorts"), width=WIDTH - 60, height=height)


def _rfm(alt: Any, found: Report, say: Say, titles: Mapping[str, str]) -> Any:
    rows = [
        {
            "name": say(f"word.{s.name}"),
            "people": s.people,
            "net": float(major(s.net, found.currency)),
            "text": f"{s.people:,} · {major(s.net, found.currency):,}",
        }
        for s in found.rfm
    ]
    y = alt.Y("name:N", title=None, sort=None, axis=alt.Axis(labelLimit=220))
    base = alt.Chart(alt.Data(values=rows))
    bars = base.mark_bar(color=ACCENT, cornerRadiusEnd=3).encode(x=alt.X("people:Q", title=say("report.people")), y=y)
    words = base.mark_text(align="left", dx=6, color=SOFT, fontSize=11).encode(x="people:Q", y=y, text="text:N")
    title = f"{say('report.rfm')} ({found.currency})"
    return alt.layer(bars, words).properties(title=title, width=WIDTH - 160, height=max(60, 30 * len(rows)))


TONES = ("#0b6e63", "#4a79c4", "#d58a2a", "#a9afab", "#d9d6cd")
"""Email, search, social, direct and other, as on the page."""


def _sources(alt: Any, found: Report, say: Say, titles: Mapping[str, str]) -> Any:
    told, metric = found.sources, "revenue" if found.asked.metric == "revenue" and found.sources.revenue else "orders"
    groups = [say(f"sources.group.{group}") for group in told.groups]
    rows = [
        {"model": say(f"sources.model.{model}"), "group": group, "share": share, "order": k}
        for model, shares in told.picture(metric)
        for k, (group, share) in enumerate(zip(groups, shares, strict=True))
    ]
    bars = (
        alt.Chart(alt.Data(values=rows))
        .mark_bar()
        .encode(
            x=alt.X("share:Q", title=None, axis=alt.Axis(format="%"), scale=alt.Scale(domain=[0, 1])),
            y=alt.Y("model:N", title=None, sort=None, axis=alt.Axis(labelLimit=220)),
            color=alt.Color("group:N", sort=None, scale=alt.Scale(domain=groups, range=list(TONES))),
            order="order:Q",
        )
    )
    title = [f"{say('sources.picture')} {say(f'sources.picture.{metric}')}"]
    if told.simulated:
        title.append(say("sources.simulated", n=told.simulated))
    return bars.properties(title=title, width=WIDTH - 200, height=max(60, 30 * len(told.models)))


CHARTS: dict[str, Callable[[Any, Report, Say, Mapping[str, str]], Any]] = {
    "days": _days,
    "sources": _sources,
    "scenes": _scenes,
    "cohorts": _cohorts,
    "rfm": _rfm,
}
"""The pictures by name."""

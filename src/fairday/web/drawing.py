"""Small charts drawn on the server as SVG: they need no script and weigh a few hundred bytes.

Colours come from the style sheet by class, so they follow light and dark. Text in them is data or has been translated.
"""

from __future__ import annotations

from collections.abc import Sequence

from markupsafe import Markup, escape


def sparkline(values: Sequence[int], label: str, width: int = 240, height: int = 48) -> Markup:
    """A line of values over equal steps with its area filled; ``label`` is read aloud in its place."""
    top = max([*values, 1])
    step = width / max(len(values) - 1, 1)
    points = [(round(i * step, 1), round(height - 3 - (height - 6) * v / top, 1)) for i, v in enumerate(values)]
    line = " ".join(f"{x},{y}" for x, y in points)
    return Markup(
        f'<svg class="spark" viewBox="0 0 {width} {height}" preserveAspectRatio="none" role="img" '
        f'aria-label="{escape(label)}"><polygon class="area" points="0,{height} {line} {width},{height}"/>'
        f'<polyline class="line" points="{line}"/></svg>'
    )


def columns(values: Sequence[int], label: str, titles: Sequence[str], width: int = 480, height: int = 96) -> Markup:
    """Upright bars, one a step, each with its title on hover."""
    top = max([*values, 1])
    slot = width / max(len(values), 1)
    bars = "".join(
        f'<rect class="bar" x="{i * slot + slot * 0.15:.1f}" y="{height - max(height * v / top, 1.5):.1f}" '
        f'width="{slot * 0.7:.1f}" height="{max(height * v / top, 1.5):.1f}" rx="2">'
        f"<title>{escape(title)}</title></rect>"
        for i, (v, title) in enumerate(zip(values, titles, strict=True))
    )
    return Markup(
        f'<svg class="columns" viewBox="0 0 {width} {height}" preserveAspectRatio="none" role="img" '
        f'aria-label="{escape(label)}">{bars}</svg>'
    )


def meter(share: float, tone: str = "") -> Markup:
    """A lying bar filled to ``share`` of one."""
    filled = max(0.0, min(1.0, share)) * 100
    return Markup(
        f'<svg class="meter {escape(tone)}" viewBox="0 0 100 6" preserveAspectRatio="none" aria-hidden="true">'
        f'<rect class="track" width="100" height="6"/><rect class="fill" width="{filled:.1f}" height="6"/></svg>'
    )

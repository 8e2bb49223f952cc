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


def stacked(
    values: Sequence[tuple[int, ...]],
    label: str,
    titles: Sequence[str],
    tones: Sequence[str],
    width: int = 720,
    height: int = 150,
) -> Markup:
    """Upright bars of several parts on each other, one a step; ``tones`` gives each step's ground a class."""
    top = max([sum(v) for v in values] + [1])
    slot = width / max(len(values), 1)
    drawn: list[str] = []
    for i, (parts, title, tone) in enumerate(zip(values, titles, tones, strict=True)):
        x, y = i * slot, float(height)
        if tone:
            drawn.append(
                f'<rect class="ground {escape(tone)}" x="{x:.1f}" y="0" width="{slot:.2f}" height="{height}"/>'
            )
        bars = ""
        for part, value in enumerate(parts):
            tall = (height - 6) * value / top
            y -= tall
            if value:
                bars += (
                    f'<rect class="part p{part}" x="{x + slot * 0.14:.1f}" y="{y:.1f}" width="{slot * 0.72:.2f}" '
                    f'height="{tall:.1f}"/>'
                )
        drawn.append(f"<g><title>{escape(title)}</title>{bars}"
                     f'<rect class="touch" x="{x:.1f}" y="0" width="{slot:.2f}" height="{height}"/></g>')  # fmt: skip
    return Markup(
        f'<svg class="columns stacked" viewBox="0 0 {width} {height}" preserveAspectRatio="none" role="img" '
        f'aria-label="{escape(label)}">{"".join(drawn)}</svg>'
    )


def meter(share: float, tone: str = "") -> Markup:
    """A lying bar filled to ``share`` of one."""
    filled = max(0.0, min(1.0, share)) * 100
    return Markup(
        f'<svg class="meter {escape(tone)}" viewBox="0 0 100 6" preserveAspectRatio="none" aria-hidden="true">'
        f'<rect class="track" width="100" height="6"/><rect class="fill" width="{filled:.1f}" height="6"/></svg>'
    )

"""The report's pictures for its page, drawn on the server as SVG: they need no script and no parts.

Colours come from the style sheet by class, so they follow light and dark. Text in them is data or has been translated.
"""

from __future__ import annotations

from collections.abc import Sequence

from markupsafe import Markup, escape

WIDTH, HEIGHT = 720, 180


def period(
    now: Sequence[int],
    before: Sequence[int],
    bands: Sequence[tuple[int, int, str]],
    titles: Sequence[str],
    label: str,
) -> Markup:
    """A period day by day as columns, the one it is compared with as a line, and bands where scenes ran.

    Args:
        now, before: one value a day, equally many.
        bands: (first day, last day, title), counted from 0, both included.
        titles: what is said of each day on hover.
        label: read aloud in its place.
    """
    top, low = max([*now, *before, 1]), min([*now, *before, 0])
    slot = WIDTH / max(len(now), 1)

    def y(value: float) -> float:
        return 4 + (HEIGHT - 8) * (top - value) / (top - low)

    drawn = [
        f'<rect class="band" x="{first * slot:.1f}" y="0" width="{(last - first + 1) * slot:.1f}" height="{HEIGHT}">'
        f"<title>{escape(title)}</title></rect>"
        for first, last, title in bands
    ]
    for i, (value, title) in enumerate(zip(now, titles, strict=True)):
        a, b = sorted((y(value), y(0)))
        drawn.append(
            f'<rect class="bar" x="{i * slot + slot * 0.14:.1f}" y="{a:.1f}" width="{slot * 0.72:.1f}" '
            f'height="{max(b - a, 0.8):.1f}"><title>{escape(title)}</title></rect>'
        )
    line = " ".join(f"{(i + 0.5) * slot:.1f},{y(v):.1f}" for i, v in enumerate(before))
    drawn.append(f'<polyline class="before" points="{line}"/>')
    return _svg("period", WIDTH, HEIGHT, label, "".join(drawn))


def forest(low: float, estimate: float, high: float, span: tuple[float, float], tone: str, label: str) -> Markup:
    """An interval on a line with zero marked; ``span`` is what all rows of the picture share."""
    least, most = min(span[0], 0.0), max(span[1], 0.0)
    width = (most - least) or 1.0
    least, width = least - 0.04 * width, 1.08 * width

    def x(value: float) -> float:
        return 400 * min(max((value - least) / width, 0.0), 1.0)

    drawn = (
        f'<line class="zero" x1="{x(0):.1f}" x2="{x(0):.1f}" y1="0" y2="28"/>'
        f'<line class="reach {escape(tone)}" x1="{x(low):.1f}" x2="{x(high):.1f}" y1="14" y2="14"/>'
        f'<rect class="point {escape(tone)}" x="{x(estimate) - 4:.1f}" y="8" width="8" height="12" rx="2"/>'
    )
    return _svg("forest", 400, 28, label, drawn)


def beside(now: float, before: float, most: float) -> Markup:
    """Two lying bars, now over before, as shares of ``most``; the numbers stand beside them."""
    a, b = (100 * max(0.0, min(1.0, v / most)) if most > 0 else 0.0 for v in (now, before))
    return Markup(
        '<svg class="beside" viewBox="0 0 100 14" preserveAspectRatio="none" aria-hidden="true">'
        f'<rect class="now" width="{a:.1f}" height="6"/><rect class="then" y="8" width="{b:.1f}" height="6"/></svg>'
    )


def shares(parts: Sequence[float], names: Sequence[str]) -> Markup:
    """A lying bar cut into shares of one; each piece has the class ``by-NAME``. The numbers stand beside it."""
    pieces, x = [], 0.0
    for part, name in zip(parts, names, strict=True):
        width = max(0.0, min(1.0, part)) * 100
        pieces.append(f'<rect class="by-{escape(name)}" x="{x:.2f}" width="{width:.2f}" height="10"/>')
        x += width
    head = '<svg class="shares" viewBox="0 0 100 10" preserveAspectRatio="none" aria-hidden="true">'
    return Markup(f"{head}{''.join(pieces)}</svg>")


def heat(share: float) -> int:
    """The shade of a share of one, 0 to 9; console.css names them heat0 to heat9."""
    return max(0, min(9, int(share * 10)))


def _svg(name: str, width: int, height: int, label: str, drawn: str) -> Markup:
    return Markup(
        f'<svg class="{name}" viewBox="0 0 {width} {height}" preserveAspectRatio="none" role="img" '
        f'aria-label="{escape(label)}">{drawn}</svg>'
    )

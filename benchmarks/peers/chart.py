"""A chart of horizontal bars as SVG, one for each peer, that can be read on a light and on a dark page."""

from __future__ import annotations

from collections.abc import Sequence
from math import ceil, floor, log10
from typing import NamedTuple
from xml.sax.saxutils import escape, quoteattr

from figures import short

WIDTH, LABELS, VALUES = 760, 200, 110
BAR, STEP, TOP, FOOT = 18, 26, 44, 22
LOG_FROM = 20.0
"""Where the greatest is so many times the least, a linear scale would hide the small ones."""
SHORTEST = 2.0
STYLE = """
text { font: 13px system-ui, sans-serif; fill: #24292f }
.title { font-weight: 600; font-size: 15px }
.note { fill: #57606a; font-size: 12px }
.bar { fill: #8c959f }
.ours { fill: #0969da }
.grid { stroke: #d0d7de; stroke-dasharray: 2 3 }
@media (prefers-color-scheme: dark) {
  text { fill: #e6edf3 }
  .note { fill: #9198a1 }
  .bar { fill: #656c76 }
  .ours { fill: #4493f8 }
  .grid { stroke: #3d444d }
}
"""


class Bar(NamedTuple):
    """One peer: its value, or None with the word that stands in for it."""

    label: str
    value: float | None
    ours: bool = False
    instead: str = ""


def chart(title: str, unit: str, bars: Sequence[Bar], *, better: str = "less") -> str:
    """The SVG of all bars, the best first and those without a value last."""
    ordered = sorted(bars, key=lambda bar: (bar.value is None, (bar.value or 0) * (1 if better == "less" else -1)))
    values = [bar.value for bar in bars if bar.value is not None and bar.value > 0]
    powers = _powers(values)
    height = TOP + STEP * len(ordered) + (FOOT if powers else 8)
    note = f"{better} is better{', logarithmic scale' if powers else ''}"
    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" width="{WIDTH}" height="{height}" '
        f'role="img" aria-label={quoteattr(title)}>',
        f"<style>{STYLE}</style>",
        f'<text class="title" x="8" y="20">{escape(title)}</text>',
        f'<text class="note" x="{WIDTH - 8}" y="20" text-anchor="end">{note}</text>',
    ]
    for power in powers:
        x = LABELS + _length(10.0**power, values)
        foot = TOP + STEP * len(ordered)
        lines += [
            f'<line class="grid" x1="{x:.1f}" y1="{TOP - 6}" x2="{x:.1f}" y2="{foot}"/>',
            f'<text class="note" x="{x:.1f}" y="{foot + 14}" text-anchor="middle">{10.0**power:,g}</text>',
        ]
    for number, bar in enumerate(ordered):
        top = TOP + STEP * number
        said = bar.instead if bar.value is None else f"{short(bar.value)} {unit}".strip()
        length = 0.0 if bar.value is None else _length(bar.value, values)
        middle = top + BAR - 5
        lines += [
            f'<text x="{LABELS - 8}" y="{middle}" text-anchor="end">{escape(bar.label)}</text>',
            f'<rect class="{"ours" if bar.ours else "bar"}" x="{LABELS}" y="{top}" '
            f'width="{length:.1f}" height="{BAR}" rx="2"/>',
            f'<text x="{LABELS + length + 6:.1f}" y="{middle}">{escape(said)}</text>',
        ]
    return "\n".join([*lines, "</svg>", ""])


def _powers(values: Sequence[float]) -> list[int]:
    """The powers of ten of a logarithmic scale; none where a linear one does."""
    if not values or max(values) / min(values) < LOG_FROM:
        return []
    # The scale begins below the least, so that the least has a bar too.
    first = ceil(log10(min(values))) - 1
    return list(range(first, floor(log10(max(values))) + 1))


def _length(value: float, values: Sequence[float]) -> float:
    room = WIDTH - LABELS - VALUES
    if value <= 0:
        return SHORTEST
    powers = _powers(values)
    if not powers:
        return max(SHORTEST, room * value / max(values))
    return room * (log10(value) - powers[0]) / (log10(max(values)) - powers[0])

"""A plan as an SVG picture that needs nothing else: it follows the reader's light or dark scheme."""

from __future__ import annotations

from collections.abc import Iterator
from html import escape

from ..plan import Plan
from .layout import Card, Frame, Item, Line, Pill, layout

_COLOURS = {
    "agent": "#6366f1",
    "tool": "#0d9488",
    "flow": "#8b5cf6",
    "set": "#94a3b8",
    "emit": "#d97706",
    "wait": "#64748b",
    "event": "#d97706",
    "approval": "#db2777",
    "request": "#d97706",
    "gather": "#d97706",
    "contract": "#d97706",
    "barrier": "#64748b",
    "broadcast": "#d97706",
    "fail": "#dc2626",
}
_STYLE = """
svg{--paper:#ffffff;--card:#ffffff;--edge:#d7dce5;--ink:#1f2937;--soft:#6b7280;--line:#9aa3b2;--frame:#f6f7fa}
@media(prefers-color-scheme:dark){svg{--paper:#12151c;--card:#1c212b;--edge:#343b49;--ink:#e7eaf0;--soft:#9aa3b2;\
--line:#6b7485;--frame:#171b24}}
text{font-family:ui-sans-serif,system-ui,-apple-system,"Segoe UI",Roboto,sans-serif}
.t{font-size:13px;font-weight:600;fill:var(--ink)}.d{font-size:11px;fill:var(--soft)}
.h{font-size:11px;font-weight:600;fill:var(--soft)}.p{font-size:12px;font-weight:600;fill:var(--ink)}
.c{fill:var(--card);stroke:var(--edge)}.f{fill:var(--frame);stroke:var(--edge)}
.l{fill:none;stroke:var(--line);stroke-width:1.5}.e{stroke:#dc2626;stroke-dasharray:4 3}
.f.e{stroke:#dc2626;stroke-opacity:.55}.s{font-size:11px;fill:var(--soft)}
"""


def svg(plan: Plan) -> str:
    box = layout(plan)
    width, height = round(box.width), round(box.height)
    frames = [item for item in box.items if isinstance(item, Frame)]
    rest = sorted(
        (item for item in box.items if not isinstance(item, Frame)), key=lambda item: not isinstance(item, Line)
    )
    drawn = "\n".join(line for item in [*frames, *rest] for line in _drawn(item))
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" height="{height}" '
        f'role="img" aria-label="{escape(plan.name)}">\n<style>{_STYLE}</style>\n'
        '<defs><marker id="a" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7" markerHeight="7" orient="auto">'
        '<path d="M0 0.6 7 4 0 7.4z" fill="var(--line)"/></marker></defs>\n'
        f'<rect width="{width}" height="{height}" rx="12" fill="var(--paper)"/>\n{drawn}\n</svg>\n'
    )


def _drawn(item: Item) -> Iterator[str]:
    match item:
        case Card():
            yield _rectangle(item, "c", 9)
            colour = _COLOURS.get(item.kind, "#64748b")
            place = f'x="{_n(item.x)}" y="{_n(item.y + 10)}" width="4" height="{_n(item.height - 20)}"'
            yield f'<rect {place} rx="2" fill="{colour}"/>'
            yield _text(item.x + 17, item.y + 23, "t", item.title)
            yield _text(item.x + 17, item.y + 41, "d", item.detail)
        case Pill():
            yield _rectangle(item, "c", 17 if item.kind != "choice" else 7)
            yield _text(item.x + item.width / 2, item.y + 21.5, "p", item.title, middle=True)
        case Frame():
            yield _rectangle(item, "f e" if item.kind == "error" else "f", 12)
            yield _text(item.x + 14, item.y + 17, "h", item.title)
        case Line():
            end = ' marker-end="url(#a)"' if item.arrow else ""
            yield f'<path class="{"l e" if item.kind == "error" else "l"}" d="{_way(item)}"{end}/>'
            if item.said:
                yield _text(item.x2 + 6, item.y2 - 9, "s", item.said)


def _way(line: Line) -> str:
    x1, y1, x2, y2 = line.x1, line.y1, line.x2, line.y2
    if abs(x1 - x2) < 1 or abs(y1 - y2) < 1:
        return f"M{_n(x1)} {_n(y1)}L{_n(x2)} {_n(y2)}"
    turn = y1 + 12 if line.arrow or line.said or y2 - y1 > 28 else y2 - 12
    bend = min(8.0, abs(x2 - x1) / 2, abs(turn - y1), abs(y2 - turn))
    side = bend if x2 > x1 else -bend
    return (
        f"M{_n(x1)} {_n(y1)}V{_n(turn - bend)}Q{_n(x1)} {_n(turn)} {_n(x1 + side)} {_n(turn)}"
        f"H{_n(x2 - side)}Q{_n(x2)} {_n(turn)} {_n(x2)} {_n(turn + bend)}V{_n(y2)}"
    )


def _rectangle(item: Card | Pill | Frame, style: str, radius: int) -> str:
    place = f'x="{_n(item.x)}" y="{_n(item.y)}" width="{_n(item.width)}" height="{_n(item.height)}"'
    return f'<rect class="{style}" {place} rx="{radius}"/>'


def _text(x: float, y: float, style: str, text: str, *, middle: bool = False) -> str:
    anchor = ' text-anchor="middle"' if middle else ""
    return f'<text class="{style}" x="{_n(x)}" y="{_n(y)}"{anchor}>{escape(text)}</text>'


def _n(value: float) -> str:
    return f"{value:.1f}".removesuffix(".0")

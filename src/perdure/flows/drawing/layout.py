"""Where everything of a picture stands. Every block is a box made of smaller boxes: one below the other for what comes
after, side by side for what runs together, so that lines never cross. Units are pixels; y grows downward."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeAlias

import msgspec

from ..plan import Block, Condition, Loop, Parallel, Plan, Race, Sequential, Step, Switch
from .words import KIND, about, bare, rules, title

CARD_HEIGHT, GAP, BETWEEN, PAD, HEAD = 54.0, 30.0, 28.0, 16.0, 26.0
_LETTER, _SMALL = 8.2, 6.4
_LEAST, _MOST = 150.0, 280.0


class Card(msgspec.Struct):
    """One step. `kind` chooses its colour."""

    x: float
    y: float
    width: float
    height: float
    kind: str
    title: str
    detail: str


class Pill(msgspec.Struct):
    """Where the flow begins or ends, or a question that decides on the way."""

    x: float
    y: float
    width: float
    height: float
    kind: str
    title: str


class Frame(msgspec.Struct):
    """A box around others, with a heading."""

    x: float
    y: float
    width: float
    height: float
    kind: str
    title: str


class Line(msgspec.Struct):
    """From a place down to another; `said` stands beside its end."""

    x1: float
    y1: float
    x2: float
    y2: float
    said: str = ""
    arrow: bool = True
    kind: str = ""


Item: TypeAlias = Card | Pill | Frame | Line


class Box(msgspec.Struct):
    """Items within a width and a height. Lines come in at the top and leave at the bottom at `axis`. One without
    anything inside only lets a line through."""

    width: float
    height: float
    axis: float
    items: list[Item]
    empty: bool = False


def layout(plan: Plan) -> Box:
    """The whole picture: inputs, steps, outputs, and what happens on an error or at the end beside them."""
    given = ", ".join(f"{input.name}: {input.type}" for input in plan.inputs)
    gives = ", ".join(output.name for output in plan.outputs)
    parts = [_pill("start", plan.name + (f"({given})" if given else "")), *map(_step, plan.steps)]
    body = _stack([*parts, _pill("end", gives or "done")])
    for name, block in (("on error", plan.on_error or ()), ("finally", plan.finally_)):
        if block:
            body = _beside(body, _frame(name, "error" if name == "on error" else "", _block(block)), tied=False)
    return _margin(body, 24)


def _step(step: Step) -> Box:
    match step:
        case Sequential():
            inner = _block(step.steps)
            box = _frame(_heading(step), "", inner) if step.id or rules(step) else inner
        case Parallel() | Race():
            box = _frame(_heading(step), KIND[type(step)], _fork([("", _step(branch)) for branch in step.branches]))
        case Condition() | Switch():
            box = _choice(step)
        case Loop():
            inner = _block(step.steps)
            if step.reduce:
                inner = _stack([inner, _frame("then, over all results", "", _block(step.reduce))])
            box = _frame(f"↻ {_heading(step)}", "loop", inner)
        case _:
            box = _card(step)
    if step.on_error:
        box = _beside(box, _frame("on error", "error", _block(step.on_error)))
    return box


def _block(block: Block) -> Box:
    return _stack([_step(step) for step in block])


def _choice(step: Condition | Switch) -> Box:
    question = _cut(about(step), 52)
    ways = [(_case(step, number), _block(case.steps)) for number, case in enumerate(step.cases)]
    ways.append(("else", _block(step.otherwise)))
    pill = _pill("choice", f"{step.id}: {question}?" if step.id else f"{question}?")
    return _stack([pill, _fork(ways)], joined=True)


def _case(step: Condition | Switch, number: int) -> str:
    if isinstance(step, Condition):
        return "yes" if number == 0 else _cut(bare(step.cases[number].when), 24)
    value = getattr(step.cases[number].when, "value", [])
    return _cut(", ".join(map(str, value)), 24)


def _card(step: Step) -> Box:
    kind = KIND[type(step)]
    name = _cut(title(step), 34)
    detail = _cut(" · ".join([f"{kind} {about(step)}" if step.id else kind, *rules(step)]), 42)
    width = min(_MOST, max(_LEAST, 34 + max(len(name) * _LETTER, len(detail) * _SMALL)))
    return Box(width, CARD_HEIGHT, width / 2, [Card(0, 0, width, CARD_HEIGHT, kind, name, detail)])


def _pill(kind: str, name: str) -> Box:
    name = _cut(name, 64)
    width = max(72, 36 + len(name) * 7)
    return Box(width, 34, width / 2, [Pill(0, 0, width, 34, kind, name)])


def _heading(step: Step) -> str:
    words = [step.id] if step.id else []
    return " · ".join([*words, _cut(about(step), 60), *rules(step)])


# -- boxes of boxes ---------------------------------------------------------------------------------------------------


def _stack(boxes: Sequence[Box], *, joined: bool = False) -> Box:
    """One below the other. `joined`: the second brings its own lines from the first."""
    boxes = [box for box in boxes if not box.empty]
    if not boxes:
        return Box(40, 12, 20, [], empty=True)
    axis = max(box.axis for box in boxes)
    width = axis + max(box.width - box.axis for box in boxes)
    items: list[Item] = []
    y = 0.0
    for number, box in enumerate(boxes):
        if number:
            gap = 0.0 if joined else GAP
            if gap:
                items.append(Line(axis, y, axis, y + gap))
            y += gap
        items += _moved(box.items, axis - box.axis, y)
        y += box.height
    return Box(width, y, axis, items)


def _fork(ways: Sequence[tuple[str, Box]]) -> Box:
    """Side by side, with lines that part above and meet below."""
    said_above = any(said for said, _ in ways)
    above, below = (46.0 if said_above else 30.0), 26.0
    widths = [max(box.width, 30 + len(said) * _SMALL) for said, box in ways]
    width = sum(widths) + BETWEEN * (len(ways) - 1)
    height = max(box.height for _, box in ways)
    middle = _middle(ways, widths)
    items: list[Item] = []
    x = 0.0
    for (said, box), own in zip(ways, widths, strict=True):
        left = x + (own - box.width) / 2
        axis = left + box.axis
        items.append(Line(middle, 0, axis, above, said, arrow=not box.empty))
        items += _moved(box.items, left, above)
        end = above if box.empty else above + box.height
        if end < above + height:
            items.append(Line(axis, end, axis, above + height, arrow=False))
        items.append(Line(axis, above + height, middle, above + height + below, arrow=False))
        x += own + BETWEEN
    return Box(width, above + height + below, middle, items)


def _middle(ways: Sequence[tuple[str, Box]], widths: Sequence[float]) -> float:
    """Between the axes of the first and the last."""
    first = (widths[0] - ways[0][1].width) / 2 + ways[0][1].axis
    before_last = sum(widths[:-1]) + BETWEEN * (len(ways) - 1)
    last = before_last + (widths[-1] - ways[-1][1].width) / 2 + ways[-1][1].axis
    return (first + last) / 2


def _frame(name: str, kind: str, inner: Box) -> Box:
    name = _cut(name, 78)
    width = max(inner.width + 2 * PAD, len(name) * _SMALL + 2 * PAD)
    left = (width - inner.width) / 2
    height = inner.height + HEAD + PAD
    frame = Frame(0, 0, width, height, kind, name)
    return Box(width, height, left + inner.axis, [frame, *_moved(inner.items, left, HEAD)])


def _beside(box: Box, other: Box, *, tied: bool = True) -> Box:
    """Another box on the right, where the line through the first does not go."""
    x = box.width + BETWEEN
    height = max(box.height, other.height)
    items = [*box.items, *_moved(other.items, x, 0)]
    if tied:
        items.append(Line(box.width, HEAD, x, HEAD, kind="error"))
        if box.height < height:
            items.append(Line(box.axis, box.height, box.axis, height, arrow=False))
    return Box(x + other.width, height, box.axis, items)


def _margin(box: Box, by: float) -> Box:
    return Box(box.width + 2 * by, box.height + 2 * by, box.axis + by, _moved(box.items, by, by))


def _moved(items: Sequence[Item], x: float, y: float) -> list[Item]:
    moved: list[Item] = []
    for item in items:
        if isinstance(item, Line):
            moved.append(Line(item.x1 + x, item.y1 + y, item.x2 + x, item.y2 + y, item.said, item.arrow, item.kind))
        else:
            moved.append(msgspec.structs.replace(item, x=item.x + x, y=item.y + y))
    return moved


def _cut(text: str, most: int) -> str:
    plain = " ".join(text.split())
    return plain if len(plain) <= most else plain[: most - 1] + "…"

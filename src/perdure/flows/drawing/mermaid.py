"""A plan as a Mermaid flowchart, for Markdown."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import count

from ..plan import Block, Condition, Loop, Parallel, Plan, Race, Sequential, Step, Switch
from .words import KIND, about, bare, rules, title

_SHAPES = {"agent": ("([", "])"), "tool": ("[[", "]]"), "flow": ("[/", "/]"), "approval": ("{{", "}}")}


def mermaid(plan: Plan) -> str:
    """The text of the chart, without the fence around it."""
    return "\n".join(["flowchart TD", *_Chart().plan(plan)]) + "\n"


class _Chart:
    """Draws blocks one below the other. A block begins at its first nodes and ends at its last ones; `None` among them
    is a way that passes by."""

    def __init__(self) -> None:
        self._numbers = count(1)

    def plan(self, plan: Plan) -> Iterator[str]:
        yield f"    start([{_quoted(plan.name)}])"
        lines, ends = self.block(plan.steps, [("start", "")], "    ")
        yield from lines
        yield "    done([done])"
        yield from _arrows(ends, "done", "    ")
        for name, block in (("on error", plan.on_error or ()), ("finally", plan.finally_)):
            if block:
                yield f"    subgraph {self._id()} [{_quoted(name)}]"
                yield from self.block(block, [], "        ")[0]
                yield "    end"

    def block(self, block: Block, ends: list[tuple[str, str]], indent: str) -> tuple[list[str], list[tuple[str, str]]]:
        """The lines of a block that follows `ends` (node and what its arrow says), and the ends of the block."""
        lines: list[str] = []
        for step in block:
            drawn, ends = self.step(step, ends, indent)
            lines += drawn
        return lines, ends

    def step(self, step: Step, ends: list[tuple[str, str]], indent: str) -> tuple[list[str], list[tuple[str, str]]]:
        id = self._id()
        match step:
            case Sequential():
                return self.block(step.steps, ends, indent)
            case Parallel() | Race():
                lines = [f"{indent}{id}{{{{{_quoted(about(step))}}}}}", *_arrows(ends, id, indent)]
                after: list[tuple[str, str]] = []
                for branch in step.branches:
                    drawn, tail = self.step(branch, [(id, "")], indent)
                    lines += drawn
                    after += tail
                return lines, after
            case Condition() | Switch():
                lines = [f"{indent}{id}{{{_quoted(about(step))}}}", *_arrows(ends, id, indent)]
                after = []
                for number, case in enumerate(step.cases):
                    said = "yes" if isinstance(step, Condition) and not number else _case(case.when)
                    drawn, tail = self.block(case.steps, [(id, said)], indent)
                    lines += drawn
                    after += tail
                drawn, tail = self.block(step.otherwise, [(id, "else")], indent)
                return [*lines, *drawn], after + tail
            case Loop():
                lines = [f"{indent}{id}[/{_quoted(about(step))}/]", *_arrows(ends, id, indent)]
                drawn, tail = self.block(step.steps, [(id, "each turn")], indent)
                lines += [*drawn, *_arrows([(end, "again") for end, _ in tail], id, indent, dotted=True)]
                drawn, tail = self.block(step.reduce, [(id, "then")], indent)
                return [*lines, *drawn], tail if step.reduce else [(id, "then")]
            case _:
                return [*self._leaf(step, id, indent), *_arrows(ends, id, indent)], [(id, "")]

    def _leaf(self, step: Step, id: str, indent: str) -> Iterator[str]:
        kind = KIND[type(step)]
        left, right = _SHAPES.get(kind, ("[", "]"))
        more = f"<br/><small>{' · '.join([f'{kind} {about(step)}' if step.id else kind, *rules(step)])}</small>"
        yield f"{indent}{id}{left}{_quoted(title(step), more)}{right}"

    def _id(self) -> str:
        return f"n{next(self._numbers)}"


def _case(node: object) -> str:
    value = getattr(node, "value", None)
    return ", ".join(map(str, value)) if isinstance(value, list) else bare(node)  # type: ignore[arg-type]


def _arrows(ends: list[tuple[str, str]], to: str, indent: str, *, dotted: bool = False) -> Iterator[str]:
    arrow = "-.->" if dotted else "-->"
    for end, said in ends:
        yield f"{indent}{end} {arrow}{f'|{_quoted(said)}|' if said else ''} {to}"


def _quoted(text: str, more: str = "") -> str:
    """Text as Mermaid takes it: it has no escapes but those of HTML."""
    plain = " ".join(text.split())
    if len(plain) > 60:
        plain = plain[:59] + "…"
    for char, code in (("&", "#amp;"), ('"', "#quot;"), ("<", "#lt;"), (">", "#gt;")):
        plain = plain.replace(char, code)
    return f'"{plain}{more}"'

"""What the runs of this process did, counted while they do it; the journal has the same, for ever and one by one."""

from __future__ import annotations

from collections import Counter

from perdure.base.histogram import Histogram

from . import records as r
from .keys import tool_of

MOST = 200
"""Names that are told apart; all others are counted together, as names can come from models."""
OTHER = "other"


class Meter:
    """Counters that only rise. `seconds` are those of models and tools by their names; `tokens` and `cost` (micro-USD)
    are by model, tokens as (in, out); `failures` by kind of effect and code of the error; `ended` by status."""

    __slots__ = ("cost", "ended", "failures", "model_seconds", "ticks", "tokens", "tool_seconds")

    def __init__(self) -> None:
        self.ticks = 0
        self.ended: Counter[str] = Counter()
        self.model_seconds: dict[str, Histogram] = {}
        self.tool_seconds: dict[str, Histogram] = {}
        self.tokens: dict[str, tuple[int, int]] = {}
        self.cost: dict[str, int] = {}
        self.failures: Counter[tuple[str, str]] = Counter()

    def done(self, key: str, event: r.EffectDone) -> None:
        """An effect came to its end, and that is on disk."""
        if event.kind == "tool":
            self._of(self.tool_seconds, tool_of(key)).observe(event.ms / 1000)
        elif event.kind == "model":
            name = self._model(str(event.note.get("model", OTHER)))
            self._of(self.model_seconds, name).observe(event.ms / 1000)
            if event.usage is not None:
                asked, answered = self.tokens.get(name, (0, 0))
                self.tokens[name] = asked + event.usage.input_tokens, answered + event.usage.output_tokens
            if event.cost:
                self.cost[name] = self.cost.get(name, 0) + event.cost

    def failed(self, kind: str, code: str) -> None:
        if kind in ("model", "tool"):
            self.failures[kind, code] += 1

    def _model(self, name: str) -> str:
        return name if name in self.model_seconds or len(self.model_seconds) < MOST else OTHER

    def _of(self, table: dict[str, Histogram], name: str) -> Histogram:
        found = table.get(name)
        if found is None:
            name = name if len(table) < MOST else OTHER
            found = table.setdefault(name, Histogram())
        return found

"""From a model's name to someone who can ask it, with prices and with what was learnt by all who asked before."""

from __future__ import annotations

from collections.abc import Callable

from perdure.base.clock import Clock
from perdure.base.errors import ModelError

from .asker import Asker
from .learnt import Learnt
from .port import Model
from .prices import Prices
from .registry import Models
from .spec import ModelLike, ModelSpec
from .unavailable import Unavailable

KEPT = 4_096
"""Models of which something is remembered."""


def _as_it_is(model: Model) -> Model:
    return model


class Gateway:
    """Every call of a model in this process begins here."""

    def __init__(self, models: Models, prices: Prices, clock: Clock) -> None:
        self.models = models
        self.prices = prices
        self.clock = clock
        self._learnt: dict[str, Learnt] = {}

    def asker(self, value: ModelLike, wrap: Callable[[Model], Model] = _as_it_is) -> Asker:
        """Someone to ask this model; `wrap` is laid around it. Raises what `Models.model` does."""
        return self._asker(wrap(self.models.model(value)), self.models.check(value))

    def rehearsal(self, value: ModelLike) -> Asker:
        """Someone who knows the model's price and asks nothing, which needs no key."""
        spec = self.models.check(value)
        return self._asker(Unavailable(spec.full_name, ModelError("a rehearsal asks no model")), spec)

    def learnt(self, full_name: str) -> Learnt:
        """What is known of a model, to read and to add to."""
        known = self._learnt.get(full_name)
        if known is None:
            if len(self._learnt) >= KEPT:  # names can come from agents, and are not to fill the memory
                del self._learnt[next(iter(self._learnt))]
            known = self._learnt[full_name] = Learnt()
        return known

    def _asker(self, model: Model, spec: ModelSpec) -> Asker:
        return Asker(model, spec, self.prices, self.learnt(spec.full_name), self.clock)

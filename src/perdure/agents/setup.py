"""An agent made ready to work: its spec with the model, tools and prices that it names."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from fnmatch import fnmatchcase

import msgspec

from perdure.base.messages import Message, ModelRequest
from perdure.base.usage import Usage
from perdure.compute.estimate import DEFAULT_RATIO, Ratio, estimate, learn
from perdure.compute.port import Model
from perdure.compute.prices import Charge, Prices
from perdure.compute.spec import ModelSpec
from perdure.tools.port import Tool

from .output import Shape
from .recent import Recent
from .spec import AgentSpec

DEFAULT_WINDOW = 100_000
"""Tokens of conversation that are sent where a spec does not say."""
ASSUMED_ANSWER = 4_096
"""Tokens that an answer may have where neither the spec nor the provider bounds it."""
ENOUGH = 64
"""Calls after which nothing more is learnt of a model's tokens: weighing a long request takes its time."""
MARGIN = 1.2
"""Estimates are guesses; what is set aside for a call is a fifth more."""


class Setup(msgspec.Struct):
    """Everything that the loop needs of an agent. `ratios` learns how many bytes a token of each model has.

    A `rehearsal` replays a run to know its questions again: what was dropped from them is on record, not reckoned anew.
    """

    spec: AgentSpec
    model: Model
    model_spec: ModelSpec
    tools: Mapping[str, Tool]
    prices: Prices
    shape: Shape | None = None
    ratios: dict[str, Ratio] = {}
    heard: int = 0
    recent: Recent = msgspec.field(default_factory=Recent)
    rehearsal: bool = False
    question: ModelRequest = ModelRequest("", ())
    """Everything of a request but its messages."""

    def __post_init__(self) -> None:
        self.question = self.model_spec.apply(
            ModelRequest(
                self.model_spec.full_name,
                (),
                system=self.spec.instructions,
                tools=tuple(tool.definition for tool in self.tools.values()),
                stop=self.spec.stop,
                output_schema=self.shape.schema if self.shape is not None else None,
            )
        )

    def ask(self, messages: Iterable[Message]) -> ModelRequest:
        """The request for an answer to these messages."""
        return msgspec.structs.replace(self.question, messages=tuple(messages))

    @property
    def window(self) -> int:
        return self.spec.context.tokens or DEFAULT_WINDOW

    def needs_consent(self, tool: str) -> bool:
        """Whether a person is asked before each call of this tool."""
        return any(fnmatchcase(tool, pattern) for pattern in self.spec.approve)

    def ratio(self) -> Ratio:
        return self.ratios.get(self.model_spec.full_name, DEFAULT_RATIO)

    def learn(self, request: ModelRequest, input_tokens: int) -> None:
        if self.heard < ENOUGH:
            self.heard += 1
            self.ratios[self.model_spec.full_name] = learn(self.ratio(), request, input_tokens)

    def worst_cost(self, request: ModelRequest, at: int) -> Charge | None:
        """The most that asking this may cost; None where a model of the chain has no price."""
        tokens = round(estimate(request, self.ratio()) * MARGIN)
        return self.prices.at_most(self.model_spec, Usage(tokens, request.max_tokens or ASSUMED_ANSWER), at)

"""An agent made ready to work: its spec with the model, tools and prices that it names."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from fnmatch import fnmatchcase

import msgspec

from perdure.base.messages import Message, ModelRequest
from perdure.compute.asker import Asker
from perdure.compute.spec import ModelSpec
from perdure.tools.port import Tool

from .output import Shape
from .recent import Recent
from .spec import AgentSpec

DEFAULT_WINDOW = 100_000
"""Tokens of conversation that are sent where a spec does not say."""


class Setup(msgspec.Struct):
    """Everything that the loop needs of an agent.

    A `rehearsal` replays a run to know its questions again: what was dropped from them is on record, not reckoned anew.
    """

    spec: AgentSpec
    asker: Asker
    tools: Mapping[str, Tool]
    shape: Shape | None = None
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
    def model_spec(self) -> ModelSpec:
        return self.asker.spec

    @property
    def window(self) -> int:
        return self.spec.context.tokens or DEFAULT_WINDOW

    def consent(self, tool: str) -> str | None:
        """The pattern that makes a person be asked before each call of this tool; None: nobody is asked."""
        return next((pattern for pattern in self.spec.approve if fnmatchcase(tool, pattern)), None)

"""An agent made ready to work: its spec with the model, tools and prices that it names."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Any

import msgspec

from perdure.base.lazy import load
from perdure.base.messages import Message, ModelRequest
from perdure.compute.asker import Asker
from perdure.compute.spec import ModelSpec
from perdure.tools.port import Tool

from .recent import Recent
from .spec import AgentSpec
from .transcript import Options, transcript_of

if TYPE_CHECKING:
    from .output import Shape

CLIENT_TOOL = "perdure.tools.client:ClientTool"
SHAPE = "perdure.agents.output:Shape"

NO_OPTIONS = Options()
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
    options: Options | None = None
    """What the sender of the message that began a run wishes of it."""
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
        if self.options is not None:
            self.question = self.options.apply(self.question)

    def wished(self, payload: Any) -> Setup:
        """This, with the tools and settings that came with a message."""
        found = transcript_of(payload)
        if found is None or found.options == NO_OPTIONS:
            return self
        options = found.options
        most_ms = self.spec.limits.client_ms
        tools = {**self.tools, **{tool.name: load(CLIENT_TOOL)(tool, most_ms) for tool in options.tools}}
        schema = options.output_schema
        shape = self.shape if schema is None else load(SHAPE)(schema, self.spec.output_retries)
        return msgspec.structs.replace(self, tools=tools, shape=shape, options=options)

    def ask(self, messages: Sequence[Message]) -> ModelRequest:
        """The request for an answer to these messages."""
        question = self.question
        if self.options is not None and messages[-1].role == "tool":
            question = msgspec.structs.replace(question, tool_choice="auto")
        return msgspec.structs.replace(question, messages=tuple(messages))

    @property
    def model_spec(self) -> ModelSpec:
        return self.asker.spec

    @property
    def window(self) -> int:
        return self.spec.context.tokens or DEFAULT_WINDOW

    def consent(self, tool: str) -> str | None:
        """The pattern that makes a person be asked before each call of this tool; None: nobody is asked."""
        for pattern in self.spec.approve:
            if fnmatchcase(tool, pattern):
                return pattern
        return None

"""A team made ready to work: its members as agents that can be asked for an answer of any shape."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from perdure.agents.config.loader import load_document
from perdure.agents.config.members import Seat, seats_of
from perdure.agents.spec import AgentSpec, document_of
from perdure.agents.team import Team
from perdure.base.codec import to_json

from .shapes import TEXT, Schema


class Ready(msgspec.Struct):
    """`answer` is the shape of the team's answer."""

    spec: AgentSpec
    team: Team
    seats: tuple[Seat, ...]
    answer: Schema
    environment: Mapping[str, str]
    made: dict[tuple[str, bytes, str], AgentSpec] = {}

    def agent(self, seat: Seat, shape: Schema, patch: str = "") -> AgentSpec:
        """The member, asked for answers of this shape. `patch` are instructions that a person added."""
        key = (seat.name, to_json(shape), patch)
        known = self.made.get(key)
        if known is None:
            # One that yields would be waited for until somebody resumes it: here it is left out instead.
            limits = {**seat.tree.get("limits", {}), "exhausted": "fail"}
            tree = {**seat.tree, "output": shape, "limits": limits}
            if patch:
                tree["instructions"] = f"{tree.get('instructions', '')}\n\n{patch}".strip()
            document = document_of("agent", seat.folder or self.spec.folder, tree)
            known = self.made[key] = load_document(document, environment=self.environment)
        return known


def make_ready(spec: AgentSpec, shape: Schema | None, environment: Mapping[str, str]) -> Ready:
    """The team of a spec that has one. `shape` is that of its answers, None for text."""
    assert spec.team is not None
    return Ready(spec, spec.team, tuple(seats_of(spec)), shape or TEXT, environment, {})

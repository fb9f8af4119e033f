"""A flow made ready to run: what its steps name, found once."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from perdure.tools.port import Tool

from ..plan import Block, Loop, Plan, Set, blocks_of
from ..spec import FlowSpec
from .settings import secret_names


class Ready(msgspec.Struct, frozen=True):
    """`variables` are those of each loop's turns by the loop's path; `undoing` are the blocks that undo a step, by its
    path; `environment` holds what the plan reads of it, `secrets` are the names of what is not to be on record."""

    spec: FlowSpec
    tools: Mapping[str, Tool]
    variables: Mapping[str, frozenset[str]]
    undoing: Mapping[str, Block]
    environment: Mapping[str, str]
    secrets: frozenset[str]

    @property
    def plan(self) -> Plan:
        return self.spec.plan


def make_ready(spec: FlowSpec, tools: Mapping[str, Tool], environment: Mapping[str, str]) -> Ready:
    plan = spec.plan
    variables: dict[str, frozenset[str]] = {}
    for block in (plan.steps, plan.on_error or (), plan.finally_):
        _find_variables(block, set(), variables)
    undoing = {step.path: step.compensate for step in plan.walk() if step.compensate}
    read = {name: environment[name] for name in plan.environment if name in environment}
    return Ready(spec, tools, variables, undoing, read, secret_names(read))


def _find_variables(block: Block, known: set[str], found: dict[str, frozenset[str]]) -> None:
    """Note the variables that come to be in the turns of each loop; `known` are those that are there before."""
    for step in block:
        if isinstance(step, Set):
            known.update(name for name, _ in step.values)
        for inner in blocks_of(step):
            if isinstance(step, Loop) and inner is step.steps:
                turn = set(known)
                _find_variables(inner, turn, found)
                found[step.path] = frozenset(turn - known)
            else:
                _find_variables(inner, known, found)

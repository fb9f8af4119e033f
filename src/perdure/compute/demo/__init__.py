"""`demo/planner`: answers by rules, without a network, so that examples and first steps need no key."""

from __future__ import annotations

from perdure.base.errors import ModelNotFound

from ..spec import ModelSpec
from .planner import Planner


def from_spec(spec: ModelSpec) -> Planner:
    if spec.name != "planner":
        raise ModelNotFound(f"there is no {spec.full_name}; the demo provider has one model, demo/planner")
    return Planner(spec.full_name)

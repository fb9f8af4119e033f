"""What is made of a step that was read."""

from __future__ import annotations

from typing import TypeAlias

from ..plan import Step
from ..types import Type

Made: TypeAlias = tuple[Step, Type]
"""The step, and the type of its result."""

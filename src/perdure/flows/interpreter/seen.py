"""What is told of a step to whoever listens; the journal does not need it, as it is told again by every replay."""

from __future__ import annotations

from typing import Any

import msgspec


class StepSeen(msgspec.Struct, frozen=True):
    """`place` is the step's path with the turns of loops, `kind` what it does; `state` is started, done, failed or
    skipped, with its result or its error."""

    place: str
    path: str
    kind: Any
    state: str
    value: Any = None
    error: dict[str, Any] | None = None

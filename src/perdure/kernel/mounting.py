"""A decision on what an agent reaches: told in its journal, and kept among its values for as long as it holds."""

from __future__ import annotations

import msgspec

from . import records as r
from .store.ops import PutValue

KEPT = "mount:"
"""What the keys of such values begin with; the path follows."""


class Decision(msgspec.Struct, frozen=True):
    """`access` is the level that holds at and below a path; `who` decided it, at `at` (ms)."""

    access: str
    who: str = ""
    at: int = 0


def decide(agent_id: str, path: str, access: str, *, who: str, now: int) -> tuple[r.MountChanged, PutValue]:
    """What tells of the decision, and what keeps it."""
    event = r.MountChanged(path=path, service=path.strip("/").partition("/")[0], access=access, who=who)
    data = msgspec.json.encode(Decision(access, who, now))
    return event, PutValue(agent_id, KEPT + path, data, now)

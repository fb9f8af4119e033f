"""Typed, versioned state of a Python agent."""

from __future__ import annotations

from typing import Any, ClassVar, TypeVar

import msgspec

from perdure.base.codec import pack, unpack, unpack_as
from perdure.base.errors import WrongState

S = TypeVar("S", bound="AgentState")


class AgentState(msgspec.Struct):
    """Base of an agent's state: fields with defaults, and a `version` to raise when their meaning changes."""

    version: ClassVar[int] = 1

    @classmethod
    def migrate(cls: type[S], from_version: int, data: dict[str, Any]) -> S:
        """The state that older data means. Raises WrongState unless a class says how."""
        raise WrongState(
            f"{cls.__qualname__} is at version {cls.version}, the stored state at {from_version}",
            hint=f"Define {cls.__qualname__}.migrate(from_version, data).",
            from_version=from_version,
            to_version=cls.version,
        )


def load_state(cls: type[S], data: bytes | None, version: int) -> S:
    """The stored state, migrated where it is of another version; a new one where nothing is stored."""
    if data is None:
        return cls()
    if version == cls.version:
        return unpack_as(data, cls)
    return cls.migrate(version, unpack(data))


def save_state(state: AgentState) -> bytes:
    return pack(state)

"""What a built-in tool is to the registry: its options, and how tools are made of them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Generic, TypeVar

import msgspec

from ..fetch.port import Fetch
from ..port import Tool

if TYPE_CHECKING:
    from ..capability import Broker

O = TypeVar("O", bound="Options")  # noqa: E741 - options


class Options(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Base of what people write under a built-in's name. Unknown keys are errors."""


class Setting(msgspec.Struct, frozen=True):
    """What surrounds a tool: the folder that relative paths start from, the way to the network (None: its own), and to
    the programs that offer capabilities (None: none)."""

    folder: Path
    fetch: Fetch | None = None
    broker: Callable[[], Broker] | None = None


class Builtin(msgspec.Struct, Generic[O], frozen=True):
    """`shorthand` names the option that a bare value stands for, as in `files: ./docs`; "" for none."""

    options: type[O]
    make: Callable[[O, Setting], tuple[Tool, ...]]
    shorthand: str = ""

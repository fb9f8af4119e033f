"""Perdure runs AI agents that last.

import perdure

async with perdure.open("my-project") as rt:
    result = await rt.run("agents/support.yaml", "Where is order 7?")
    print(result.output, result.cost_microusd)
"""

from __future__ import annotations

import gc
from importlib import import_module
from types import ModuleType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from perdure.agents.python import Agent as Agent
    from perdure.agents.spec import AgentSpec as AgentSpec
    from perdure.agents.state import AgentState as AgentState
    from perdure.base.envelope import Envelope as Envelope
    from perdure.base.errors import PerdureError as PerdureError
    from perdure.base.errors import ToolFailed as ToolFailed
    from perdure.base.messages import Audio as Audio
    from perdure.base.messages import File as File
    from perdure.base.messages import Image as Image
    from perdure.base.messages import Text as Text
    from perdure.base.version import __version__ as __version__
    from perdure.client.capability import capability as capability
    from perdure.client.connection import connect as connect
    from perdure.control.listening import RunEvent as RunEvent
    from perdure.control.results import RunResult as RunResult
    from perdure.control.runtime import Runtime as Runtime
    from perdure.kernel.classes import NotDone as NotDone
    from perdure.kernel.classes import Outcome as Outcome
    from perdure.kernel.classes import Unsure as Unsure
    from perdure.namespace.context import Context as Context
    from perdure.sync import run_sync as run_sync
    from perdure.tools.function import tool as tool
    from perdure.wiring import open as open

_WHERE = {
    "Agent": "perdure.agents.python",
    "AgentSpec": "perdure.agents.spec",
    "AgentState": "perdure.agents.state",
    "Audio": "perdure.base.messages",
    "Context": "perdure.namespace.context",
    "Envelope": "perdure.base.envelope",
    "File": "perdure.base.messages",
    "Image": "perdure.base.messages",
    "NotDone": "perdure.kernel.classes",
    "Outcome": "perdure.kernel.classes",
    "PerdureError": "perdure.base.errors",
    "RunEvent": "perdure.control.listening",
    "RunResult": "perdure.control.results",
    "Runtime": "perdure.control.runtime",
    "Text": "perdure.base.messages",
    "ToolFailed": "perdure.base.errors",
    "Unsure": "perdure.kernel.classes",
    "capability": "perdure.client.capability",
    "connect": "perdure.client.connection",
    "open": "perdure.wiring",
    "run_sync": "perdure.sync",
    "__version__": "perdure.base.version",
    "tool": "perdure.tools.function",
}
"""The public names, each imported when it is first asked for, so that `import perdure` costs nothing."""

__all__ = [*_WHERE]


def __getattr__(name: str) -> Any:
    if name not in _WHERE:
        raise AttributeError(f"module 'perdure' has no attribute {name!r}")
    value = getattr(_imported(_WHERE[name]), name)
    globals()[name] = value
    return value


def _imported(module: str) -> ModuleType:
    """The module, imported without a look for garbage: modules make none, and the searches of those two hundred would
    take a twentieth of the time from the start of a process to its first answer."""
    if not gc.isenabled() or gc.get_freeze_count():
        return import_module(module)
    gc.disable()
    try:
        return import_module(module)
    finally:
        gc.enable()
        # Straight into the oldest generation, whose turn comes seldom; it is still collected.
        gc.freeze()
        gc.unfreeze()


def __dir__() -> list[str]:
    return sorted(__all__)

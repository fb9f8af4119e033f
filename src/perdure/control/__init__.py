"""The verbs of the system, free of any transport, in modules that are imported when a verb of theirs is called."""

from __future__ import annotations

from importlib import import_module
from importlib.util import find_spec
from types import ModuleType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from . import accepting as accepting
    from . import agents as agents
    from . import approvals as approvals
    from . import budgets as budgets
    from . import bundle as bundle
    from . import cassettes as cassettes
    from . import changing as changing
    from . import channels as channels
    from . import checking as checking
    from . import cleaning as cleaning
    from . import commands as commands
    from . import comparing as comparing
    from . import computing as computing
    from . import costs as costs
    from . import decisions as decisions
    from . import deletion as deletion
    from . import delivering as delivering
    from . import deploying as deploying
    from . import directory as directory
    from . import estimating as estimating
    from . import everywhere as everywhere
    from . import exporting as exporting
    from . import finding as finding
    from . import flows as flows
    from . import forking as forking
    from . import handing as handing
    from . import hearing as hearing
    from . import keys as keys
    from . import listening as listening
    from . import listing as listing
    from . import metrics as metrics
    from . import mounting as mounting
    from . import once as once
    from . import ordering as ordering
    from . import overview as overview
    from . import planning as planning
    from . import publishing as publishing
    from . import reloading as reloading
    from . import replaying as replaying
    from . import run_log as run_log
    from . import schedules as schedules
    from . import sessions as sessions
    from . import spans as spans
    from . import starting as starting
    from . import steps as steps
    from . import subscriptions as subscriptions
    from . import topics as topics
    from . import tracing as tracing
    from . import verifying as verifying
    from . import watching as watching
    from . import webhooks as webhooks
else:

    def __getattr__(name: str) -> ModuleType:
        module = f"{__name__}.{name}"
        if find_spec(module) is None:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        return import_module(module)

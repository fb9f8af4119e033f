"""`capability`: what a program that is connected to the server offers."""

from __future__ import annotations

from perdure.base.duration import parse_duration
from perdure.base.errors import InputError
from perdure.base.topic import is_topic

from ..capability import CapabilityTool
from ..port import Tool
from .port import Builtin, Options, Setting


class CapabilityOptions(Options, frozen=True):
    """`name` and `version` are those that it is offered under. `timeout` is how long a call may take, the wait for a
    program that offers it included."""

    name: str
    version: str = "1.0"
    timeout: str | float = "30s"


def make(options: CapabilityOptions, setting: Setting) -> tuple[Tool, ...]:
    if not is_topic(f"{options.name}.{options.version}"):
        raise InputError(
            f"not the name and version of a capability: {options.name!r} {options.version!r}",
            hint="Write what a program passes to @perdure.capability, such as `capability: weather`.",
        )
    timeout_ms = parse_duration(options.timeout)
    if timeout_ms <= 0:
        raise InputError("a call has to be given some time", hint="Give it a timeout such as 30s.")
    return (CapabilityTool(options.name, options.version, timeout_ms, setting.broker),)


BUILTIN = Builtin(CapabilityOptions, make, shorthand="name")

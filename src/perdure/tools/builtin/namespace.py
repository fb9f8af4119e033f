"""`namespace`: the agent's own directory for its model, as far as the agent's mounts allow."""

from __future__ import annotations

from collections.abc import Awaitable
from typing import TypeVar

from perdure.base.errors import BudgetError, FileError, InputError, ToolFailed
from perdure.namespace.context import Context

from ..function import FunctionTool
from ..port import Tool
from .port import Builtin, Options, Setting

T = TypeVar("T")


class NamespaceOptions(Options, frozen=True):
    """`read_only` leaves out the tools that write and call. `name` stands before the names of the tools."""

    read_only: bool = False
    name: str = "namespace"


async def list(ctx: Context, path: str = "/") -> str:
    """List a directory of your own namespace; names that end in / are directories.

    Args:
        path: An absolute path, such as /goals. The root shows everything that you can reach.
    """
    entries = await _told(ctx.files.list(path))
    lines = [f"{entry.name}/" if entry.is_dir else entry.name for entry in entries]
    return "\n".join(lines) or "(empty)"


async def read(ctx: Context, path: str) -> str:
    """Read a file of your own namespace, such as /status, /wallet/balance, /goals/<id>.json or /memory/<name>.

    Args:
        path: An absolute path.
    """
    return _text(await _told(ctx.files.read(path)))


async def write(ctx: Context, path: str, content: str, append: bool = False) -> str:
    """Write a file of your own namespace. It replaces what is there.

    Args:
        path: An absolute path, such as /memory/facts or /goals/<id>.json (which holds JSON).
        content: The whole new content.
        append: Put the content behind what is there instead.
    """
    await _told(ctx.files.append(path, content) if append else ctx.files.write(path, content))
    return f"{'appended to' if append else 'wrote'} {path}"


async def call(ctx: Context, path: str, request: str) -> str:
    """Send a request to a file that answers requests, such as /compute/new or /identity/sign, and read its answer.

    Args:
        path: An absolute path.
        request: The request, as the file expects it: often JSON.
    """
    return _text(await _told(ctx.files.call(path, request)))


async def _told(operation: Awaitable[T]) -> T:
    """What the namespace refuses, the model reads."""
    try:
        return await operation
    except (FileError, InputError, BudgetError) as error:
        raise ToolFailed(error.message, hint=error.hint) from error


def _text(data: bytes) -> str:
    try:
        return data.decode()
    except UnicodeDecodeError:
        return f"({len(data):,} bytes that are no text)"


def make(options: NamespaceOptions, setting: Setting) -> tuple[Tool, ...]:
    looking = (list, read)
    return tuple(
        FunctionTool(does, name=f"{options.name}_{does.__name__}", builtin=True)
        for does in (looking if options.read_only else (*looking, write, call))
    )


BUILTIN = Builtin(NamespaceOptions, make)

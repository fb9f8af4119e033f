"""Gates: whether what asks for something new may still have it.

A branch that was cut off, and a run that is being cancelled, are closed: what is on record they are told, so that they
come to where they were, and there they end as if cancelled. What puts things right afterwards works behind a shield.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from contextlib import AbstractContextManager, contextmanager
from contextvars import ContextVar


class Gate:
    """The gate of one branch, inside those of the branches around it."""

    __slots__ = ("closed", "outer", "shield")

    def __init__(self, outer: Gate | None, *, shield: bool = False) -> None:
        self.closed = False
        self.outer = outer
        self.shield = shield


_gate: ContextVar[Gate | None] = ContextVar("perdure_gate", default=None)


def gate() -> Gate | None:
    """The gate of the task that asks, None where it is no branch that can be cut off."""
    return _gate.get()


def pass_through(inner: Gate) -> None:
    """Make `inner` the gate of this task for the rest of its life."""
    _gate.set(inner)


def is_closed(run: bool) -> bool:
    """Whether the task that asks may begin nothing new; `run` says whether its whole run is closed."""
    found = _gate.get()
    while found is not None:
        if found.shield:
            return False
        if found.closed:
            return True
        found = found.outer
    return run


def is_inside(found: Gate | None, gates: Collection[Gate]) -> bool:
    """Whether a gate is one of these, or behind one."""
    while found is not None:
        if found in gates:
            return True
        found = found.outer
    return False


def shielded() -> AbstractContextManager[None]:
    """What is begun inside is carried out, whatever was closed around it."""
    return _within(Gate(_gate.get(), shield=True))


def closed() -> AbstractContextManager[None]:
    """Nothing new is begun inside."""
    inner = Gate(_gate.get())
    inner.closed = True
    return _within(inner)


@contextmanager
def _within(inner: Gate) -> Iterator[None]:
    token = _gate.set(inner)
    try:
        yield
    finally:
        _gate.reset(token)

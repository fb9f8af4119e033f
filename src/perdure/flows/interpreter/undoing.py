"""Undoing what was done, where a flow fails or is cancelled: the last first."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from perdure.base.errors import NotUndone, PerdureError
from perdure.kernel.failures import told

from ..plan import Step
from .failures import FATAL
from .names import Names
from .ready import Ready
from .settings import with_environment, without_secrets

if TYPE_CHECKING:
    from .flow import Flow


UNDOING = "undoing"
"""The key under which it is on record that a flow failed and began to undo, and why."""


class Undoing:
    """The steps that were done and can be undone, in the order in which they were done, with the names of that time."""

    def __init__(self, ready: Ready) -> None:
        self._ready = ready
        self._done: list[tuple[str, str, Names]] = []

    def remember(self, step: Step, place: str, names: Names) -> None:
        self._done.append((step.path, place, names.flat()))

    async def undo(self, flow: Flow, why: PerdureError | None) -> None:
        """Undo all of them. One that cannot be undone keeps none of the others; at the end NotUndone tells of them, and
        of the `key` that is to be done anew."""
        failures: dict[str, str] = {}
        key: dict[str, Any] = {}
        if self._done and why is not None:
            with flow.ctx.shielded():
                await flow.ctx.effect(UNDOING, "", lambda _: _told(why), effect="read")
        while self._done:
            path, place, names = self._done.pop()
            try:
                with flow.ctx.shielded():
                    await flow.inside(f"{place}/compensate", flow.ready.undoing[path], names)
            except FATAL:
                raise
            except PerdureError as error:
                failures[place] = error.message
                key = key or {name: value for name, value in error.facts.items() if name == "key"}
        if failures:
            said = "; ".join(f"{place}: {message}" for place, message in failures.items())
            reason = {"code": "run.cancelled", "message": "it was cancelled"} if why is None else why.as_dict()
            raise NotUndone(f"could not be undone: {said}", steps=failures, error=reason, **key) from why

    def save(self) -> list[Any]:
        ready = self._ready
        return [
            [path, place, without_secrets(names.own, ready.environment, ready.secrets), names.done]
            for path, place, names in self._done
        ]

    def load(self, saved: list[Any]) -> None:
        environment = self._ready.environment
        self._done = [
            (path, place, Names(with_environment(own, environment), done)) for path, place, own, done in saved
        ]


async def _told(error: PerdureError) -> Any:
    return told(error)[0]

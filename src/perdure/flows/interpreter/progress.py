"""How far a flow is, in a form that a later execution can begin at: so that a replay stays short, and a loop of any
number of turns takes no more memory than one.

A checkpoint holds all names, so it is made less often the larger they are: together checkpoints take no more room than
a few hundred bytes for each step that was done.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import msgspec

from perdure.base.codec import pack
from perdure.namespace.context import Context

from ..plan import Block
from .names import Names
from .ready import Ready
from .settings import with_environment, without_secrets

if TYPE_CHECKING:
    from .undoing import Undoing

EVERY = 100
"""Steps after which a checkpoint is made at the end of a turn."""
BYTES_A_STEP = 256


class Turning(msgspec.Struct):
    """A loop under way, at `place`: `turn` comes next (from 1), or goes on where it is (`is_inside`), in a frame of
    `own` names and steps `done`. `items` and `results` are those of a loop over items, `last` is what the last turn of
    any other gave."""

    place: str
    turn: int = 1
    items: list[Any] | None = None
    results: list[Any] | None = None
    last: Any = None
    own: dict[str, Any] = {}
    done: list[str] = []
    is_inside: bool = False


class Progress:
    """`count` is how many steps were done since the last checkpoint."""

    def __init__(self, ctx: Context, ready: Ready, undoing: Undoing) -> None:
        self.count = 0
        self._ctx = ctx
        self._ready = ready
        self._undoing = undoing
        self._due = EVERY
        self._loops: list[Turning] = []
        self._resume: list[Turning] = []
        self._root = Names()

    def open(self, root: Names) -> None:
        """Begin, at the last checkpoint where there is one; `root` gets the names that it holds."""
        self._root = root
        saved = self._ctx.restored
        if saved is not None:
            root.own.clear()
            root.own.update(with_environment(saved["names"], self._ready.environment))
            root.done += saved["done"]
            self._undoing.load(saved["undo"])
            self._resume = msgspec.convert(saved["loops"], list[Turning])

    # -- on the way to where a checkpoint was made --------------------------------------------------------------------

    @property
    def is_behind(self) -> bool:
        """Whether the place that a checkpoint was made at is still to be come to."""
        return bool(self._resume)

    @property
    def behind(self) -> str:
        """That place as seen from here, ending in `/`; "" where nothing is to be come to."""
        return f"{self._resume[0].place}/"[len(self._ctx.place) :] if self._resume else ""

    def left(self, block: Block) -> Block:
        """The steps of a block that were not done before the checkpoint was made."""
        if not self._resume:
            return block
        behind = self.behind
        return block[next(n for n, step in enumerate(block) if behind.startswith(f"{step.segment}/")) :]

    def resumed(self) -> Turning | None:
        """The loop here, as it was when the checkpoint was made."""
        if not self._resume:
            return None
        turning = self._resume.pop(0)
        turning.is_inside = bool(self._resume)
        return turning

    # -- checkpoints --------------------------------------------------------------------------------------------------

    @contextmanager
    def turning(self, turning: Turning) -> Iterator[None]:
        """A loop is under way."""
        self._loops.append(turning)
        try:
            yield
        finally:
            self._loops.remove(turning)

    async def next(self, turning: Turning, names: Names, main: bool) -> None:
        """A turn was done: this is where a checkpoint can be made."""
        turning.turn += 1
        if not main or self.count < self._due or self._ctx.is_cancelling:
            return
        state = {
            "names": without_secrets(self._root.own, self._ready.environment, self._ready.secrets),
            "done": self._root.done,
            "undo": self._undoing.save(),
            "loops": msgspec.to_builtins(self._loops),
        }
        self.count = 0
        self._due = max(EVERY, len(pack(state)) // BYTES_A_STEP)
        await self._ctx.checkpoint(state)

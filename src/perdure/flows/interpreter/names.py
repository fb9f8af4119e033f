"""The names that expressions see while a flow runs: frames, the inner in front of the outer."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


class Names(Mapping[str, Any]):
    """One frame. Results of steps stay in the frame in which they came to be, unless that is a `lens`, which only adds
    names to the frame around it. A variable goes to the frame that it belongs to: `local` names those of this frame,
    None says all.

    The name `done` lists the ids of the steps that were done, in the order of the file where they ran side by side.
    """

    __slots__ = ("_is_lens", "_local", "_outer", "done", "own")

    def __init__(
        self,
        own: dict[str, Any] | None = None,
        done: list[str] | None = None,
        *,
        outer: Names | None = None,
        local: frozenset[str] | None = None,
        is_lens: bool = False,
    ) -> None:
        self.own = {} if own is None else own
        self.done = [] if done is None else done
        self._outer = outer
        self._local = local
        self._is_lens = is_lens

    def get(self, name: str, default: Any = None) -> Any:
        frame: Names | None = self
        while frame is not None:
            own = frame.own
            if name in own:
                return own[name]
            frame = frame._outer
        return self._all_done() if name == "done" else default

    def __getitem__(self, name: str) -> Any:
        return self.get(name)

    def __iter__(self) -> Any:
        return iter(self.flat().own)

    def __len__(self) -> int:
        return len(self.flat().own)

    # -- writing ------------------------------------------------------------------------------------------------------

    def put(self, name: str, value: Any) -> None:
        """The result of a step."""
        self._frame().own[name] = value

    def assign(self, name: str, value: Any) -> None:
        """The value of a variable."""
        frame = self
        while frame._outer is not None and (frame._is_lens or (frame._local is not None and name not in frame._local)):
            frame = frame._outer
        frame.own[name] = value

    def finish(self, id: str) -> None:
        """The step with this id is done."""
        self._frame().done.append(id)

    def adopt(self, branch: Names) -> None:
        """Take over what a branch came to."""
        frame = self._frame()
        frame.own.update(branch.own)
        frame.done += branch.done

    # -- frames -------------------------------------------------------------------------------------------------------

    def lens(self, **more: Any) -> Names:
        """The same frame, with more to be seen through it."""
        return Names(more, outer=self, is_lens=True)

    def branch(self, **more: Any) -> Names:
        """A frame for what runs beside something else, and so can change nothing outside."""
        return Names(more, outer=self)

    def turn(self, local: frozenset[str], own: dict[str, Any], done: list[str] | None = None) -> Names:
        """The frame of one turn of a loop; all variables but the `local` ones belong to the frames around it."""
        return Names(own, done, outer=self, local=local)

    def flat(self) -> Names:
        """A copy of everything that can be seen from here, which nothing changes any more."""
        own: dict[str, Any] = {}
        done: list[str] = []
        frame: Names | None = self
        while frame is not None:
            own = {**frame.own, **own}
            done = frame.done + done
            frame = frame._outer
        return Names(own, done)

    def _frame(self) -> Names:
        frame = self
        while frame._is_lens and frame._outer is not None:
            frame = frame._outer
        return frame

    def _all_done(self) -> list[str]:
        return self.flat().done

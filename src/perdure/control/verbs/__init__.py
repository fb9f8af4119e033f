"""The verbs of a runtime in groups, by what they are about; each hands over to the module that does it."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

if TYPE_CHECKING:
    from perdure.control.runtime import Runtime


class Verbs:
    """Base of a group: `_runtime` is the whole that it is a part of."""

    @property
    def _runtime(self) -> Runtime:
        return cast("Runtime", self)

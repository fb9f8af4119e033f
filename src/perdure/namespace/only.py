"""What has to be there for a change to be made: whoever changes what was read before says so around the change.

Files that an agent keeps (its memory, its goals) check it in the commit that changes them, so it holds against every
process and the agent itself. Files of other services do not know it.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

NOTHING = ""
"""The digest of a file that is not there."""

_only: ContextVar[str | None] = ContextVar("perdure.only", default=None)


@contextmanager
def only(digest: str | None) -> Iterator[None]:
    """Files are changed in here only where their content has this digest (`digest_bytes`), which is NOTHING where there
    is to be none, and None for any: another one raises VersionConflict, and nothing was changed."""
    token = _only.set(digest)
    try:
        yield
    finally:
        _only.reset(token)


def wanted() -> str | None:
    """What has to be there for the change under way."""
    return _only.get()

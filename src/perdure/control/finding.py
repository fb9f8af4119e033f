"""Finding runs by what people type."""

from __future__ import annotations

from perdure.base.errors import InputError, RunNotFound
from perdure.kernel.store.port import Store
from perdure.kernel.store.rows import RunFilter, RunRow


async def find_run(store: Store, id: str) -> RunRow:
    """The run with this id, or the only one whose id begins or ends with it. Raises RunNotFound, InputError."""
    row = await store.load_run(id) if id.isascii() else None
    if row is not None:
        return row
    if len(id.removeprefix("run_")) < 4 or not id.isascii():
        raise RunNotFound(f"no run {id!r}", run_id=id)
    for prefix in (id, f"run_{id}"):
        page = await store.runs(RunFilter(id_prefix=prefix), limit=2)
        if len(page.items) == 1:
            return page.items[0]
        if page.items:
            raise InputError(f"{id!r} begins the ids of several runs", hint="Give more of it.", run_id=id)
    raise RunNotFound(f"no run {id!r}", run_id=id)

"""Who is alive on this machine: each worker's process holds a lock on a file, which its death lets go at once."""

from __future__ import annotations

import fcntl
import os

from perdure.base.errors import StoreBusy


class WorkerLocks:
    """Locked files `<folder>/<worker id>`, one for each worker registered here."""

    def __init__(self, folder: str) -> None:
        self._folder = folder
        self._held: dict[str, int] = {}

    def holds(self, worker: str) -> bool:
        return worker in self._held

    def take(self, worker: str) -> None:
        """Lock the worker's file until `close`; it is made where it is not. Raises StoreBusy if another has."""
        if "/" in worker or worker in ("", ".", ".."):
            raise ValueError(f"not the id of a worker: {worker!r}")
        if worker in self._held:
            os.close(self._held.pop(worker))
        os.makedirs(self._folder, exist_ok=True)
        descriptor = os.open(self._path(worker), os.O_RDWR | os.O_CREAT, 0o644)
        if not _lock(descriptor):
            os.close(descriptor)
            raise StoreBusy(f"worker {worker} is registered by another process", retryable=False, worker=worker)
        self._held[worker] = descriptor

    def take_over(self, worker: str) -> bool:
        """Lock the file of somebody else's worker if its process is dead: True if so. A missing file is a sign of death
        too, as a worker has its lock before it has its row."""
        try:
            descriptor = os.open(self._path(worker), os.O_RDWR)
        except FileNotFoundError:
            return True
        if not _lock(descriptor):
            os.close(descriptor)
            return False
        self._held[worker] = descriptor
        return True

    def drop(self, worker: str) -> None:
        """Remove the worker's file and let go of its lock."""
        descriptor = self._held.pop(worker, None)
        if descriptor is not None:
            try:
                os.unlink(self._path(worker))
            except FileNotFoundError:
                pass  # removed by hand
            os.close(descriptor)

    def close(self) -> None:
        for worker in list(self._held):
            self.drop(worker)

    def _path(self, worker: str) -> str:
        return os.path.join(self._folder, worker)


def _lock(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True

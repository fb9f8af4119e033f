"""The store in one SQLite file, shared by any number of processes."""

from .store import SqliteStore

__all__ = ["SqliteStore"]

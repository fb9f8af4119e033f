"""The store in memory: the model of what every store means, and the double for tests."""

from .store import MemoryStore

__all__ = ["MemoryStore"]

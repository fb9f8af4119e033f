"""Perdure runs AI agents that last."""

__version__ = "0.1.0.dev0"

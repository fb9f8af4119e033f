"""Durable state: the port, the operations it commits, and its implementations in memory and in SQLite."""

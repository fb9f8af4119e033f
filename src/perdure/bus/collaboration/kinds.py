"""The kinds of events that collaborating agents publish."""

TIMEOUT = "collab.timeout"
"""Somebody waited in vain: payload `{reason}` and what it waited for."""
SUMMARY = "collab.summary"
"""How something that many took part in came out."""
CALL = "request"
"""A call is a request: whatever answers requests can answer it."""
AWARD = "collab.award"
BARRIER = "collab.barrier"
BROADCAST = "collab.broadcast"
AFTERWARDS = 60
"""Priority of what only tells how something came out."""

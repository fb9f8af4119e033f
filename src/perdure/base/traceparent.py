"""W3C Trace Context: which trace a run belongs to, and what calls to the outside say of it.

Format: https://www.w3.org/TR/trace-context/#traceparent-header. Ids derive from those of runs, so that a run which is
gone on with after a crash goes on in its own trace, and nobody has to keep them.
"""

from __future__ import annotations

import re
from contextvars import ContextVar

import msgspec

from .codec import digest

OUTGOING: ContextVar[str] = ContextVar("perdure.traceparent", default="")
"""The `traceparent` of the effect under way, for what it sends to others; "" where its run is not traced."""
OUTGOING_STATE: ContextVar[str] = ContextVar("perdure.tracestate", default="")
"""The `tracestate` that goes with it: what other tracing systems said, passed on as it came."""

MOST_STATE = 512
MOST_MEMBERS = 32
_MEMBER = r"[a-z0-9][a-z0-9_\-*/@]{0,255}=[\x20-\x2b\x2d-\x3c\x3e-\x7e]{0,255}[\x21-\x2b\x2d-\x3c\x3e-\x7e]"
_FORM = r"([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(-.*)?"
_HEX = r"[0-9a-f]{32}"
_SAMPLED = 1
_SHARES = 1 << 56


class Trace(msgspec.Struct, frozen=True, gc=False):
    """`id` has 32 hex digits; `parent` is the span (16 hex digits) that the run was asked from, "" for none. `state` is
    the `tracestate` that came with it."""

    id: str
    parent: str = ""
    sampled: bool = True
    state: str = ""

    def at(self, span: str) -> str:
        """The `traceparent` of what this span asks of others; of a longer id the first 16 digits count."""
        return f"00-{self.id}-{span[:16]}-{'01' if self.sampled else '00'}"

    def within(self, share: float) -> bool:
        """Whether the trace is in this share (0 to 1) of all; every process comes to the same answer."""
        return int(digest(self.id)[:14], 16) < share * _SHARES


def read_traceparent(said: str) -> Trace | None:
    """What a `traceparent` says; None where it is none, which is no error: the trace begins anew then."""
    found = re.fullmatch(_FORM, said)
    if found is None:
        return None
    version, trace, span, flags, more = found.groups()
    if version == "ff" or (version == "00" and more) or trace == "0" * 32 or span == "0" * 16:
        return None
    return Trace(trace, span, bool(int(flags, 16) & _SAMPLED))


def read_tracestate(said: str) -> str:
    """A `tracestate` to be passed on; "" where it cannot be read or is too long, as the format wants it then."""
    members = [member for one in said.split(",") if (member := one.strip(" \t"))] if len(said) <= MOST_STATE else []
    if len(members) > MOST_MEMBERS or not all(re.fullmatch(_MEMBER, one) for one in members):
        return ""
    return ",".join(members)


def outgoing() -> dict[str, str]:
    """The headers that a call to the outside sends for the effect under way; none where its run is not traced."""
    parent = OUTGOING.get()
    if not parent:
        return {}
    state = OUTGOING_STATE.get()
    return {"traceparent": parent, "tracestate": state} if state else {"traceparent": parent}


def trace_of(root: str, said: str, state: str = "") -> Trace:
    """The trace of a run: the one that its envelope names, or its own, whose id are the digits of its topmost run's."""
    found = read_traceparent(said) if said else None
    if found is not None:
        return msgspec.structs.replace(found, state=state) if state else found
    own = root.rpartition("_")[2]
    return Trace(own if re.fullmatch(_HEX, own) and own != "0" * 32 else digest(root))


def span_of_run(run_id: str) -> str:
    """The 16 hex digits of the span that stands for a run."""
    return digest(run_id)[:16]

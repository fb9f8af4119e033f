"""The kernel's own numbers."""

from __future__ import annotations

import msgspec

from .budgets import Pool


class Settings(msgspec.Struct, frozen=True):
    """Times in milliseconds. `recover` makes this process take over any run whose worker is gone; without it only
    agents that it was asked for are touched, and where it does not `work`, not even these: what it accepts waits for
    another process. `heartbeat_ms` None keeps no lease (one process, in memory).
    `pools` are what all its agents together may spend. `traced`: calls to the outside say of which trace they are,
    also where nobody outside began it. `metered`: what happens is counted."""

    recover: bool = False
    work: bool = True
    heartbeat_ms: int | None = 1_000
    lease_ms: int = 3_000
    poll_ms: int = 250
    linger_ms: int = 2_000
    pools: tuple[Pool, ...] = ()
    traced: bool = False
    metered: bool = False

    @property
    def has_lease(self) -> bool:
        return self.heartbeat_ms is not None


DEFAULTS = Settings()

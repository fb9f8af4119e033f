"""Whether and when a process that failed is begun again: plain numbers in, a pause or None out."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

if TYPE_CHECKING:
    from perdure.agents.lifecycle import Restart

LONGEST_MS = 60_000


class Policy(msgspec.Struct, frozen=True):
    """A process is begun again `attempts` times, after `backoff_ms` and then twice as long each time. One that lasted
    `healthy_ms` begins a new row."""

    attempts: int = 5
    backoff_ms: int = 1_000
    healthy_ms: int = 60_000

    def failures(self, before: int, lived_ms: int) -> int:
        """How many failures in a row there are now that a process ended which had `lived_ms`."""
        return 1 if lived_ms >= self.healthy_ms else before + 1

    def pause(self, failures: int) -> int | None:
        """Milliseconds until it is begun again after so many failures in a row; None where it is given up."""
        if failures > self.attempts:
            return None
        longest = max(LONGEST_MS, self.backoff_ms)
        return min(self.backoff_ms << min(failures - 1, 32), longest)


def policy_of(said: Restart) -> Policy:
    """The rules of a project's file."""
    default = Policy()
    return Policy(
        said.attempts,
        default.backoff_ms if said.backoff is None else int(said.backoff),
        default.healthy_ms if said.healthy is None else int(said.healthy),
    )

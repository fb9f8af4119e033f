"""Metrics: how much there is, how much was done, and how long it took, for whoever watches many processes.

Names of agents and runs are in none of them: there may be any number of those.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

import msgspec

from perdure.base.histogram import Histogram
from perdure.base.version import __version__
from perdure.bus.counts import BusStats
from perdure.kernel.meter import Meter
from perdure.kernel.store.rows import Counts, RunStatus

if TYPE_CHECKING:
    from perdure.compute.jobs.jobs import Jobs

    from .runtime import Runtime

Labels: TypeAlias = tuple[tuple[str, str], ...]
Samples: TypeAlias = dict[Labels, float | Histogram]
OPEN: tuple[RunStatus, ...] = ("queued", "running", "waiting", "paused", "yielded")
ENDED = ("done", "failed", "cancelled")


class Family(msgspec.Struct, frozen=True):
    """Everything of one name. Samples are numbers by their labels, or histograms."""

    name: str
    kind: Literal["gauge", "counter", "histogram"]
    help: str
    samples: Samples


async def metrics(runtime: Runtime) -> list[Family]:
    """What there is in the store, what this process did since it began, and how the store writes."""
    found = [*_standing(await runtime.store.counts(), runtime.engine.held)]
    if runtime.engine.meter is not None:
        found += _done(runtime.engine.meter)
    found += _said(runtime.topics.bus.stats)
    if "jobs" in runtime.__dict__:  # else there were none
        found += _computed(runtime.jobs)
    written = runtime.store.written
    found.append(one("perdure_store_batch_commits", "histogram", "Commits of a transaction.", written.batches))
    found.append(one("perdure_store_sync_seconds", "histogram", "Time of a transaction to the disk.", written.syncs))
    return found


def one(name: str, kind: Literal["gauge", "counter", "histogram"], help: str, value: float | Histogram) -> Family:
    """A family of one sample."""
    return Family(name, kind, help, {(): value})


def _by(label: str, table: Mapping[Any, float | Histogram]) -> Samples:
    return {((label, name),): value for name, value in table.items()}


def _standing(counts: Counts, held: int) -> Iterator[Family]:
    runs = _by("status", {status: counts.runs.get(status, 0) for status in OPEN})
    yield Family("perdure_info", "gauge", "Which version this is.", _by("version", {__version__: 1}))
    yield Family("perdure_runs", "gauge", "Runs that have not ended, by state.", runs)
    yield one("perdure_agents", "gauge", "Agents that there are.", counts.agents)
    yield one("perdure_agents_held", "gauge", "Agents that this process has in memory.", held)
    yield one("perdure_inbox_depth", "gauge", "Envelopes that wait for agents.", counts.mail)
    yield one("perdure_timers", "gauge", "Alarms, schedules and ends of waits that are set.", counts.timers)
    yield one("perdure_dead_letters", "gauge", "Dead letters that are kept.", counts.dead_letters)


def _done(meter: Meter) -> Iterator[Family]:
    ended = _by("status", {status: meter.ended[status] for status in ENDED})
    yield Family("perdure_runs_ended_total", "counter", "Runs that came to their end here.", ended)
    yield one("perdure_ticks_total", "counter", "Turns of agents.", meter.ticks)
    tokens: Samples = {}
    for model, (asked, answered) in meter.tokens.items():
        tokens[("direction", "input"), ("model", model)] = asked
        tokens[("direction", "output"), ("model", model)] = answered
    yield Family("perdure_tokens_total", "counter", "Tokens of models, in and out.", tokens)
    cost = _by("model", meter.cost)
    yield Family("perdure_cost_microusd_total", "counter", "Millionths of a dollar that models cost.", cost)
    yield Family("perdure_model_seconds", "histogram", "Time of answers.", _by("model", meter.model_seconds))
    yield Family("perdure_tool_seconds", "histogram", "Time of calls of tools.", _by("tool", meter.tool_seconds))
    failures: Samples = {(("code", code), ("kind", kind)): count for (kind, code), count in meter.failures.items()}
    yield Family("perdure_failures_total", "counter", "Calls of models and tools that failed.", failures)


def _said(bus: BusStats) -> Iterator[Family]:
    yield one("perdure_bus_published_total", "counter", "Events of programs and sources.", bus.published)
    yield one("perdure_bus_delivered_total", "counter", "Events that programs took who listen here.", bus.delivered)
    dropped = _by("reason", {"queue_full": 0, "expired": 0, **bus.dropped})
    yield Family("perdure_bus_dropped_total", "counter", "Events that a subscriber lost.", dropped)
    yield one("perdure_bus_subscriptions", "gauge", "Who listens here, each pattern counted.", bus.subscribers)
    yield one("perdure_bus_backlog", "gauge", "Events that wait here for those who listen.", bus.backlog)


def _computed(jobs: Jobs) -> Iterator[Family]:
    tally = jobs.tally
    ended: Samples = {(("kind", kind), ("status", status)): count for (kind, status), count in tally.ended.items()}
    yield one("perdure_compute_jobs", "gauge", "Jobs of /compute that are under way here.", jobs.under_way)
    yield Family("perdure_compute_jobs_ended_total", "counter", "Jobs of /compute that are over.", ended)
    yield Family("perdure_compute_job_seconds", "histogram", "Time of jobs of /compute.", _by("kind", tally.seconds))
    yield one("perdure_compute_cost_microusd_total", "counter", "Millionths of a dollar that jobs cost.", tally.cost)

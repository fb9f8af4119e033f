"""`metrics/`: how busy an agent is: its queue, its rates, and the same as Prometheus reads it.

Source of the text's format: https://prometheus.io/docs/instrumenting/exposition_formats/
"""

from __future__ import annotations

from typing import Any

from perdure.base.codec import unpack_as
from perdure.base.envelope import Envelope
from perdure.kernel.store.rows import RunFilter, RunRow

from ..node import Document, Folder, json_document
from .budget import budget_of
from .desk import Desk
from .status import agent_of

WINDOW_MS = 3_600_000
COUNTED = 10_000
"""Runs that a rate looks at most."""


def metrics_node(agent_id: str, desk: Desk) -> Folder:
    async def queue() -> dict[str, Any]:
        waiting = await desk.store.mail(agent_id, 1_024)
        oldest = min(waiting, key=lambda mail: mail.seq, default=None)
        return {
            "depth": await desk.store.mail_count(agent_id),
            "oldest_at": unpack_as(oldest.data, Envelope).created_at if oldest is not None else None,
            "dead_letters": await desk.store.dead_letter_count(agent_id),
        }

    async def rates() -> dict[str, Any]:
        since = desk.clock.now() - WINDOW_MS
        runs = (await desk.store.runs(RunFilter(agent_id, since=since), limit=COUNTED)).items
        return {"window_secs": WINDOW_MS // 1000, **_rates(runs)}

    async def prometheus() -> bytes:
        row = await agent_of(desk, agent_id)
        budget = await budget_of(desk, row, (await desk.terms(row)).scopes)
        counts = await desk.store.run_counts(agent_id)
        depth, dead = await desk.store.mail_count(agent_id), await desk.store.dead_letter_count(agent_id)
        agent = f'agent="{_escaped(agent_id)}"'
        return "".join(
            (
                _family("inbox_depth", "gauge", "Envelopes that wait for the agent.", {agent: depth}),
                _family("dead_letters", "gauge", "Dead letters that are kept.", {agent: dead}),
                _family(
                    "runs",
                    "gauge",
                    "Runs by their state.",
                    {f'{agent},status="{status}"': count for status, count in sorted(counts.items())},
                ),
                *(
                    _family(
                        f"budget_{name}_microusd",
                        "gauge",
                        f"Budget: {name}, by scope.",
                        {
                            f'{agent},scope="{_escaped(one.scope)}"': value
                            for one in budget
                            if (value := getattr(one, f"{name}_microusd")) is not None
                        },
                    )
                    for name in ("limit", "reserved", "spent")
                ),
            )
        ).encode()

    return Folder(
        {
            "queue": json_document(queue),
            "rates": json_document(rates),
            "prometheus": Document(read=prometheus),
        }
    )


def _rates(runs: list[RunRow]) -> dict[str, Any]:
    """Of runs accepted in the window: how many, how they ended, and what they took."""
    ended = [run for run in runs if run.status in ("done", "failed")]
    took = sorted(run.finished_at - run.created_at for run in ended)
    return {
        "runs": len(runs),
        "done": sum(run.status == "done" for run in ended),
        "failed": sum(run.status == "failed" for run in ended),
        "median_ms": took[len(took) // 2] if took else None,
        "steps": sum(run.steps for run in runs),
        "spent_microusd": sum(run.cost for run in runs),
    }


def _family(name: str, kind: str, says: str, values: dict[str, int]) -> str:
    """One metric with its samples, "" where it has none."""
    if not values:
        return ""
    samples = "".join(f"perdure_{name}{{{labels}}} {value}\n" for labels, value in values.items())
    return f"# HELP perdure_{name} {says}\n# TYPE perdure_{name} {kind}\n{samples}"


def _escaped(label: str) -> str:
    return label.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")

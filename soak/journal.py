"""What the journal says of each run since it was last read."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any

from perdure.base.codec import unpack, unpack_as
from perdure.base.envelope import Envelope
from perdure.base.messages import ModelResponse
from perdure.kernel import records as r
from perdure.kernel.journal import decode
from perdure.kernel.store.port import Store
from perdure.kernel.store.rows import RecordFilter

AT_ONCE = 5_000
_ASKED = re.compile(r"(\S+) \|")


@dataclass
class Told:
    """One run: which question it answers, how it ended, what it did outside, and what it cost.

    `answers` are the model's, price by serial number; `lost` is what counts as spent for calls whose end nobody heard.
    """

    id: str
    agent: str
    asked: str = ""
    parent: str = ""
    status: str = ""
    output: Any = None
    answers: list[tuple[str, int]] = field(default_factory=list)
    lost: int = 0
    intents: dict[str, str] = field(default_factory=dict)
    """Class of effect by key."""
    done: set[str] = field(default_factory=set)
    event: str = ""
    """The subscription and the number of the event that began it."""
    heard: list[str] = field(default_factory=list)
    """Ids of the events that it was handed at once, where there were several."""
    denied: int = 0
    records: int = 0
    reserved: dict[str, int] = field(default_factory=dict)
    """Set aside and not settled yet, by reservation."""
    costs: dict[str, int] = field(default_factory=dict)
    wrong: list[str] = field(default_factory=list)
    told: tuple[int, int] = (0, 0)
    """Of its cost and of what is lost, how much was told before."""

    @property
    def cost(self) -> int:
        return sum(self.costs.values()) + self.lost

    @property
    def spent(self) -> int:
        """What it has cost since it was last read."""
        return self.cost - self.told[0]

    @property
    def spent_lost(self) -> int:
        return self.lost - self.told[1]

    def carry(self) -> None:
        """It is told of; from now on only what is new."""
        self.told = self.cost, self.lost
        self.answers, self.wrong = [], []
        self.intents = {key: kind for key, kind in self.intents.items() if key not in self.done}

    def hear(self, key: str, event: r.AnyEvent) -> None:
        self.records += 1
        match event:
            case r.RunAccepted():
                envelope = unpack_as(event.body, Envelope)
                self.asked, self.parent = _asked(envelope.payload), event.parent
                if envelope.id.startswith("sub_"):
                    self.event = envelope.id
                    self.heard = [one["id"] for one in envelope.payload] if isinstance(envelope.payload, list) else []
            case r.EffectIntended():
                self.intents[key] = event.effect
            case r.EffectDone() | r.EffectFailed():
                if key in self.done:
                    self.wrong.append(f"{key} has two results")
                if isinstance(event, r.EffectDone):
                    self.done.add(key)
                if event.cost:
                    self.costs[key] = event.cost
                if isinstance(event, r.EffectDone) and event.kind == "model":
                    self.answers.append((unpack_as(event.body, ModelResponse).id, event.cost))
            case r.EffectResolved(how="done"):
                self.done.add(key)
            case r.BudgetReserved():
                self.reserved[event.reservation] = event.amount
            case r.BudgetReleased():
                self.reserved.pop(event.reservation, None)
            case r.BudgetSettled():
                if event.reservation not in self.reserved:
                    self.wrong.append(f"{key} is settled, and nothing was reserved")
                self.reserved.pop(event.reservation, None)
                if key not in self.costs:
                    self.lost += event.spent
                elif event.spent != self.costs[key]:
                    self.wrong.append(f"{key} cost {self.costs[key]} and was settled with {event.spent}")
            case r.RunFinished():
                if self.status:
                    self.wrong.append("it ended twice")
                self.status, self.output = event.status, unpack(event.body)
            case _:
                pass


def _asked(payload: Any) -> str:
    """The question's id in what a run was asked, "" where there is none."""
    found = _ASKED.match(str(payload.get("asked", "") if isinstance(payload, dict) else payload))
    return found[1] if found else ""


class Reader:
    """Reads on from where it stopped. Runs that have not ended are kept for the next time."""

    def __init__(self) -> None:
        self._after = 0
        self._open: dict[str, Told] = {}

    async def read(self, store: Store) -> list[Told]:
        runs, self._open = self._open, {}
        for run in runs.values():
            run.carry()
        while records := await store.records(RecordFilter(), after=self._after, limit=AT_ONCE):
            for record in records:
                if record.run_id:
                    run = runs.get(record.run_id) or runs.setdefault(
                        record.run_id, Told(record.run_id, record.agent_id)
                    )
                    run.hear(record.key, decode(record))
            self._after = records[-1].seq
        self._open = {run.id: run for run in runs.values() if not run.status}
        return list(runs.values())

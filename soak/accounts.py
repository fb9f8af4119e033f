"""The accounts: what clients were told, what the journal says, what happened outside and what was charged for it have
to be the same."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from journal import Told
from load import EFFECTS, PARTS, Question

from perdure.kernel.effect import idempotency_key

NEAR_S = 5.0
"""How far from a trouble an answer of the model may be lost."""
POOR = 400
"""What an agent of `poor.yaml` may spend in a run, micro-USD."""
SHOWN = 12
UNDOING = "/compensate/"
"""In the key of what a flow does to undo a step."""


@dataclass
class Balance:
    """What was counted, and every line that is not right."""

    counted: dict[str, Any] = field(default_factory=dict)
    wrong: list[str] = field(default_factory=list)

    def add(self, title: str, lines: Iterator[str] | list[str]) -> None:
        found = list(lines)
        self.wrong += [f"{title}: {line}" for line in found[:SHOWN]]
        if len(found) > SHOWN:
            self.wrong.append(f"{title}: and {len(found) - SHOWN} more")


def effects_wrong(
    runs: list[Told], happened: Mapping[str, Mapping[str, int]], stood_still: int, found: Balance
) -> Iterator[str]:
    """`happened` counts what was done outside, by class and key; servers stood still so often while they worked."""
    intended = {idempotency_key(run.id, key): kind for run in runs for key, kind in run.intents.items()}
    repeated = 0
    for kind in EFFECTS:
        counts = happened.get(kind, {})
        found.counted[f"effects {kind}"] = len(counts)
        for key, count in counts.items():
            if kind == "checkable" and count == 2:
                repeated += 1  # a probe cannot see what somebody who stands still has yet to send
            elif count != 1:
                yield f"{key} of class {kind} was done {count} times"
            if intended.get(key) != kind:
                yield f"{key} of class {kind} was done, and no journal speaks of it"
    found.counted["effects checkable, repeated by one that stood still"] = repeated
    if repeated > stood_still:
        yield f"{repeated} of class checkable were done twice, and servers stood still {stood_still} times"
    for run in runs:
        for key, kind in run.intents.items():
            if kind in EFFECTS and key in run.done and not happened.get(kind, {}).get(idempotency_key(run.id, key)):
                yield f"{run.id} {key} of class {kind} is said to be done and was not"


def money_wrong(
    runs: list[Told],
    charged: Mapping[str, tuple[str, int, float]],
    cancelled: set[str],
    moments: Sequence[tuple[float, float]],
    found: Balance,
) -> Iterator[str]:
    """`charged` has for each answer of the model, by serial number, to which question, its price and when. One that no
    journal holds was on its way to somebody who was `cancelled`, or at one of the `moments` of trouble."""
    journaled: Counter[str] = Counter()
    for run in runs:
        for serial, cost in run.answers:
            journaled[serial] += 1
            if serial not in charged or charged[serial][1] != cost:
                yield f"{run.id} counts {cost} for answer {serial}, charged was {charged.get(serial)}"
    yield from (f"answer {serial} is counted {n} times" for serial, n in journaled.items() if n > 1)
    unheard = {serial: said for serial, said in charged.items() if serial not in journaled}
    for serial, (id, _, at) in unheard.items():
        if id not in cancelled and not any(began - NEAR_S <= at <= ended + NEAR_S for began, ended in moments):
            yield f"answer {serial}, to {id}, is in no journal"
    billed, missing = (sum(cost for _, cost, _ in which.values()) for which in (charged, unheard))
    spent, lost = sum(run.spent for run in runs), sum(run.spent_lost for run in runs)
    if lost < missing:
        yield f"{missing} were charged for answers that nobody heard, {lost} set down for them"
    if spent - lost != billed - missing:
        yield f"{spent - lost} were spent on answers, and {billed - missing} charged for them"
    found.counted |= {
        "charged by the model (micro-USD)": billed,
        "spent by the runs (micro-USD)": spent,
        "of it for calls cut short": lost,
        "answers charged": len(charged),
        "answers charged and never heard": len(unheard),
    }


def answers_wrong(
    runs: list[Told], questions: list[Question], failed: dict[str, list[str]], found: Balance
) -> Iterator[str]:
    by_asked: dict[str, list[Told]] = defaultdict(list)
    parts: dict[str, list[Told]] = defaultdict(list)
    ends: Counter[str] = Counter()
    for run in runs:
        id, _, part = run.asked.partition("/")
        if part:
            parts[id].append(run)
        elif run.event:
            ends["begun by events"] += 1
        elif run.asked != "tick":
            by_asked[run.asked].append(run)
        else:
            ends["scheduled"] += 1
    asked = {one.id: one for one in questions}
    yield from (f"{id!r} was never asked" for id in by_asked if id not in asked)
    for one in questions:
        answering = by_asked[one.id]
        if len(answering) != 1 or answering[0].id not in one.runs or len(one.runs) != 1:
            yield f"{one.kind} {one.id} was told of {one.runs}, and there are {[run.id for run in answering]}"
            continue
        run = answering[0]
        ends[run.status or "open"] += 1
        if one.answers and (run.status != "done" or one.answers != {str(run.output)}):
            yield f"{one.kind} {one.id} was told {one.answers}, its run is {run.status}: {run.output}"
        yield from _course(one, run, parts[one.id], failed)
    found.counted |= {"questions": len(questions), **{f"runs {name}": count for name, count in ends.items()}}


def _course(one: Question, run: Told, parts: list[Told], failed: dict[str, list[str]]) -> Iterator[str]:
    """Whether the run did what its question asks for, or there is a reason why it did not."""
    where = f"{one.kind} {one.id} ({run.id})"
    if one.kind == "errand":
        yield from (f"{where} {line}" for line in _errand(one, run))
        return
    did = _did(run.done, run)
    if run.status == "done":
        wanted = [Counter()] if one.kind in PARTS else [EFFECTS]
        if one.kind == "careful":
            wanted.append(EFFECTS - Counter(idempotent=1))  # a person did not agree
        if did not in wanted:
            yield f"{where} is done, and did {dict(did)}"
        if one.kind in PARTS:
            yield from _helped(one, run, parts, failed)
        elif not str(run.output).startswith(f"{one.id}: answer "):
            yield f"{where} has the answer of another: {run.output}"
    elif run.status == "cancelled":
        if not one.is_cancelled:
            yield f"{where} was cancelled, and nobody asked for it"
    elif run.status == "failed":
        code = run.output.get("code", "") if isinstance(run.output, dict) else ""
        is_poor = one.kind == "poor" and code == "budget.exceeded"
        if not is_poor and not any(failed.get(id) for id in (one.id, *(part.asked for part in parts))):
            yield f"{where} failed for no reason: {run.output}"
    if one.kind == "poor" and run.cost > POOR:
        yield f"{where} spent {run.cost}, of {POOR} that it may"


def _did(keys: Iterable[str], run: Told) -> Counter[str]:
    """How many effects of each class these are that are counted outside."""
    return Counter(run.intents[key] for key in keys if run.intents.get(key) in EFFECTS)


def _errand(one: Question, run: Told) -> Iterator[str]:
    """Whether the flow did all of its work, and undid it exactly where it failed or was cancelled."""
    did = _did((key for key in run.done if UNDOING not in key), run)
    undone = _did((key for key in run.done if UNDOING in key), run)
    ends = one.body["input"]["ends"]
    match run.status:
        case "done" if ends == "well":
            right = did == EFFECTS and not undone
        case "failed" if ends == "badly" and isinstance(run.output, dict) and run.output["code"] == "flow.failed":
            right = did == undone == EFFECTS
        case "cancelled" if one.is_cancelled:
            right = did == undone
        case _:
            right = False
    if not right:
        yield f"was to end {ends} and is {run.status}: {run.output}; it did {dict(did)} and undid {dict(undone)}"


def _helped(one: Question, run: Told, parts: list[Told], failed: dict[str, list[str]]) -> Iterator[str]:
    """Whether the run has the answers of the others that it asked; None for one that failed for a reason."""
    asked = sorted(part.asked for part in parts)
    if asked != [f"{one.id}/{number}" for number in range(1, PARTS[one.kind] + 1)]:
        yield f"{run.id} of {one.kind} asked {asked}"
        return
    outputs = []
    for part in sorted(parts, key=lambda part: part.asked):
        where = f"{part.id}, asked by {run.id},"
        outputs.append(str(part.output if part.status == "done" else None))
        if part.status != "done" and not failed.get(part.asked):
            yield f"{where} is {part.status} for no reason: {part.output}"
        if part.status == "done" and not str(part.output).startswith(f"{part.asked}: answer "):
            yield f"{where} has the answer of another: {part.output}"
    if str(run.output) != " and ".join(outputs):
        yield f"{run.id} says {run.output}, the others {outputs}"

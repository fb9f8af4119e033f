"""A vote: everybody reads the candidates, ballots are counted, and where nobody wins somebody else decides."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from perdure.base.errors import InputError, Undecided

from . import shapes, words
from .people import reviewed
from .play import Play
from .rates import Standing
from .record import Tell
from .shapes import ABSTAIN
from .stages import Draft, same
from .task import Answer
from .votes import Ballot, Tally, count, leader


class Decision(msgspec.Struct, frozen=True):
    """What came of a vote. `how` says by what: votes, leader, judge or person; `shares` are by candidate."""

    choice: str
    how: str
    why: str
    confidence: float
    shares: dict[str, float]


async def vote(play: Play, drafts: Sequence[Draft]) -> Answer:
    """The answer that wins. Raises Undecided."""
    candidates = same(drafts)
    only = candidates[0]
    if len(candidates) == 1 and len(only.by) >= play.team.votes.quorum * len(play.of("proposer")):
        await play.note("decision", {"how": "unanimous", "by": only.by, "answer": only.value})
        return only.answer(f"{', '.join(only.by)} said so, and nobody anything else")
    decision, ballots = await decide(play, candidates)
    winner = candidates[int(decision.choice) - 1]
    if play.team.votes.by == "weighted":
        await _settle(play, candidates, winner, decision.choice, ballots)
    return Answer(winner.value, decision.confidence, winner.by, decision.why)


async def decide(play: Play, candidates: Sequence[Draft], *, is_final: bool = True) -> tuple[Decision, list[Ballot]]:
    """Which of the candidates wins, and the ballots that were cast; all is put on record with its reason. A vote that
    is not final has its leader, whoever else is to decide where nobody wins."""
    rules = play.team.votes
    answers = {str(number): draft.value for number, draft in enumerate(candidates, 1)}
    labels = list(answers)
    voters = play.of("proposer", "critic")
    weights: dict[str, float] | None = None
    if rules.by == "weighted":
        known = await play.record(Tell("look", play.task.task_class))
        weights = {seat.name: known.members.get(seat.name, Standing()).rate(rules.prior) for seat in voters}

    ballots: list[Ballot] = []

    async def produce() -> Decision:
        # Everybody reads the candidates in another order, so that no place is the better one.
        asked = [(seat, words.vote(_turned(answers, place))) for place, seat in enumerate(voters)]
        said = await play.ask_all("vote", asked, shapes.ballot(labels), least=0, limited=_abstention)
        ballots[:] = [
            Ballot(
                one.seat.name,
                "" if one.value["choice"] == ABSTAIN else one.value["choice"],
                one.value.get("confidence", 1.0),
                one.value["why"],
                one.run_id,
            )
            for one in said
        ]
        names = [seat.name for seat in voters]
        tally = count(ballots, labels, voters=names, weights=weights, needs=rules.needs, quorum=rules.quorum)
        decision = await _decision(play, answers, tally, ballots) if is_final else _leading(answers, tally, ballots)
        await play.note(
            "decision",
            {
                **msgspec.to_builtins(decision),
                "verdict": tally.verdict,
                "cast": tally.cast,
                "candidates": {label: draft.by for label, draft in zip(labels, candidates, strict=True)},
                "ballots": msgspec.to_builtins(ballots),
                "weights": weights or {},
            },
        )
        return decision

    def replace(decision: Decision, value: Any) -> Decision:
        if str(value) not in answers:
            raise InputError(f"expected the number of an answer, 1 to {len(answers)}, found {value!r}")
        return Decision(str(value), "person", "a person said so", 1.0, decision.shares)

    def show(decision: Decision) -> Any:
        return {**msgspec.to_builtins(decision), "answers": answers}

    return await reviewed(play, "vote", produce, show, replace), ballots


async def _decision(play: Play, answers: Mapping[str, Any], tally: Tally, ballots: Sequence[Ballot]) -> Decision:
    rules = play.team.votes
    if rules.by == "judge":
        return await _judged(play, answers, tally, ballots)
    if tally.winner or rules.undecided == "leader":
        return _leading(answers, tally, ballots)
    match rules.undecided:
        case "judge":
            leading = {label: answers[label] for label in tally.leaders} or dict(answers)
            return await _judged(play, leading, tally, ballots)
        case "person":
            return await _asked(play, answers, tally)
        case _:
            raise Undecided(
                f"the vote has no winner: {_SAYINGS[tally.verdict]}", verdict=tally.verdict, shares=tally.shares
            )


def _leading(answers: Mapping[str, Any], tally: Tally, ballots: Sequence[Ballot]) -> Decision:
    """The winner, or else the leader, who is the less sure the fewer ballots came."""
    choice = tally.winner or leader(tally, ballots, list(answers))
    share = tally.shares[choice]
    if not tally.winner:
        why = f"no winner: {_SAYINGS[tally.verdict]}; it leads"
        return Decision(choice, "leader", why, share * tally.cast / tally.voters, tally.shares)
    reasons = "; ".join(f"{one.voter}: {one.why}" for one in ballots if one.choice == choice and one.why)
    return Decision(choice, "votes", f"{share:.0%} of the vote ({reasons})", share, tally.shares)


async def _judged(play: Play, answers: Mapping[str, Any], tally: Tally, ballots: Sequence[Ballot]) -> Decision:
    judge = play.of("judge")[0]
    told = [f"{one.voter}: {one.choice or 'abstains'} ({one.why})" for one in ballots]
    said = await play.ask("judge", judge, words.rule(answers, told), shapes.ruling(list(answers)))
    why = f"{judge.name}: {said['why']}"
    return Decision(said["choice"], "judge", why, said.get("confidence", 1.0), tally.shares)


async def _asked(play: Play, answers: Mapping[str, Any], tally: Tally) -> Decision:
    problem: dict[str, str] = {}
    while True:
        about = {"answers": dict(answers), "shares": tally.shares, "verdict": tally.verdict, **problem}
        said = await play.ctx.ask(
            f"The vote has no winner: {_SAYINGS[tally.verdict]}. Which one?", options=(*answers,), about=about
        )
        if str(said) in answers:
            return Decision(str(said), "person", "a person said so", 1.0, tally.shares)
        problem = {"problem": f"{said!r} is none of them"}


async def _settle(
    play: Play, candidates: Sequence[Draft], winner: Draft, choice: str, ballots: Sequence[Ballot]
) -> None:
    """Those win whose proposal was taken, or who proposed nothing and voted for it; who had no stake is left out."""
    proposed = {name for draft in candidates for name in draft.by}
    won = list(winner.by)
    lost = [name for name in proposed if name not in winner.by]
    for ballot in ballots:
        if ballot.voter not in proposed and ballot.choice:
            (won if ballot.choice == choice else lost).append(ballot.voter)
    tell = Tell("settle", play.task.task_class, tuple(sorted(won)), tuple(sorted(lost)), decay=play.team.votes.decay)
    await play.record(tell)


def _abstention(why: str) -> dict[str, Any]:
    return {"choice": ABSTAIN, "why": why}


def _turned(answers: Mapping[str, Any], place: int) -> dict[str, Any]:
    labels = list(answers)
    start = place % len(labels)
    return {label: answers[label] for label in (*labels[start:], *labels[:start])}


_SAYINGS = {
    "tie": "several lead",
    "short": "nobody has enough",
    "no_quorum": "too few ballots came",
    "empty": "everybody abstained",
}

"""What a team is: who is in it, in what manner they work, and how they decide."""

# No `from __future__ import annotations`: msgspec would compile and evaluate each text again when a process starts.

from typing import Annotated, Any, Literal, TypeAlias

from msgspec import Meta

from perdure.compute.spec import ModelSpec

from .amounts import Duration
from .section import Section

Mode: TypeAlias = Literal[
    "solo",
    "consult",
    "collaborate",
    "consensus",
    "swarm",
    "hierarchy",
    "chat",
    "handoff",
    "blackboard",
    "supervise",
]
Role: TypeAlias = Literal["proposer", "critic", "synthesizer", "judge", "manager", "evaluator"]
Stage: TypeAlias = Literal["propose", "critique", "synthesize", "adjudicate", "vote", "answer"]
MOST_COPIES = 32
MOST_MEMBERS = 64
"""Seats of a team, copies counted."""

MemberName: TypeAlias = Annotated[
    str,
    Meta(
        pattern=r"^[A-Za-z][A-Za-z0-9_]{0,31}$(?!\n)",
        extra_json_schema={"errorMessage": "expected 1 to 32 letters, digits or `_`, beginning with a letter"},
    ),
]
Share: TypeAlias = Annotated[float, Meta(ge=0, le=1)]


class Member(Section, frozen=True):
    """One in the team: described by a few keys here, by a whole agent in `agent`, or by a `file`, on which the other
    keys are laid. What neither says is as the team's own `model`, `tools`, `limits`, … say."""

    role: Annotated[Role, Meta(description="What is asked of it in the modes that know roles.")] = "proposer"
    copies: Annotated[int, Meta(ge=1, le=MOST_COPIES, description="How many of it there are: ann_1, ann_2, …")] = 1
    description: Annotated[str, Meta(description="What it is good at; others read this.")] = ""
    file: Annotated[str | None, Meta(description="The file of an agent or of another team.")] = None
    model: str | ModelSpec | None = None
    instructions: str = ""
    tools: tuple[str | dict[str, Any], ...] = ()
    agent: Annotated[dict[str, Any], Meta(description="Anything that the file of an agent can say.")] = {}
    folder: Annotated[
        str | None, Meta(description="Where its relative paths start, from the project's root; the team's if absent.")
    ] = None


class Votes(Section, frozen=True):
    """How a vote is decided."""

    by: Annotated[
        Literal["majority", "weighted", "judge"],
        Meta(description="Each ballot counts one, counts its member's share of wins, or advises the judge."),
    ] = "majority"
    needs: Annotated[float, Meta(ge=0, lt=1, description="Share of the weight cast that the winner must exceed.")] = 0.5
    quorum: Annotated[Share, Meta(description="Share of voters whose ballots must come, abstentions included.")] = 0.5
    undecided: Annotated[
        Literal["leader", "judge", "person", "fail"],
        Meta(description="Who decides where nobody has won: the ballots' leader, the judge, a person, or nobody."),
    ] = "leader"
    prior: Annotated[
        float, Meta(gt=0, le=1_000, description="Wins, and as many losses, that every member begins with.")
    ] = 1
    decay: Annotated[
        float, Meta(gt=0, le=1, description="What earlier wins and losses count after each decision, times before.")
    ] = 0.98


class Reflexion(Section, frozen=True):
    """Answers are scored; what is to be learnt of them is kept, and told before the next task of the class."""

    rubric: Annotated[tuple[str, ...], Meta(min_length=1, max_length=32, description="What a good answer does.")]
    pass_at: Annotated[Share, Meta(description="Mean score at which an answer passes.")] = 0.8
    tries: Annotated[int, Meta(ge=1, le=10, description="Answers to one task, the first included.")] = 2
    lessons: Annotated[int, Meta(ge=0, le=50, description="Lessons that are told, the latest.")] = 5


class Team(Section, frozen=True):
    """Members that work on one task together."""

    members: Annotated[dict[MemberName, Member], Meta(min_length=1)]
    order: Annotated[
        tuple[MemberName, ...],
        Meta(description="Members from the first to the last; as they are written where absent."),
    ] = ()
    mode: Annotated[Mode, Meta(description="How they work together.")] = "consult"
    depth: Annotated[int, Meta(ge=0, le=3, description="Rounds of criticism, or of delegation.")] = 1
    auto: Annotated[
        bool, Meta(description="Whether a mode with more members follows where confidence is low and money is left.")
    ] = True
    confidence: Annotated[Share, Meta(description="Below this an answer is unsure.")] = 0.7
    strategy: Annotated[
        Literal["self_if_confident", "aggregate_always", "ask_clarify_below_threshold"],
        Meta(
            description="Whether one member answers alone while it is sure, `mode` is used at once, or a person is"
            " asked for what an unsure answer lacks."
        ),
    ] = "aggregate_always"
    votes: Votes = Votes()
    reflexion: Annotated[Reflexion | None, Meta(description="Whether answers are scored and learnt from.")] = None
    pause: Annotated[tuple[Stage, ...], Meta(description="Stages after which a person is asked.")] = ()
    deadline: Annotated[
        Duration | None, Meta(description="Time for the answers of one stage; who is late is left out.")
    ] = None
    turns: Annotated[int, Meta(ge=1, le=1_000, description="Turns of a chat, a hand-off or a blackboard, in all.")] = 10
    task_class: Annotated[
        str, Meta(min_length=1, max_length=64, description="What records and lessons are kept under.")
    ] = "general"

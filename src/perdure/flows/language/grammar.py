"""The grammar as a table: what a flow's file may hold, key by key. The reader, the JSON Schema and the reference follow
it, so that what is not here does not exist."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal, TypeAlias

import msgspec

Takes: TypeAlias = Literal[
    "text",
    "name",
    "names",
    "value",
    "values",
    "condition",
    "steps",
    "branches",
    "cases",
    "elif",
    "duration",
    "count",
    "number",
    "type",
    "inputs",
    "outputs",
    "agents",
    "tools",
    "texts",
    "vars",
    "settings",
    "retry",
    "on_error",
    "budget",
    "triggers",
    "model",
    "wait",
    "request",
    "gather",
    "contract",
    "barrier",
    "broadcast",
    "flag",
    "best",
    "condition_form",
    "loop_form",
    "nodes",
    "edges",
]


class Field(msgspec.Struct, frozen=True):
    takes: Takes
    about: str
    required: bool = False


class Kind(msgspec.Struct, frozen=True):
    """A kind of step: what its own key takes, and the keys beside it."""

    takes: Takes
    about: str
    fields: dict[str, Field] = {}


FLOW: dict[str, Field] = {
    "name": Field("name", "What the flow is called; the file's name where absent."),
    "version": Field("text", "Semantic version of this definition, for people."),
    "description": Field("text", "What the flow is for, in a sentence."),
    "inputs": Field("inputs", "What it is given: types by name."),
    "outputs": Field("outputs", "What it gives back: values by name; the result of the last step where absent."),
    "presets": Field("names", "Teams to begin with: shipped ones by name, or files in a folder `templates`."),
    "include": Field("names", "Files whose agents, tools, env, vars and tasks are taken over, by path."),
    "model": Field("model", "The model of agents that name none, as in an agent's file."),
    "vars": Field("vars", "Words that stand for `{{name}}` in the prompts of agents."),
    "env": Field("settings", "Settings that expressions read as `${env.NAME}`."),
    "tools": Field("tools", "Tools with options that steps call by name, as in an agent's file."),
    "agents": Field("agents", "Who works here: files, or agents written here, by name."),
    "tasks": Field("steps", "What is done, step by step."),
    "nodes": Field("nodes", "Steps by id, where `edges` say what comes after what."),
    "edges": Field("edges", "What comes after what: `fetch -> trend`."),
    "on": Field("triggers", "What starts the flow by itself where it is deployed, as in an agent's file."),
    "budget": Field("budget", "What a run of the flow may spend, as in an agent's file."),
    "timeout": Field("duration", "Longest time that the flow may take, waiting included."),
    "on_error": Field("on_error", "Steps for when a step failed and nothing else took care of it."),
    "finally": Field("steps", "Steps that run last, however the flow ends."),
    "metadata": Field("vars", "Labels of your own."),
}
FRAGMENT = ("name", "version", "description", "presets", "include", "vars", "env", "tools", "agents", "tasks")
"""What an included file may hold."""

COMMON: dict[str, Field] = {
    "id": Field("name", "What expressions call the step's result, and what its records are called."),
    "description": Field("text", "What the step is for."),
    "if": Field("condition", "The step is skipped where this is not true; its result is null then."),
    "env": Field("settings", "Settings for this step and all inside it."),
    "timeout": Field("duration", "Longest time of one try, waiting included."),
    "retry": Field("retry", "How often the step is tried in all, or `{attempts, backoff, factor, most, on}`."),
    "on_error": Field("on_error", "Steps for when it failed, or `ignore`. What they give stands for its result."),
    "compensate": Field("steps", "Steps that undo it, where the flow fails or is cancelled after it was done."),
    "finally": Field("steps", "Steps that run after it, however it ended."),
}

_DO = Field("steps", "What is done each time.", required=True)
_LIMIT = Field("count", "Most turns; one more is an error.")
_AS = Field("name", "What the item is called; `item` where absent.")
_INDEX = Field("name", "What the number of the turn is called, from 0; `index` where absent.")
_AT_ONCE = Field("count", "How many turns run side by side; 1 where absent.")
_RESULT = Field("type", "What the result has to be.")
_EACH = {"as": _AS, "index": _INDEX, "concurrency": _AT_ONCE, "limit": _LIMIT, "do": _DO}
_REDUCE = Field("steps", "Steps over all results, which they see as `results`.")

KINDS: dict[str, Kind] = {
    "agent": Kind(
        "text",
        "Ask an agent.",
        {
            "input": Field("value", "What it is asked: the result of the step before, or the flow's inputs."),
            "output": _RESULT,
        },
    ),
    "tool": Kind("text", "Call a tool.", {"with": Field("values", "Its arguments by name."), "output": _RESULT}),
    "flow": Kind("text", "Run another flow, by path.", {"with": Field("values", "Its inputs by name.")}),
    "set": Kind("values", "Give variables values."),
    "emit": Kind("value", "Publish an event of a topic.", {"with": Field("value", "What it says.")}),
    "wait": Kind(
        "wait", "Wait: for a time such as `10m`, or `{until}`, `{event, match, timeout}`, `{approval, options, about}`."
    ),
    "request": Kind("request", "Ask whoever hears a topic, and take the first answer: `{topic, with, within}`."),
    "gather": Kind(
        "gather", "Ask many, and take the first so many answers: `{topic, with, first, within, partial, summary_to}`."
    ),
    "contract": Kind(
        "contract",
        "Call for proposals, and award a task to the best: `{topic, task, score, best, awards, within, summary_to}`.",
    ),
    "barrier": Kind("barrier", "Wait until so many are there: `{name, parties, within}`."),
    "broadcast": Kind("broadcast", "Tell all who joined a thread: `{with, thread}`."),
    "fail": Kind("value", "Fail, with a message."),
    "sequential": Kind("steps", "One step after the other."),
    "do": Kind("steps", "The same as `sequential`, to put `timeout`, `retry` or `env` around several steps."),
    "parallel": Kind(
        "branches",
        "Steps side by side: a list, or a mapping of ids.",
        {
            "max": Field("count", "How many run at once; all of them where absent."),
            "on_failure": Field("text", "`stop`: one that fails ends all. `collect`: a failed one gives null."),
            "need": Field("count", "How many have to succeed; implies `collect`."),
            "within": Field("duration", "What is not done in this time is cancelled, and counts as failed."),
        },
    ),
    "race": Kind(
        "branches",
        "Steps side by side, of which the first to succeed wins; the rest is cancelled.",
        {"first": Field("count", "How many win; 1 where absent.")},
    ),
    "if": Kind(
        "condition",
        "Choose by conditions.",
        {
            "then": Field("steps", "Steps where it is true.", required=True),
            "elif": Field("elif", "Further conditions: a list of `{if, then}`."),
            "else": Field("steps", "Steps where none is true."),
        },
    ),
    "condition": Kind("condition_form", "The long form of `if`: `{if, then, elif, else}`."),
    "switch": Kind(
        "value",
        "Choose by a value.",
        {
            "cases": Field("cases", "Steps by value.", required=True),
            "default": Field("steps", "Steps for any other value."),
        },
    ),
    "for_each": Kind("value", "Once for each item of a list. The result is the list of results.", _EACH),
    "map": Kind("value", "The same as `for_each`, eight at once.", {**_EACH, "reduce": _REDUCE}),
    "while": Kind("condition", "As long as a condition is true.", {"limit": _LIMIT, "index": _INDEX, "do": _DO}),
    "until": Kind(
        "condition", "Until a condition is true, once at least.", {"limit": _LIMIT, "index": _INDEX, "do": _DO}
    ),
    "loop": Kind("loop_form", "The long form of `for_each`, `while` and `until`."),
}


def kinds_in(step: Iterable[str]) -> list[str]:
    """Which of a step's keys say what it does: one, in a step that is right. `if` and `do` may stand beside such a key,
    where they belong to it or guard it."""
    found = [key for key in step if key in KINDS]
    if "if" in found and "then" in step:
        return ["if", *(key for key in found if key != "if")]
    return found if len(found) < 2 else [key for key in found if key not in ("if", "do")] or found[:1]


WAIT: dict[str, Field] = {
    "for": Field("value", "How long."),
    "until": Field("value", "A moment: `2026-05-01T09:00:00Z`, or milliseconds UTC."),
    "event": Field("value", "The topic of an event; `*` and `>` are wildcards."),
    "match": Field("condition", "Which event: a condition over `event`."),
    "approval": Field("value", "A question to a person."),
    "options": Field("texts", "The answers to choose from; yes and no where absent."),
    "about": Field("value", "What the person is shown."),
    "timeout": Field("duration", "How long to wait for an event or an answer."),
    "default": Field("value", "The answer when the time is up."),
}
_WITHIN = Field("duration", "How long to wait.", required=True)
_SUMMARY = Field("value", "A topic on which it is told how it came out.")
TOGETHER: dict[str, dict[str, Field]] = {
    "request": {
        "topic": Field("value", "Who is asked: whoever hears this topic.", required=True),
        "with": Field("value", "What they are asked."),
        "within": _WITHIN,
    },
    "gather": {
        "topic": Field("value", "Who is asked: whoever hears this topic, or one of a list.", required=True),
        "with": Field("value", "What they are asked."),
        "first": Field("count", "How many answers are waited for.", required=True),
        "within": _WITHIN,
        "partial": Field("flag", "Whether fewer answers will do when the time is up; else the step fails."),
        "summary_to": _SUMMARY,
    },
    "contract": {
        "topic": Field("value", "Who is called; those awarded are told on `<topic>.award`.", required=True),
        "task": Field("value", "What is to be done.", required=True),
        "score": Field("value", "How good a `proposal` is, a number: `${proposal.price}`; its `score` where absent."),
        "best": Field("best", "`max` or `min`: which score is the best; `max` where absent."),
        "awards": Field("count", "How many are awarded the task; 1 where absent."),
        "within": Field("duration", "How long proposals are waited for, all of that time.", required=True),
        "summary_to": _SUMMARY,
    },
    "barrier": {
        "name": Field("value", "What the meeting is called; a name is for one meeting.", required=True),
        "parties": Field("count", "How many agents have to be there, this one included.", required=True),
        "within": _WITHIN,
    },
    "broadcast": {
        "with": Field("value", "What they are told.", required=True),
        "thread": Field("value", "Which thread; that of the message that began the run where absent."),
    },
}
"""The keys of steps that work with others, by kind."""
RETRY: dict[str, Field] = {
    "attempts": Field("count", "How often it is tried in all.", required=True),
    "backoff": Field("duration", "Pause before the second try; 1s where absent."),
    "factor": Field("number", "How much longer each pause is than the one before; 2 where absent."),
    "most": Field("duration", "Longest pause; 5m where absent."),
    "on": Field("texts", "Codes of the errors that are tried again, such as `tool.timeout` or `model`."),
}
FOREIGN_FLOW = {
    "steps": "tasks",
    "jobs": "tasks",
    "workflow": "tasks",
    "title": "name",
    "parameters": "inputs",
    "params": "inputs",
    "entry_point": "edges",
    "exit_point": "outputs",
    "variables": "vars",
    "imports": "include",
    "result": "outputs",
    "returns": "outputs",
}
FOREIGN_STEP = {
    "name": "id",
    "run": "tool",
    "uses": "tool",
    "call": "tool",
    "prompt": "agent: … with `input:",
    "message": "input",
    "args": "with",
    "arguments": "with",
    "params": "with",
    "inputs": "with",
    "when": "if",
    "steps": "sequential",
    "tasks": "sequential",
    "foreach": "for_each",
    "items": "for_each",
    "repeat": "for_each: ${range(…)",
    "max_iterations": "limit",
    "max": "limit",
    "sleep": "wait",
    "delay": "wait",
    "approve": "wait: {approval: …}",
    "publish": "emit",
    "payload": "with",
    "assign": "set",
    "catch": "on_error",
    "except": "on_error",
    "try": "do",
    "rollback": "compensate",
    "always": "finally",
    "case": "cases",
    "depends_on": "edges (with `nodes`)",
    "needs": "edges (with `nodes`)",
}
"""Keys that other systems use, and what stands for them here."""
FOREIGN_TOGETHER = {
    "to": "topic",
    "event": "topic",
    "topics": "topic",
    "payload": "with",
    "input": "with",
    "message": "with",
    "timeout": "within",
    "window": "within",
    "count": "first",
    "need": "first",
    "winners": "awards",
    "id": "name",
    "meeting": "name",
}
"""The same inside the steps that work with others."""

"""What each kind of step is made of: a function reads the keys of its kind, and gives the step and its type."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeAlias

from perdure.agents.config.problems import guess

from ..expressions.tree import Expression, Literal, Name, Node
from ..plan import (
    Agent,
    Approval,
    Await,
    Block,
    Case,
    Condition,
    Emit,
    Fail,
    Loop,
    Parallel,
    Race,
    Sequential,
    Set,
    Sleep,
    Step,
    SubFlow,
    Switch,
    Tool,
)
from ..types import ANY, BOOLEAN, INTEGER, NULL, TEXT, Type, accepts, from_schema, list_of, mapping_of, or_null, union
from .grammar import KINDS as GRAMMAR
from .grammar import WAIT
from .scope import Scope
from .spot import Spot

if TYPE_CHECKING:
    from .reader import Reader

Made: TypeAlias = tuple[Step, Type]
MAPPED_AT_ONCE = 8


# -- work -------------------------------------------------------------------------------------------------------------


def _agent(r: Reader, spot: Spot, path: str, scope: Scope) -> Made:
    named = spot.within(("agent",), spot.value["agent"])
    name = r.desk.text(named)
    if name and name not in r.desk.agents:
        r.desk.wrong(named, f"there is no agent `{name}`{guess(name, r.desk.agents) or _some(r.desk.agents)}")
    spec = r.desk.agents.get(name)
    asked = spot.get("input")
    if asked is not None:
        input, _ = r.desk.value(asked, scope)
    else:
        before = scope.previous or _only_input(scope)
        input = Expression(before, Name(before))
    shape = r.desk.shape(spot.get("output"))
    given = ANY
    if spec is not None and spec.handler is None:
        given = from_schema(spec.output) if isinstance(spec.output, dict) else ANY if spec.output else TEXT
        if shape is not None and not accepts(shape, given):
            r.desk.wrong(spot.within(("output",), None), f"the agent `{name}` gives {given}; set `output` in the agent")
    return Agent(path=path, agent=name, input=input, shape=shape), shape or given


def _tool(r: Reader, spot: Spot, path: str, scope: Scope) -> Made:
    named = spot.within(("tool",), spot.value["tool"])
    name = r.desk.text(named)
    arguments = r.desk.values(spot.get("with"), scope)
    known = r.desk.tools or {}
    tool = known.get(name)
    if tool is None and name and r.desk.tools is not None and name not in r.desk.broken_tools:
        hint = guess(name, known) or "; add it to `tools`, or name a function: ./tools.py:function"
        r.desk.wrong(named, f"there is no tool `{name}`{hint}")
    elif tool is not None:
        _arguments(r, spot, {name: type for (name, _), type in arguments}, tool.definition.parameters)
    shape = r.desk.shape(spot.get("output"))
    return Tool(path=path, tool=name, arguments=tuple(pair for pair, _ in arguments), shape=shape), shape or ANY


def _arguments(r: Reader, spot: Spot, given: dict[str, Type], schema: dict[str, Any]) -> None:
    """Whether arguments fit a tool, by its JSON Schema."""
    said = spot.get("with") or spot
    known = schema.get("properties", {})
    others = schema.get("additionalProperties", not known)
    for name, type in given.items():
        if name in known:
            wanted = from_schema(known[name])
            if not accepts(wanted, type):
                r.desk.wrong(said.within((name,), None), f"`{name}` is {wanted}, found {type}")
        elif not others:
            what = f"the tool takes no `{name}`{guess(name, known) or _some(known)}"
            r.desk.wrong(said.within((name,), None), what, key=True)
    for name in schema.get("required", ()):
        if name not in given:
            r.desk.wrong(said, f"the tool needs `{name}`: add it to `with`")


def _flow(r: Reader, spot: Spot, path: str, scope: Scope) -> Made:
    named = spot.within(("flow",), spot.value["flow"])
    name = r.desk.text(named)
    pairs = r.desk.values(spot.get("with"), scope)
    spec = r.desk.subflow(named) if name else None
    step = SubFlow(path=path, flow=name, inputs=tuple(pair for pair, _ in pairs))
    if spec is None:
        return step, ANY
    given = {name: type for (name, _), type in pairs}
    wanted = {input.name: input for input in spec.plan.inputs}
    said = spot.get("with") or spot
    for name, type in given.items():
        if name not in wanted:
            r.desk.wrong(said.within((name,), None), f"the flow has no input `{name}`{guess(name, wanted)}", key=True)
        elif not accepts(wanted[name].type, type):
            r.desk.wrong(said.within((name,), None), f"`{name}` is {wanted[name].type}, found {type}")
    for name, input in wanted.items():
        if input.required and name not in given:
            r.desk.wrong(said, f"the flow needs the input `{name}`: add it to `with`")
    return step, mapping_of({output.name: output.type for output in spec.plan.outputs}) if spec.plan.outputs else ANY


def _set(r: Reader, spot: Spot, path: str, scope: Scope) -> Made:
    said = spot.within(("set",), spot.value["set"])
    if not r.desk.is_mapping(said):
        return Set(path=path, values=()), ANY
    values: list[tuple[str, Node]] = []
    types: dict[str, Type] = {}
    for name, inner in said.items():
        node, type = r.desk.value(inner, scope)
        if not r.desk.new_name(inner, name, "a variable", key=True):
            continue
        owner, allowed = scope.variable(name)
        if owner is None and name in scope.types:
            r.desk.wrong(inner, f"`{name}` is taken: steps, inputs and items of loops keep what they are", key=True)
        elif not allowed:
            what = f"`{name}` belongs outside, and steps that run side by side cannot change it; use their results"
            r.desk.wrong(inner, what, key=True)
        else:
            scope.assign(name, type)
        values.append((name, node))
        types[name] = type
    return Set(path=path, values=tuple(values)), mapping_of(types)


def _emit(r: Reader, spot: Spot, path: str, scope: Scope) -> Made:
    topic, _ = r.desk.value(spot.within(("emit",), spot.value["emit"]), scope, TEXT, "a topic")
    said = spot.get("with")
    payload = Literal(None) if said is None else r.desk.value(said, scope)[0]
    return Emit(path=path, topic=topic, payload=payload), TEXT


def _fail(r: Reader, spot: Spot, path: str, scope: Scope) -> Made:
    return Fail(path=path, message=r.desk.value(spot.within(("fail",), spot.value["fail"]), scope)[0]), NULL


# -- waiting ----------------------------------------------------------------------------------------------------------


def _wait(r: Reader, spot: Spot, path: str, scope: Scope) -> Made:
    said = spot.within(("wait",), spot.value["wait"])
    if not isinstance(said.value, dict):
        if isinstance(said.value, str) and "${" in said.value:
            return Sleep(path=path, span=r.desk.value(said, scope)[0]), NULL
        return Sleep(path=path, span=Literal((r.desk.duration(said) or 0) / 1000)), NULL
    r.desk.keys(said, WAIT, {"topic": "event", "question": "approval", "duration": "for", "time": "until"})
    kinds = [kind for kind in ("for", "until", "event", "approval") if kind in said.value]
    if len(kinds) != 1:
        found = " and ".join(f"`{kind}`" for kind in kinds) or "none"
        r.desk.wrong(said, f"a wait has exactly one of `for`, `until`, `event`, `approval`; found {found}")
        return Sleep(path=path, span=Literal(0)), ANY
    head = said.within((kinds[0],), said.value[kinds[0]])
    useful = {"event": ("match", "timeout"), "approval": ("options", "about", "timeout", "default")}
    for key in ("match", "options", "about", "timeout", "default"):
        if key in said.value and key not in useful.get(kinds[0], ()):
            r.desk.wrong(said.within((key,), None), f"`{key}` means nothing beside `{kinds[0]}`", key=True)
    match kinds[0]:
        case "for":
            return _wait(r, spot.within((), {**spot.value, "wait": head.value}), path, scope)
        case "until":
            return Sleep(path=path, until=r.desk.value(head, scope)[0]), NULL
        case "event":
            return _await(r, said, head, path, scope)
        case _:
            return _approval(r, said, head, path, scope)


def _await(r: Reader, said: Spot, head: Spot, path: str, scope: Scope) -> Made:
    topic, _ = r.desk.value(head, scope, TEXT, "a topic")
    asked = said.get("match")
    inner = Scope(scope)
    inner.own["event"] = ANY
    match = None if asked is None else r.desk.condition(asked, inner)
    return Await(path=path, topic=topic, match=match, patience_ms=r.desk.duration(said.get("timeout"))), ANY


def _approval(r: Reader, said: Spot, head: Spot, path: str, scope: Scope) -> Made:
    question, _ = r.desk.value(head, scope, TEXT, "a question")
    options = r.desk.texts(said.get("options"))
    about, late = said.get("about"), said.get("default")
    if options and len(set(options)) != len(options):
        r.desk.wrong(said.within(("options",), None), "an answer stands here twice")
    step = Approval(
        path=path,
        question=question,
        options=options,
        about=None if about is None else r.desk.value(about, scope)[0],
        patience_ms=r.desk.duration(said.get("timeout")),
        late=None if late is None else r.desk.value(late, scope)[0],
    )
    given = Type("text", options=options) if options else BOOLEAN
    return step, or_null(given) if step.patience_ms is not None and late is None else given


# -- order ------------------------------------------------------------------------------------------------------------


def _sequential(r: Reader, spot: Spot, path: str, scope: Scope) -> Made:
    key = "sequential" if "sequential" in spot.value else "do"
    steps, given = r.inner(spot.within((key,), spot.value[key]), path, scope, sure=True)
    return Sequential(path=path, steps=steps), given


def _parallel(r: Reader, spot: Spot, path: str, scope: Scope) -> Made:
    need = r.desk.count(spot.get("need"))
    collect = need is not None or r.desk.choice(spot.get("on_failure"), ("stop", "collect")) == "collect"
    within_ms = r.desk.duration(spot.get("within"))
    branches, types, keyed = r.branches(
        spot.within(("parallel",), spot.value["parallel"]), path, scope, sure=not collect
    )
    if need is not None and need > len(branches):
        r.desk.wrong(spot.within(("need",), need), f"there are {len(branches)} branches; {need} cannot succeed")
    if need is not None and spot.value.get("on_failure") == "stop":
        r.desk.wrong(spot.within(("on_failure",), None), "`need` lets failures pass, and `stop` does not: choose one")
    if collect:
        types = [or_null(type) for type in types]
    given = mapping_of({s.id: t for s, t in zip(branches, types, strict=True)}) if keyed else list_of(_one(types))
    step = Parallel(
        path=path,
        branches=branches,
        keyed=keyed,
        at_once=r.desk.count(spot.get("max")),
        need=(need or 1) if collect else None,
        within_ms=within_ms,
    )
    return step, given


def _race(r: Reader, spot: Spot, path: str, scope: Scope) -> Made:
    branches, types, _ = r.branches(spot.within(("race",), spot.value["race"]), path, scope, sure=False)
    first = r.desk.count(spot.get("first")) or 1
    if len(branches) < 2 and spot.value["race"]:
        r.desk.wrong(spot.within(("race",), None), "a race has two branches at least")
    elif first >= len(branches):
        r.desk.wrong(spot.within(("first",), None), f"of {len(branches)} branches fewer than that many can win")
    given = _one(types)
    return Race(path=path, branches=branches, first=first), given if first == 1 else list_of(given)


# -- choice -----------------------------------------------------------------------------------------------------------


def _if(r: Reader, spot: Spot, path: str, scope: Scope) -> Made:
    ways = [(spot, "then")]
    more = spot.get("elif")
    if more is not None and isinstance(more.value, dict):
        ways.append((more, "elif"))
    elif more is not None and r.desk.is_list(more):
        ways += [(way, "elif") for way in more if r.desk.is_mapping(way)]
    cases: list[Case] = []
    types: list[Type] = []
    counts = 0
    for way, name in ways:
        asked, then = way.get("if"), way.get("then")
        if name == "elif":
            r.desk.keys(way, ("if", "then"), {"do": "then"})
            counts += 1
        if asked is None or then is None:
            r.desk.wrong(way, f"`{'if' if asked is None else 'then'}` is required here")
            continue
        when = r.desk.condition(asked, scope)
        if (known := constant(when)) is not None:
            which = "this is always true: what comes after it is" if known else "this is never true: its steps are"
            r.desk.wrong(asked, f"{which} never reached")
        segment = name if counts < 2 else f"{name}#{counts}"
        steps, given = r.inner(then, f"{path}/{segment}", scope, sure=False)
        cases.append(Case(when, steps))
        types.append(given)
    otherwise, given = r.inner(spot.get("else"), f"{path}/else", scope, sure=False)
    return Condition(path=path, cases=tuple(cases), otherwise=otherwise), either_type(*types, given)


def _condition(r: Reader, spot: Spot, path: str, scope: Scope) -> Made:
    return _long(r, spot, path, scope, "condition", ("if",))


def _switch(r: Reader, spot: Spot, path: str, scope: Scope) -> Made:
    value, given = r.desk.value(spot.within(("switch",), spot.value["switch"]), scope)
    said = spot.get("cases")
    cases: list[Case] = []
    types: list[Type] = []
    seen: dict[str, Spot] = {}
    if said is None or not r.desk.is_mapping(said):
        if said is None:
            r.desk.wrong(spot, "`cases` is required: steps by value")
        return Switch(path=path, value=value, cases=()), ANY
    for number, (name, block) in enumerate(said.items(), 1):
        for word in _values(name, given):
            if str(word) in seen:
                r.desk.wrong(block, f"`{word}` is decided on line {seen[str(word)].line()}: never reached", key=True)
            seen[str(word)] = block
            if given.options and word not in given.options:
                near = guess(str(word), given.options) or f"; it is one of {', '.join(given.options)}"
                r.desk.wrong(block, f"never reached: the value is never `{word}`{near}", key=True)
        segment = "case" if number == 1 else f"case#{number}"
        steps, type = r.inner(block, f"{path}/{segment}", scope, sure=False)
        cases.append(Case(Literal(_values(name, given)), steps))
        types.append(type)
    otherwise, type = r.inner(spot.get("default"), f"{path}/default", scope, sure=False)
    return Switch(path=path, value=value, cases=tuple(cases), otherwise=otherwise), either_type(*types, type)


def _values(name: str, given: Type) -> list[Any]:
    """The values that a case stands for: `billing`, or several with commas; keys of a file are always text."""
    words = [word.strip() for word in name.split(",")]
    if given.kind == "boolean":
        return [{"true": True, "false": False}.get(word, word) for word in words]
    if given.kind in ("integer", "number"):
        return [int(word) if word.lstrip("-").isdigit() else word for word in words]
    return [*words]


# -- loops ------------------------------------------------------------------------------------------------------------


def _for_each(r: Reader, spot: Spot, path: str, scope: Scope) -> Made:
    key = "for_each" if "for_each" in spot.value else "map"
    over, given = r.desk.value(spot.within((key,), spot.value[key]), scope, list_of(ANY), f"`{key}`")
    item = _called(r, spot.get("as"), scope, "item")
    index = _called(r, spot.get("index"), scope, "index")
    concurrency = r.desk.count(spot.get("concurrency"), 10_000) or (MAPPED_AT_ONCE if key == "map" else 1)
    turn = Scope(scope, apart=concurrency > 1)
    turn.own.update({item: given.item or ANY, index: INTEGER})
    turn.previous = item
    steps, type = r.block(_needed(r, spot, "do"), path, turn)
    results = list_of(type)
    after = spot.get("reduce")
    reduce: Block = ()
    result = results
    if after is not None:
        reduce, result = r.inner(after, f"{path}/reduce", scope, sure=True, names={"results": results})
    step = Loop(
        path=path,
        mode="each",
        over=over,
        item=item,
        index=index,
        steps=steps,
        limit=r.desk.count(spot.get("limit")),
        concurrency=concurrency,
        reduce=reduce,
    )
    return step, result


def _while(r: Reader, spot: Spot, path: str, scope: Scope) -> Made:
    mode = "while" if "while" in spot.value else "until"
    asked = spot.within((mode,), spot.value[mode])
    index = _called(r, spot.get("index"), scope, "index")
    turn = Scope(scope)
    turn.own[index] = INTEGER
    steps, given = r.block(_needed(r, spot, "do"), path, turn)
    for step in steps:
        turn.own[step.name] = or_null(turn.own[step.name])
    condition = r.desk.condition(asked, turn)
    if constant(condition) is (mode == "until"):
        outcome = "always true: the loop ends after its first turn" if mode == "until" else "never true: never reached"
        r.desk.wrong(asked, f"this is {outcome}")
    limit = r.desk.count(spot.get("limit"))
    if spot.get("limit") is None:
        r.desk.wrong(spot, f"`limit` is required: how often `{mode}` may turn at most, such as `limit: 100`")
    step = Loop(path=path, mode=mode, condition=condition, index=index, steps=steps, limit=limit)  # type: ignore[arg-type]
    return step, or_null(given) if mode == "while" else given


def _loop(r: Reader, spot: Spot, path: str, scope: Scope) -> Made:
    return _long(r, spot, path, scope, "loop", ("for_each", "map", "while", "until"))


def _long(r: Reader, spot: Spot, path: str, scope: Scope, key: str, kinds: tuple[str, ...]) -> Made:
    """A step whose own keys stand together below one key."""
    said = spot.within((key,), spot.value[key])
    nothing = Sequential(path=path, steps=())
    if not r.desk.is_mapping(said):
        return nothing, ANY
    found = [kind for kind in kinds if kind in said.value]
    if len(found) != 1:
        named = " and ".join(f"`{kind}`" for kind in found) or "none"
        r.desk.wrong(said, f"expected exactly one of {', '.join(f'`{kind}`' for kind in kinds)}; found {named}")
        return nothing, ANY
    r.desk.keys(said, (found[0], *GRAMMAR[found[0]].fields))
    return KINDS[found[0]][0](r, said, path, scope)


# -- small things -----------------------------------------------------------------------------------------------------


def constant(node: Node | None) -> bool | None:
    """True or false where a condition is always that; None where it depends on something."""
    value = node.root if isinstance(node, Expression) else node
    return value.value if isinstance(value, Literal) and isinstance(value.value, bool) else None


def either_type(*types: Type) -> Type:
    """The type of one of several results."""
    result: Type | None = None
    for type in types:
        result = type if result is None else union(result, type)
    return result or NULL


def _one(types: list[Type]) -> Type:
    return either_type(*types) if types else ANY


def _called(r: Reader, spot: Spot | None, scope: Scope, default: str) -> str:
    if spot is None:
        return default
    name = r.desk.new_name(spot, spot.value, "a name of a loop")
    if name in scope.types:
        r.desk.wrong(spot, f"`{name}` is taken; choose another name")
    return name or default


def _needed(r: Reader, spot: Spot, key: str) -> Spot | None:
    if spot.get(key) is None:
        r.desk.wrong(spot, f"`{key}` is required: the steps of each turn")
    return spot.get(key)


def _only_input(scope: Scope) -> str:
    """The one input of a flow, or all of them where there are several."""
    inputs = scope.types["inputs"].fields or ()
    return inputs[0][0] if len(inputs) == 1 else "inputs"


def _some(known: Any) -> str:
    words = list(known)[:6]
    return f"; there are {', '.join(words)}" if words else "; there are none"


KINDS: dict[str, tuple[Callable[[Any, Spot, str, Scope], Made], str]] = {
    "agent": (_agent, "agent"),
    "tool": (_tool, "tool"),
    "flow": (_flow, "flow"),
    "set": (_set, "set"),
    "emit": (_emit, "emit"),
    "wait": (_wait, "wait"),
    "fail": (_fail, "fail"),
    "sequential": (_sequential, "sequential"),
    "do": (_sequential, "sequential"),
    "parallel": (_parallel, "parallel"),
    "race": (_race, "race"),
    "if": (_if, "condition"),
    "condition": (_condition, "condition"),
    "switch": (_switch, "switch"),
    "for_each": (_for_each, "loop"),
    "map": (_for_each, "loop"),
    "while": (_while, "loop"),
    "until": (_while, "loop"),
    "loop": (_loop, "loop"),
}
"""By key: what reads the step, and what a step without an id is called."""

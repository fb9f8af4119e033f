"""What a key tells of where in a run something happened: the steps that its scopes stand for, and its own name."""

from __future__ import annotations

from collections.abc import Container


def split(key: str) -> tuple[list[str], str]:
    """The scopes of a key, and what it names, which may hold slashes of its own behind its kind."""
    *scopes, _ = key.partition(":")[0].split("/")
    return scopes, key[len("/".join(scopes)) + 1 :] if scopes else key


def steps_of(scopes: list[str], known: Container[str]) -> list[tuple[str, str]]:
    """The steps that scopes stand for, outermost first: each as its whole path and its own part.

    `step2/call/1/tool:lookup` is a tool in step 2: the branches of one answer's calls are not told as steps. A branch
    of any other gather is one step, such as `fetch/3`, inside `fetch` where that is `known` as a step.
    """
    found: list[tuple[str, str]] = []
    for number, scope in enumerate(scopes):
        path = "/".join(scopes[: number + 1])
        following = scopes[number + 1] if number + 1 < len(scopes) else ""
        if scope.isdecimal() and number:
            gathered = scopes[number - 1]
            if not _is_calls(gathered):
                found.append((path, f"{gathered}/{scope}"))
        elif not following.isdecimal() or path in known:
            found.append((path, scope))
    return found


def _is_calls(scope: str) -> bool:
    return scope.partition("#")[0] == "call"


def name_of(leaf: str) -> str:
    """`tool:lookup#2` is called `lookup`, `model` is called `model`."""
    name, _, count = leaf.rpartition("#")
    if name and count.isdecimal():
        leaf = name
    return leaf.partition(":")[2] or leaf

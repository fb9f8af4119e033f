"""The task that all peers are given: a question, one tool, and the places at which the tool may be killed.

With `PEER_EFFECTS` in the environment the tool appends a line to that file, a side effect that is counted from outside.
`PEER_STOP` names where it then waits to be killed: `in_tool`, before the line is written, or `after_effect`, once it
is; that it got there is said by a file beside the other. With `PEER_OUTPUT` it returns so many bytes more.
"""

from __future__ import annotations

import asyncio
import os
import time

from project import digits

INSTRUCTIONS = "You are a careful assistant. Use the calculator for every calculation."
QUESTION = "What's 25 * 47?"
ANSWER = "25 * 47 is 1,175."
"""What the model server says once it has the tool's result."""

EFFECTS = os.environ.get("PEER_EFFECTS", "")
STOP = os.environ.get("PEER_STOP", "")
OUTPUT = int(os.environ.get("PEER_OUTPUT", 0))
FOREVER_S = 600


async def calculate(expression: str) -> str:
    """Multiply two numbers, as in "25 * 47"."""
    return await perform(expression)


async def perform(expression: str, key: str = "done") -> str:
    """What the tool does; the line it appends is the call's key, for those who give it one."""
    if EFFECTS:
        if reached("in_tool"):
            await asyncio.sleep(FOREVER_S)
        append_effect(key)
        if reached("after_effect"):
            await asyncio.sleep(FOREVER_S)
    return product(expression)


def calculate_in_thread(expression: str) -> str:
    """The same for those that call their tools in a thread: multiply two numbers, as in "25 * 47".

    Args:
        expression: What to multiply.
    """
    if EFFECTS:
        if reached("in_tool"):
            time.sleep(FOREVER_S)
        append_effect("done")
        if reached("after_effect"):
            time.sleep(FOREVER_S)
    return product(expression)


def product(expression: str) -> str:
    """The product, and after it as many bytes more as the tool is to return."""
    left, _, right = expression.partition("*")
    return f"{int(left) * int(right)} {digits(OUTPUT)}".strip()


def append_effect(line: str) -> None:
    with open(EFFECTS, "a") as file:
        file.write(f"{line}\n")
        file.flush()
        os.fsync(file.fileno())


def reached(place: str) -> bool:
    """Whether the tool is to be killed here; says so to the one who kills it."""
    if place != STOP:
        return False
    with open(f"{EFFECTS}.reached", "w"):
        return True

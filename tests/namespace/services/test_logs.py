"""The journal as files: to be read in parts, and to be followed."""

from __future__ import annotations

import json
from typing import Any

import msgspec
import pytest

from perdure.base.codec import pack
from perdure.base.envelope import Envelope
from perdure.base.errors import FileUnsupported, InputError
from perdure.kernel import records as r
from perdure.kernel.store.ops import DeleteAgent
from perdure.namespace.namespace import Namespace
from perdure.namespace.services.logs import RECENT, logs_node

ACCEPTED = r.RunAccepted(spec="s", body=msgspec.Raw(pack(Envelope("env_1", "bob"))))
DONE = r.RunFinished(status="done", body=msgspec.Raw(pack("fine")))


def step(number: int) -> r.EffectDone:
    return r.EffectDone(kind="tool", digest=str(number))


async def test_recent_is_bounded_and_the_trajectory_is_not(office: Any, served: Any, data: Any) -> None:
    logs: Namespace = await served(logs_node)
    for number in range(RECENT + 50):
        await office.note(step(number), key=f"k{number}")
    recent = data(await logs.read("/recent"))
    assert (len(recent), recent[-1]["key"]) == (RECENT, f"k{RECENT + 49}")
    whole = data(await logs.read("/trajectory"))
    assert [one["key"] for one in whole] == [f"k{number}" for number in range(RECENT + 50)]
    asked = json.dumps({"from": whole[10]["seq"], "to": whole[12]["seq"]})
    part = data(await logs.call("/trajectory", asked))
    assert part == whole[10:13]
    assert data(await logs.call("/trajectory", json.dumps({"from": whole[-1]["seq"]}))) == whole[-1]


@pytest.mark.parametrize("asked", ["", "10-20", '{"since": 3}', '{"from": -1}', '{"from": "x"}'])
async def test_a_range_that_makes_no_sense_is_refused(served: Any, asked: str) -> None:
    logs: Namespace = await served(logs_node)
    with pytest.raises(InputError):
        await logs.call("/trajectory", asked or " ")


async def test_the_trace_is_watched_and_not_read(office: Any, served: Any) -> None:
    logs: Namespace = await served(logs_node)
    with pytest.raises(FileUnsupported, match=r"^/trace: it is a stream"):
        await logs.read("/trace")
    watch = await logs.watch("/trace")
    seqs = [await office.note(step(number)) for number in range(3)]
    assert [(await anext(watch)).seq for _ in seqs] == seqs


async def test_a_turn_under_way_is_told_with_its_beginning(office: Any, served: Any, data: Any) -> None:
    logs: Namespace = await served(logs_node)
    await office.note(ACCEPTED, run_id="run_1")
    watch = await logs.watch("/ticks")
    await office.note(DONE, run_id="run_1")
    turn = data((await anext(watch)).data)
    assert (turn["cause"], turn["end"], turn["envelope_id"]) == ("message", "done", "env_1")
    assert data(await logs.read("/ticks")) == turn


async def test_a_watch_ends_when_the_agent_is_gone(office: Any, served: Any) -> None:
    logs: Namespace = await served(logs_node)
    watch = await logs.watch("/trace")
    await office.commit(DeleteAgent("bob"))
    office.desk.news.notify()
    assert [change async for change in watch] == []

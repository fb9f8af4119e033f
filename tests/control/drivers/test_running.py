from __future__ import annotations

import pytest

from perdure.base.envelope import Envelope
from perdure.base.errors import WrongState
from perdure.control.drivers.memory import MemoryDriver
from perdure.control.drivers.running import Drivers


async def test_drivers_hand_over_what_happens_from_start_to_stop() -> None:
    accepted: list[Envelope] = []

    async def sink(envelope: Envelope) -> None:
        accepted.append(envelope)

    drivers, door = Drivers(sink), MemoryDriver("door")
    await drivers.put("ann", [door])
    with pytest.raises(WrongState):
        await door.push(Envelope("env_1", "ann"))
    await drivers.start()
    await drivers.start()
    await door.push(Envelope("env_2", "ann"))
    bell = MemoryDriver("bell")
    await drivers.put("ann", [bell])  # in place of the door
    await bell.push(Envelope("env_3", "ann"))
    with pytest.raises(WrongState):
        await door.push(Envelope("env_4", "ann"))
    assert ([one.id for one in accepted], drivers.names) == (["env_2", "env_3"], ["bell"])
    await drivers.stop()
    with pytest.raises(WrongState):
        await bell.push(Envelope("env_5", "ann"))

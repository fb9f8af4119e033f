"""The other side: a process of its own that counts what really happened, over a unix socket, one JSON object a line.

`{"do": "act", "class": …, "key": …, "agent": …, "pid": …}` has an effect; for class `idempotent` only the first time
with this key. `{"do": "probe", "key": …}` says whether it happened. `{"do": "report"}` tells everything:
`happened` and `calls` by class and key, and `overlaps`, agents that two processes worked for at the same moment.
`{"do": "balance"}` tells the same, and begins to count anew.
"""

from __future__ import annotations

import asyncio
import json
import random
import sys
from collections import Counter, defaultdict
from typing import Any

LAG = 0.002
"""Seconds at most that a request takes to arrive, and its answer to return: where kills fall in between."""


class Outside:
    def __init__(self) -> None:
        self.happened: dict[str, Counter[str]] = defaultdict(Counter)
        self.calls: dict[str, Counter[str]] = defaultdict(Counter)
        self.inside: dict[str, Counter[int]] = defaultdict(Counter)
        self.overlaps: list[str] = []
        self.chance = random.Random(4)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while line := await reader.readline():
                said = json.loads(line)
                answer = await self.answer(said, reader)
                writer.write(json.dumps(answer).encode() + b"\n")
                await writer.drain()
        except ConnectionError:
            pass
        finally:
            writer.close()

    async def answer(self, said: dict[str, Any], reader: asyncio.StreamReader) -> Any:
        if said["do"] == "report":
            return {"happened": self.happened, "calls": self.calls, "overlaps": self.overlaps}
        if said["do"] == "balance":
            told = {"happened": self.happened, "calls": self.calls, "overlaps": self.overlaps}
            self.happened, self.calls, self.overlaps = defaultdict(Counter), defaultdict(Counter), []
            return told
        if said["do"] == "probe":
            return any(counted[said["key"]] for counted in self.happened.values() if said["key"] in counted)
        agent, pid = said["agent"], said["pid"]
        here = self.inside[agent]
        here[pid] += 1
        if len(+here) > 1:
            self.overlaps.append(f"{agent}: processes {sorted(+here)}")
        try:
            await self._lag()
            if reader.at_eof():
                return None  # it died with the request on its way
            self._act(said["class"], said["key"])
            await asyncio.sleep(said.get("seconds", 0))
            await self._lag()
        finally:
            here[pid] -= 1
        return f"{said['class']} done"

    def _act(self, effect: str, key: str) -> None:
        self.calls[effect][key] += 1
        if effect != "idempotent" or not self.happened[effect][key]:
            self.happened[effect][key] += 1

    async def _lag(self) -> None:
        await asyncio.sleep(self.chance.random() * LAG)


async def main(path: str) -> None:
    server = await asyncio.start_unix_server(Outside().serve, path, backlog=4096)
    print("ready", flush=True)
    async with server:
        await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1]))

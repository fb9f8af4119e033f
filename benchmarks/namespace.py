"""Reads of a virtual file, as an agent's status is read: through a mount table into a folder that finds its children
when asked, and a document that is computed and written as JSON."""

from __future__ import annotations

import json
from argparse import ArgumentParser

import uvloop
from measure import Meter

from perdure.namespace.mounted import Mounted
from perdure.namespace.mounts import Mount, MountTable
from perdure.namespace.namespace import Namespace
from perdure.namespace.node import Folder, json_document
from perdure.namespace.served import Served

STATUS = {"agent_id": "support", "state": "active", "created_at": 1_750_000_000_000, "tick_count": 3, "queue_depth": 0}


async def status() -> dict[str, object]:
    return STATUS


async def agent(id: str) -> Folder:
    return Folder({"status": json_document(status)})


async def measure(reads: int) -> dict[str, float]:
    agents = Mount(path=("agents",), service=Served(Folder(child=agent)), access="read_only")
    namespace = Namespace(Mounted(MountTable(agents)))
    for _ in range(1_000):
        await namespace.read("/agents/support/status")
    meter = Meter()
    for _ in range(reads):
        await namespace.read("/agents/support/status")
    return {"reads": reads, "reads_per_s": reads / meter.wall_ms * 1000, "us_per_read": meter.cpu_ms / reads * 1000}


if __name__ == "__main__":
    parser = ArgumentParser(description=__doc__)
    parser.add_argument("--reads", type=int, default=200_000)
    print(json.dumps(uvloop.run(measure(parser.parse_args().reads))))

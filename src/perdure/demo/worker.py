"""The process that dies: it runs the auditor, and kills itself once the mail is out and before the journal knows.

`python -m perdure.demo.worker FOLDER` prints the id of the run when it is accepted.
"""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from pathlib import Path

from perdure.wiring import open as open_runtime

from .outbox import sent
from .tools import outbox_folder

AGENT_FILE = "auditor.yaml"
REQUEST = "Audit this Python environment."


async def work(folder: Path) -> None:
    def probe(point: str) -> None:
        if point == "effect.acted" and sent(outbox_folder(folder)):
            os.kill(os.getpid(), signal.SIGKILL)

    async with open_runtime(folder, probe=probe) as runtime:
        run = await runtime.start(AGENT_FILE, REQUEST, agent="auditor")
        sys.stdout.write(f"{run.id}\n")
        sys.stdout.flush()
        await runtime.wait(run)


if __name__ == "__main__":
    asyncio.run(work(Path(sys.argv[1])))

"""`perdure serve` with a clock that can jump: `drifting.py PROJECT PORT FILE`, FILE holding how far it is off (ms).

The clock is handed in through the wiring, as every clock is; SIGUSR1 makes it look at the file again.
"""

from __future__ import annotations

import signal
import sys
from pathlib import Path
from typing import Any

from perdure.base.clock import SystemClock
from perdure.base.errors import PerdureError
from perdure.cli.process import Stop, complete
from perdure.cli.terminal import note
from perdure.wiring import serve


class Drifting(SystemClock):
    def __init__(self, file: Path) -> None:
        self._file = file
        self._off = 0
        self.look()

    def now(self) -> int:
        return super().now() + self._off

    def look(self, *_: Any) -> None:
        self._off = int(self._file.read_text())


async def main(project: str, port: str, file: str) -> None:
    clock = Drifting(Path(file))
    signal.signal(signal.SIGUSR1, clock.look)
    with Stop() as stop:
        async with serve(project, port=int(port), clock=clock, report=note) as served:
            note(f"Serving {served.url}")
            await stop.asked()


if __name__ == "__main__":
    try:
        complete(main(*sys.argv[1:]), many=True)
    except PerdureError as error:
        sys.exit(f"error: {error.message}")

"""Where the process of a command begins."""

from __future__ import annotations

import atexit
import gc
import sys

from perdure.base.lazy import load

COMMAND_LINE = "perdure.cli.commands:cli"


def main() -> None:
    # Nothing made while a command starts is garbage: collecting it would cost a tenth of the start.
    gc.set_threshold(50_000, 20, 20)
    # A process that ends has no use for a last search for garbage either.
    atexit.register(gc.freeze)
    for stream in (sys.stdout, sys.stderr):
        stream.reconfigure(errors="backslashreplace")  # type: ignore[union-attr]
    load(COMMAND_LINE).main(prog_name="perdure")

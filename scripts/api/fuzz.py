"""Serves a project with a model that answers at once, and runs schemathesis against it."""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from urllib.request import Request, urlopen

from perdure.testing import Scripted
from perdure.wiring import Served, serve

AGENTS = {
    "clerk": "name: clerk\nmodel: scripted/m\ntools: [calculator]\non:\n  - webhook: github\n",
    "poor": "name: poor\nmodel: {provider: scripted, name: m, price: {input: 9, output: 9}}\nbudget: {per_run: $1}\n",
}
PROJECT = '[webhooks.github]\nsecret = "a secret of nobody"\n'
CONFIG = Path(__file__).resolve().with_name("schemathesis.toml")
ENDLESS = "/events$|/bus/.topic.$|/bus/.topic./request$"
OPTIONS = ("--max-time", "90", "--max-examples", "20", "--phases", "examples,coverage,fuzzing", "--warnings", "off")


async def main(schemathesis: str, *more: str) -> int:
    defects: list[str] = []
    async with _served(defects) as served:
        await asyncio.to_thread(_begin, served)
        process = await asyncio.create_subprocess_exec(
            schemathesis,
            *("--config-file", str(CONFIG), "run", f"{served.url}/openapi.json"),
            *("--header", f"Authorization: Bearer {served.token}", "--exclude-path-regex", ENDLESS),
            *("--request-timeout", "20", "--no-color", *OPTIONS, *more),
            cwd=served.runtime.project.root,  # where it leaves what it remembers
        )
        code = await process.wait()
    for defect in defects:
        print(defect, file=sys.stderr)
    return code or bool(defects)


@asynccontextmanager
async def _served(defects: list[str]) -> AsyncIterator[Served]:
    with TemporaryDirectory() as folder:
        root = Path(folder)
        (root / "agents").mkdir()
        (root / "perdure.toml").write_text(PROJECT)
        for name, text in AGENTS.items():
            (root / "agents" / f"{name}.yaml").write_text(text)
        model = Scripted(lambda _: "Done.", name="scripted/m")
        async with serve(root, port=0, models={"scripted/m": model}, report=defects.append) as served:
            yield served


def _begin(served: Served) -> None:
    """An agent that has worked, for requests to find."""
    headers = {"Authorization": f"Bearer {served.token}", "Content-Type": "application/json"}
    body = json.dumps({"spec": "clerk", "agent_id": "0", "input": "Hello"}).encode()
    urlopen(Request(f"{served.url}/invoke", body, headers)).read()


if __name__ == "__main__":
    sys.exit(asyncio.run(main(*sys.argv[1:])))

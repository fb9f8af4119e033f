"""How little a new process does before its first answer: what it need not import, and what it need not compile."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import msgspec
import pytest

from perdure.agents.project import ProjectFile
from perdure.agents.spec import AgentFile
from perdure.base.messages import Message
from perdure.compute.wire.openai_chat.shapes import Completion

MOST_MODULES = 210
"""Of Perdure's own that a plain run imports: each takes a fifth of a millisecond. One more wants a reason."""

PROJECT = """
[providers.compatible]
base_url = "http://127.0.0.1:{port}/v1"
"""
AGENT = """
name: adder
model: {provider: compatible, name: any, price: {input: 0.25, output: 2}}
tools: [./tools.py:add]
"""
TOOL = """
from perdure import tool

@tool(effect="read")
async def add(left: int, right: int) -> int:
    return left + right
"""
RUN = """
import asyncio, gc, sys
import perdure

async def main():
    async with perdure.open() as runtime:
        assert (await runtime.run("adder.yaml", "3 + 4")).output == "7"

asyncio.run(main())
assert gc.isenabled() and not gc.get_freeze_count()
print(*sorted(sys.modules))
"""
NOT_NEEDED = [
    *("csv", "difflib", "email", "http", "mimetypes", "shlex", "sqlite3", "unicodedata"),
    *("zoneinfo", "genai_prices", "httpx", "jsonschema", "pydantic", "pyreqwest", "rich", "starlette", "uvloop"),
    *("perdure.agents.forgetting", "perdure.agents.output", "perdure.agents.permissions", "perdure.agents.python"),
    *("perdure.agents.react", "perdure.agents.state", "perdure.compute.embeddings.port", "perdure.compute.fallback"),
    *("perdure.control.drivers.running", "perdure.control.listening", "perdure.flows.language"),
    *("perdure.flows.spec", "perdure.kernel.contest", "perdure.kernel.store.sqlite.audit"),
    *("perdure.kernel.store.sqlite.restore", "perdure.kernel.store.sqlite.snapshot", "perdure.namespace.path"),
    *(
        "perdure.agents.config.toml_marks",
        "perdure.agents.config.yaml_syntax",
        "perdure.compute.transport.plain.unpack",
    ),
    *("perdure.namespace.tree", "perdure.tools.builtin.port", "perdure.tools.client", "perdure.tools.fetch.port"),
    "perdure.tools.threads",
]


class Model(BaseHTTPRequestHandler):
    """Calls the tool, then says what it gave."""

    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))["messages"]
        added = {"id": "c1", "type": "function", "function": {"name": "add", "arguments": '{"left": 3, "right": 4}'}}
        said = {"content": asked[-1]["content"]} if asked[-1]["role"] == "tool" else {"tool_calls": [added]}
        body = json.dumps({"choices": [{"message": {"role": "assistant", **said}}]}).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def model() -> Iterator[int]:
    """The port of a model server."""
    with ThreadingHTTPServer(("127.0.0.1", 0), Model) as server:
        thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield server.server_port
        server.shutdown()
        thread.join()


@pytest.fixture
def imported(tmp_path: Path, model: int) -> set[str]:
    """What a process imports that runs an agent with a tool, as the benchmark of the start does."""
    (tmp_path / "perdure.toml").write_text(PROJECT.format(port=model))
    (tmp_path / "adder.yaml").write_text(AGENT)
    (tmp_path / "tools.py").write_text(TOOL)
    source = str(Path(__file__).parents[1] / "src")
    command = [sys.executable, "-c", RUN]
    ran = subprocess.run(command, env={"PYTHONPATH": source}, cwd=tmp_path, capture_output=True, text=True, timeout=30)
    assert ran.returncode == 0, ran.stderr
    return set(ran.stdout.split())


def test_a_plain_run_imports_only_what_it_needs(imported: set[str]) -> None:
    assert [name for name in NOT_NEEDED if name in imported] == []
    own = [name for name in imported if name.split(".")[0] == "perdure"]
    assert len(own) <= MOST_MODULES, len(own)


def test_what_is_decoded_at_every_start_says_its_types_as_objects() -> None:
    """An annotation that is text costs msgspec a compilation: those of an agent and its project took eight
    milliseconds. Only what names a type that comes later in its file is text."""
    texts = {
        f"{struct.__name__}.{name}"
        for root in (ProjectFile, AgentFile, Completion, Message)
        for struct in structs_below(root)
        for base in struct.__mro__
        for name, said in vars(base).get("__annotations__", {}).items()
        if isinstance(said, str)
    }
    assert texts == {"ModelSpec.fallback", "ToolResult.parts"}


def structs_below(root: type[msgspec.Struct]) -> set[type[msgspec.Struct]]:
    found: set[type[msgspec.Struct]] = set()

    def walk(type_: msgspec.inspect.Type) -> None:
        if isinstance(type_, msgspec.inspect.StructType):
            if type_.cls in found:
                return
            found.add(type_.cls)
        for below in parts_of(type_):
            walk(below)

    walk(msgspec.inspect.type_info(root))
    return found


def parts_of(type_: msgspec.inspect.Type) -> Iterator[msgspec.inspect.Type]:
    for name in type_.__struct_fields__:
        value = getattr(type_, name)
        for item in value if isinstance(value, tuple) else (value,):
            if isinstance(item, msgspec.inspect.Field):
                yield item.type
            elif isinstance(item, msgspec.inspect.Type):
                yield item

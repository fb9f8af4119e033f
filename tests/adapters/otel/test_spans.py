"""What a collector is told of runs."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import textwrap
from pathlib import Path
from typing import Any

import perdure
from perdure.base.errors import RateLimited
from perdure.base.traceparent import span_of_run
from perdure.testing import Scripted, by_turn, call
from perdure.wiring import serve

TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"
SPAN = "00f067aa0ba902b7"


async def test_a_run_is_one_trace(opened: Any, collector: Any) -> None:
    async with opened([call("pay", amount=5), "Paid it."]) as runtime:
        result = await runtime.run("clerk.yaml", "Pay 5", agent="bob")
    run = collector.named("invoke_agent clerk")
    first, second = (span for span in collector.spans if span.name == "chat m")
    tool = collector.named("execute_tool pay")
    assert len(collector.spans) == 4
    assert {span.trace for span in collector.spans} == {result.run_id.removeprefix("run_")}
    assert run.id == span_of_run(result.run_id) and run.parent == ""
    assert {span.parent for span in (first, second, tool)} == {run.id}
    assert run.start_ms <= first.start_ms <= tool.end_ms <= second.end_ms <= run.end_ms
    assert (run.kind, tool.kind, first.kind) == (1, 1, 3), "internal, internal, client"
    assert run.attributes == {
        "gen_ai.operation.name": "invoke_agent",
        "gen_ai.agent.id": "bob",
        "gen_ai.agent.name": "clerk",
        "gen_ai.agent.description": "Keeps the books",
        "gen_ai.conversation.id": "bob",
        "gen_ai.provider.name": "scripted",
        "gen_ai.request.model": "m",
        "gen_ai.usage.input_tokens": result.usage.input_tokens,
        "gen_ai.usage.output_tokens": result.usage.output_tokens,
        "perdure.run.id": result.run_id,
        "perdure.run.status": "done",
        "perdure.cost_microusd": result.cost_microusd,
    }
    assert first.attributes["gen_ai.response.finish_reasons"] == ("tool_call",)
    assert second.attributes["gen_ai.response.finish_reasons"] == ("stop",)
    costs = [span.attributes["perdure.cost_microusd"] for span in (first, second)]
    assert sum(costs) == result.cost_microusd > 0
    assert tool.attributes["gen_ai.tool.name"] == "pay" and tool.attributes["gen_ai.tool.call.id"]
    assert run.resource["service.name"] == opened_name(runtime)


def opened_name(runtime: perdure.Runtime) -> str:
    return runtime.project.name


async def test_what_was_said_stays_at_home(opened: Any, collector: Any) -> None:
    async with opened([call("pay", amount=12345), "Paid to Rumpelstiltskin."]) as runtime:
        await runtime.run("clerk.yaml", "Pay Rumpelstiltskin")
    sent = b"".join(collector.bodies)
    assert b"clerk" in sent and b"Rumpelstiltskin" not in sent and b"12345" not in sent


async def test_what_was_said_is_told_where_the_project_says_so(opened: Any, collector: Any) -> None:
    key = "sk-proj-abcdefghijklmnop1234567890ABCDEF"
    answers = [call("pay", amount=5), f"Paid with {key}."]
    async with opened(answers, said="content = true\n") as runtime:
        await runtime.run("clerk.yaml", "Pay 5")
    run, tool = collector.named("invoke_agent clerk"), collector.named("execute_tool pay")
    assert json.loads(run.attributes["gen_ai.input.messages"]) == [
        {"role": "user", "parts": [{"type": "text", "content": "Pay 5"}]}
    ]
    (said,) = json.loads(run.attributes["gen_ai.output.messages"])
    assert said["parts"] == [{"type": "text", "content": "Paid with [redacted]."}]
    assert json.loads(tool.attributes["gen_ai.tool.call.arguments"]) == {"amount": 5}
    assert "paid 5" in tool.attributes["gen_ai.tool.call.result"]
    asked = next(span for span in collector.spans if span.name == "chat m")
    (message,) = json.loads(asked.attributes["gen_ai.output.messages"])
    assert message["finish_reason"] == "tool_call" and message["parts"][0]["name"] == "pay"
    assert key.encode() not in b"".join(collector.bodies)


async def test_what_went_wrong_is_told(opened: Any, collector: Any) -> None:
    async with opened([call("pay", amount=-1), RateLimited("slow down")]) as runtime:
        result = await runtime.run("clerk.yaml", "Pay less")
    assert result.status == "failed"
    tool, run = collector.named("execute_tool pay"), collector.named("invoke_agent clerk")
    assert (tool.error, tool.attributes["error.type"]) == ("nobody pays less than nothing", "tool.did_nothing")
    assert run.attributes["error.type"] == result.error["code"] and run.attributes["perdure.run.status"] == "failed"
    failed = [span for span in collector.spans if span.name == "chat m"][-1]
    assert failed.attributes["error.type"] == "model.rate_limited"


async def test_a_child_run_is_in_its_parents_trace(opened: Any, collector: Any) -> None:
    async with opened(["Paid."]) as runtime:
        result = await runtime.run("asking.yaml", "Ask")
    parent = next(span for span in collector.spans if span.attributes.get("perdure.run.id") == result.run_id)
    child = collector.named("invoke_agent clerk")
    assert child.trace == parent.trace == result.run_id.removeprefix("run_")
    assert child.parent == parent.id
    assert collector.named("chat m").parent == child.id


async def test_what_cannot_be_told_keeps_nothing_else_from_being_told(opened: Any, collector: Any) -> None:
    async with opened() as runtime:
        assert (await runtime.run("odd.yaml", "Go")).output == "done"
    assert [span.name for span in collector.spans] == ["execute_tool", "invoke_agent odd"]


async def test_a_wait_is_told_as_something_that_happened(opened: Any, collector: Any) -> None:
    async with opened([call("ask", question="May I?"), "I may."]) as runtime:
        result = await runtime.run("clerk.yaml", "Ask")
        assert result.status == "waiting"
        await runtime.approve(result.run_id, "yes")
        await runtime.wait(result.run_id, beyond=result.waits)
    assert collector.named("invoke_agent clerk").events == ["waiting"]


async def test_a_trace_comes_from_whoever_asks_and_goes_to_whom_is_asked(
    project: Path, collector: Any, model_server: Any
) -> None:
    """Over HTTP into the server, out of it to the model, and out of the http tool."""
    (project / "perdure.toml").write_text(f'[telemetry]\nendpoint = "{collector.url}"\n')
    (project / "remote.yaml").rename(project / "agents" / "remote.yaml")
    arguments = json.dumps({"url": f"{model_server.url}/orders"})
    asks = {"id": "c1", "type": "function", "function": {"name": "http", "arguments": arguments}}
    model_server.answers = [{"content": None, "tool_calls": [asks]}, {"content": "It is fine."}]
    environment = {**os.environ, "MODEL_URL": model_server.url, "MODEL_HOST": model_server.url[len("http://") :]}
    async with serve(project, port=0, environment=environment) as served:
        run = await served.runtime.accept("Look", spec="remote", traceparent=f"00-{TRACE}-{SPAN}-01")
        assert (await served.runtime.wait(run)).output == "It is fine."
    span = collector.named("invoke_agent remote")
    assert (span.trace, span.parent) == (TRACE, SPAN)
    chats = [one.id for one in collector.spans if one.name == "chat m"]
    tool = collector.named("execute_tool http")
    sent = [headers["traceparent"] for headers in model_server.headers]
    assert sent == [f"00-{TRACE}-{id}-01" for id in (chats[0], tool.id, chats[1])]


async def test_the_trace_that_a_client_sends_is_that_of_its_run(project: Path, collector: Any) -> None:
    (project / "perdure.toml").write_text(f'[telemetry]\nendpoint = "{collector.url}"\n')
    (project / "clerk.yaml").rename(project / "agents" / "clerk.yaml")
    (project / "agents" / "clerk.yaml").write_text("name: clerk\nmodel: {provider: scripted, name: m}\n")
    model = Scripted(by_turn(["Fine."]), name="scripted/m")
    async with serve(project, port=0, models={"scripted/m": model}) as served:
        body = json.dumps({"input": "Look", "spec": "clerk"}).encode()
        for sent in (f"00-{TRACE}-{SPAN}-01", "nonsense"):
            headers = {"authorization": f"Bearer {served.token}", "traceparent": sent, "idempotency-key": "one"}
            assert await post(served.url, "/invoke", body, headers) == 200, "the same request, from another span"
    assert (collector.named("invoke_agent clerk").trace, collector.named("invoke_agent clerk").parent) == (TRACE, SPAN)


async def post(url: str, path: str, body: bytes, headers: dict[str, str]) -> int:
    import asyncio

    host, _, port = url.removeprefix("http://").partition(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    head = {"host": f"{host}:{port}", "content-length": str(len(body)), "content-type": "application/json", **headers}
    lines = "".join(f"{name}: {value}\r\n" for name, value in head.items())
    writer.write(f"POST {path} HTTP/1.1\r\n{lines}\r\n".encode() + body)
    status = int((await reader.readline()).split()[1])
    writer.close()
    return status


async def test_a_run_that_its_asker_does_not_sample_is_passed_on_and_not_told(
    opened: Any, collector: Any, model_server: Any
) -> None:
    model_server.answers = [{"content": "Fine."}]
    async with opened(environment={**os.environ, "MODEL_URL": model_server.url}) as runtime:
        spec = runtime.spec("remote.yaml")
        await runtime.create(spec, agent="r")
        run = await runtime.accept("Look", agent="r", traceparent=f"00-{TRACE}-{SPAN}-00")
        await runtime.wait(run)
    assert collector.spans == []
    (headers,) = model_server.headers
    assert headers["traceparent"].startswith(f"00-{TRACE}-") and headers["traceparent"].endswith("-00")


async def test_a_share_of_runs_is_told(opened: Any, collector: Any) -> None:
    async with opened(["Fine."], said="sample = 0.0\n") as runtime:
        await runtime.run("clerk.yaml", "Look")
    assert collector.spans == []


async def test_headers_of_the_collector_are_sent(opened: Any, collector: Any) -> None:
    async with opened(["Fine."], said='headers = {authorization = "Bearer of-the-collector"}\n') as runtime:
        await runtime.run("clerk.yaml", "Look")
    assert collector.headers[0]["authorization"] == "Bearer of-the-collector"


def killed_run(project: Path) -> None:
    """Let bob's run die in the moment before it pays."""
    script = f"""
        import asyncio, os, signal
        import perdure
        from perdure.testing import Scripted, by_turn, call

        def probe(point):
            if point == "effect.intended":
                os.kill(os.getpid(), signal.SIGKILL)

        async def main():
            model = Scripted(by_turn([call("pay", amount=5), "Paid."]), name="scripted/m")
            async with perdure.open({str(project)!r}, models={{"scripted/m": model}}, probe=probe) as rt:
                await rt.run("clerk.yaml", "Pay", agent="bob")

        asyncio.run(main())
    """
    paths = os.pathsep.join(entry for entry in sys.path if entry)
    environment = {**os.environ, "PYTHONPATH": paths}
    done = subprocess.run([sys.executable, "-c", textwrap.dedent(script)], env=environment, timeout=60)
    assert done.returncode == -signal.SIGKILL


async def test_a_killed_run_goes_on_in_its_trace(project: Path, opened: Any, collector: Any) -> None:
    (project / "perdure.toml").write_text(f'[telemetry]\nendpoint = "{collector.url}"\n')
    killed_run(project)
    async with opened([call("pay", amount=5), "Paid."]) as runtime:
        (run,) = (await runtime.runs()).items
        result = await runtime.resume(run.run_id)
        assert result.status == "waiting", "nobody knows whether it was paid"
        key = result.waits[0].key
        await runtime.resolve(run.run_id, key, "retry")
        assert (await runtime.wait(run.run_id, beyond=result.waits)).status == "done"
    assert {span.trace for span in collector.spans} == {run.run_id.removeprefix("run_")}
    ids = {span.id: span.name for span in collector.spans}
    assert sorted(ids.values()) == ["chat m", "chat m", "execute_tool pay", "invoke_agent clerk"]
    assert "resumed" in collector.named("invoke_agent clerk").events


async def test_a_collector_that_is_not_there_holds_nobody_up(project: Path, opened: Any) -> None:
    async with opened(["Fine."], said="") as runtime:
        pass
    (project / "perdure.toml").write_text('[telemetry]\nendpoint = "http://127.0.0.1:9"\n')
    model = Scripted(by_turn(["Fine."]), name="scripted/m")
    async with perdure.open(project, models={"scripted/m": model}) as runtime:
        assert (await runtime.run("clerk.yaml", "Look")).output == "Fine."


def loaded(project: Path, environment: dict[str, str]) -> tuple[list[str], list[str]]:
    """What a process that runs the clerk has imported of OpenTelemetry, and what it printed."""
    script = f"""
        import asyncio, sys
        import perdure
        from perdure.testing import Scripted, by_turn

        async def main():
            model = Scripted(by_turn(["Fine."]), name="scripted/m")
            async with perdure.open({str(project)!r}, models={{"scripted/m": model}}) as rt:
                await rt.run("clerk.yaml", "Look")

        asyncio.run(main())
        print(sorted(name for name in sys.modules if name.split(".")[0] == "opentelemetry" or "adapters.otel" in name))
    """
    paths = os.pathsep.join(entry for entry in sys.path if entry)
    plain = {name: value for name, value in os.environ.items() if not name.startswith("OTEL_")}
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(script)],
        env={**plain, "PYTHONPATH": paths, **environment},
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    *printed, modules = done.stdout.splitlines()
    return eval(modules), printed


def test_nothing_is_loaded_where_nothing_is_told(project: Path) -> None:
    assert loaded(project, {}) == ([], [])


def test_spans_are_printed_a_line_each(project: Path) -> None:
    _, printed = loaded(project, {"OTEL_TRACES_EXPORTER": "console", "OTEL_SERVICE_NAME": "books"})
    spans = [json.loads(line) for line in printed]
    assert [span["name"] for span in spans] == ["chat m", "invoke_agent clerk"]
    assert spans[0]["resource"]["attributes"]["service.name"] == "books"


def test_variables_name_the_collector(project: Path, collector: Any) -> None:
    loaded(project, {"OTEL_EXPORTER_OTLP_ENDPOINT": collector.url})
    assert collector.named("invoke_agent clerk")
    loaded(project, {"OTEL_EXPORTER_OTLP_ENDPOINT": collector.url, "OTEL_SDK_DISABLED": "true"})
    assert len(collector.spans) == 2

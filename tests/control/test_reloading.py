"""Changed files are taken up while a process works; wrong ones leave everything as it was."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

import perdure
from perdure.base.errors import SpecNotFound
from perdure.control.reloading import Reloaded
from perdure.kernel.settings import Settings
from perdure.testing import Scripted, by_turn

SAY = "name: say\nmodel: demo/planner\ninstructions: |\n  1. say {text}\n"
TOOLS = """
from perdure import tool

@tool(effect="read")
def greet(name: str) -> str:
    \"\"\"Greet somebody.\"\"\"
    return "%s"
"""
GREETER = """\
name: greeter
model: demo/planner
instructions: |
  1. call greet {"name": "Ada"}
tools: ["../tools.py:greet"]
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "agents").mkdir()
    (tmp_path / "tools.py").write_text(TOOLS % "hello")
    (tmp_path / "agents" / "say.yaml").write_text(SAY.format(text="one"))
    (tmp_path / "agents" / "greeter.yaml").write_text(GREETER)
    return tmp_path


async def answer(rt: perdure.Runtime, spec: str = "say", agent: str = "") -> Any:
    return (await rt.wait(await rt.accept("x", spec="" if agent and not spec else spec, agent=agent))).output


def say(folder: Path, text: str) -> None:
    (folder / "agents" / "say.yaml").write_text(SAY.format(text=text))


async def test_a_changed_file_counts_for_the_next_run(folder: Path) -> None:
    heard: list[Reloaded] = []
    async with perdure.open(folder) as rt, rt.reloads.watching():
        rt.reloads.told.append(heard.append)
        assert await answer(rt) == "one"
        say(folder, "two")
        (change,) = (await rt.reload()).changes
        assert (change.file, change.agent, change.keys) == ("agents/say.yaml", "say", ("instructions",))
        assert await answer(rt) == "two"
        assert [one.changes for one in heard] == [(change,)]
        assert (await rt.reload()).changes == ()
        assert rt.reloads.last == heard[0]


async def test_it_is_seen_without_being_told(folder: Path) -> None:
    async with perdure.open(folder) as rt, rt.reloads.watching():
        say(folder, "two")
        while await answer(rt) != "two":
            pass
        assert rt.reloads.last is not None


async def test_a_conversation_goes_on_with_the_new_definition(folder: Path) -> None:
    async with perdure.open(folder) as rt, rt.reloads.watching():
        assert await answer(rt, agent="ada") == "one"
        say(folder, "two")
        await rt.reload()
        assert await answer(rt, spec="", agent="ada") == "two"
        row = await rt.store.load_agent("ada")
        assert row is not None
        assert await rt.shelf.follows(row.spec) is None


@pytest.mark.parametrize(
    "text",
    ["", "name: say\nmodell: x\n", "name: [", SAY.format(text="x") + 'tools: ["../gone.py:x"]\n', "\xff\xfe", "- 1\n"],
)
async def test_a_wrong_file_is_refused_and_the_old_one_stays(folder: Path, text: str) -> None:
    async with perdure.open(folder) as rt, rt.reloads.watching():
        (folder / "agents" / "say.yaml").write_text(text, encoding="latin-1")
        (change,) = (await rt.reload()).refused
        assert (change.file, change.agent) == ("agents/say.yaml", "say")
        assert rt.reloads.problems == {"agents/say.yaml": change.problem}
        assert await answer(rt) == "one"
        say(folder, "two")
        await rt.reload()
        assert rt.reloads.problems == {}
        assert await answer(rt) == "two"


async def test_a_file_that_was_wrong_and_is_what_it_was_again_is_no_problem_any_more(folder: Path) -> None:
    async with perdure.open(folder) as rt, rt.reloads.watching():
        (folder / "agents" / "say.yaml").write_text("name: [")
        await rt.reload()
        say(folder, "one")
        (change,) = (await rt.reload()).changes
        assert (change.problem, change.keys, rt.reloads.problems) == ("", (), {})


async def test_agents_come_and_go_with_their_files(folder: Path) -> None:
    async with perdure.open(folder) as rt, rt.reloads.watching():
        (folder / "agents" / "new.yaml").write_text(SAY.format(text="new").replace("say", "new", 1))
        (folder / "agents" / "say.yaml").unlink()
        changes = {change.file: change.agent for change in (await rt.reload()).changes}
        assert changes == {"agents/new.yaml": "new", "agents/say.yaml": "say"}
        assert await answer(rt, "new") is not None
        with pytest.raises(SpecNotFound):
            await answer(rt, "say")


async def test_a_changed_tool_counts_for_the_next_run_and_a_broken_one_does_not(folder: Path) -> None:
    async with perdure.open(folder) as rt, rt.reloads.watching():
        assert "hello" in await answer(rt, "greeter")
        (folder / "tools.py").write_text(TOOLS % "good morning")
        (change,) = (await rt.reloads.reload(frozenset([folder / "tools.py"]))).changes
        assert (change.file, change.agent) == ("tools.py", "greeter")
        assert "good morning" in await answer(rt, "greeter")
        (folder / "tools.py").write_text("def")
        (change,) = (await rt.reload()).refused
        assert change.file == "tools.py" and "invalid syntax" in change.problem
        assert "good morning" in await answer(rt, "greeter")
        assert list(rt.reloads.problems) == ["tools.py"]


async def test_files_that_a_tool_reads_are_named_to_be_watched(folder: Path) -> None:
    (folder / "greeting.txt").write_text("hi")
    (folder / "tools.py").write_text(
        'from pathlib import Path\nGREETING = Path(__file__).with_name("greeting.txt").read_text()\n'
        + TOOLS.replace('"%s"', "GREETING")
    )
    (folder / "agents" / "greeter.yaml").write_text(GREETER + "hot_reload: {watch_files: [../greeting.txt]}\n")
    async with perdure.open(folder) as rt, rt.reloads.watching():
        assert "hi" in await answer(rt, "greeter")
        (folder / "greeting.txt").write_text("welcome")
        while "welcome" not in await answer(rt, "greeter"):
            pass


async def test_an_agent_whose_file_says_so_is_left_alone_until_somebody_asks(folder: Path) -> None:
    for said in ("lifecycle: {reload: {on_config_change: ignore}}\n", "hot_reload: {enabled: false}\n"):
        (folder / "agents" / "say.yaml").write_text(SAY.format(text="one") + said)
        async with perdure.open(folder) as rt, rt.reloads.watching():
            say(folder, "two")
            changed = await rt.reloads.reload(frozenset([folder / "agents" / "say.yaml"]))
            assert (changed.changes, await answer(rt)) == ((), "one")
            await rt.reload()
            assert await answer(rt) == "two"


async def test_an_agent_whose_file_says_so_asks_for_a_new_beginning(folder: Path) -> None:
    said = "lifecycle: {reload: {on_config_change: restart, strategy: immediate}}\n"
    (folder / "agents" / "say.yaml").write_text(SAY.format(text="one") + said)
    path = folder / "agents" / "say.yaml"
    async with perdure.open(folder) as rt, rt.reloads.watching():
        path.write_text("name: say\nmodell: x\n")
        (change,) = (await rt.reloads.reload(frozenset([path]))).changes
        assert change.problem and not rt.reloads.restart.is_set()
        path.write_text(SAY.format(text="two") + said)
        (change,) = (await rt.reloads.reload(frozenset([path]))).changes
        assert (change.waits, change.keys) == (True, ("instructions",))
        assert (rt.reloads.restart.is_set(), rt.reloads.strategy) == (True, "immediate")
        assert await answer(rt) == "one"


async def test_settings_of_the_project_count_from_a_new_beginning(folder: Path) -> None:
    file = folder / "perdure.toml"
    file.write_text('[budget]\nper_day = "$1"\n')
    async with perdure.open(folder) as rt, rt.reloads.watching():
        file.write_text("[budgett]\n")
        (change,) = (await rt.reload()).refused
        assert change.file == "perdure.toml" and not rt.reloads.restart.is_set()
        file.write_text('[budget]\nper_day = "$1.00" # the same\n')
        (change,) = (await rt.reload()).changes
        assert (change.problem, change.waits, rt.reloads.restart.is_set()) == ("", False, False)
        file.write_text('[budget]\nper_day = "$2"\n')
        (change,) = (await rt.reload()).changes
        assert (change.keys, change.waits, rt.reloads.strategy) == (("budget",), True, "graceful")
        assert rt.reloads.restart.is_set()


async def test_what_something_wakes_is_of_the_new_definition_from_its_next_run_on(folder: Path) -> None:
    on = "on: [{every: 1h, input: go}]\n"
    (folder / "agents" / "say.yaml").write_text(SAY.format(text="one") + on)
    async with perdure.open(folder, recover=True, settings=Settings(recover=True)) as rt, rt.reloads.watching():
        before = await rt.store.load_agent("say")
        assert before is not None
        (folder / "agents" / "say.yaml").write_text(SAY.format(text="two") + on.replace("1h", "2h"))
        await rt.reload()
        while (row := await rt.store.load_agent("say")) is not None and row.spec == before.spec:
            await rt.clock.sleep(10)
        assert row is not None
        while [one.schedule.every for one in await rt.schedules("say")] != [7_200_000]:
            await rt.clock.sleep(10)


async def test_an_agent_that_forgets_begins_anew_with_a_new_definition(folder: Path) -> None:
    text = "name: echo\nmodel: scripted/m\ninstructions: {0}\nlifecycle: {{reload: {{preserve_memory: {1}}}}}\n"
    for keeps, remembered in (("true", 3), ("false", 1)):
        file = folder / "agents" / "echo.yaml"
        file.write_text(text.format("one", keeps))
        model = Scripted(by_turn(["a", "b", "c"]), name="scripted/m")
        async with perdure.open(folder, models={"scripted/m": model}) as rt, rt.reloads.watching():
            agent = f"echo-{keeps}"
            await answer(rt, "echo", agent)
            file.write_text(text.format("two", keeps))
            await rt.reload()
            await answer(rt, "", agent)
            assert len(model.requests[1].messages) == remembered
            await answer(rt, "", agent)  # of the same definition: it remembers again
            assert len(model.requests[2].messages) == remembered + 2


async def test_a_python_agent_that_forgets_begins_without_state(folder: Path) -> None:
    (folder / "counter.py").write_text(
        "import perdure\n\nclass Counter(perdure.Agent):\n"
        "    class State(perdure.AgentState):\n        count: int = 0\n\n"
        "    async def on_message(self, ctx, message):\n"
        "        self.state.count += 1\n        return self.state.count\n"
    )
    text = "name: counter\nclass: ../counter.py:Counter\nlifecycle: {reload: {preserve_memory: false}}\n"
    file = folder / "agents" / "counter.yaml"
    file.write_text(text)
    async with perdure.open(folder) as rt, rt.reloads.watching():
        assert [await answer(rt, "counter", "c"), await answer(rt, "", "c")] == [1, 2]
        file.write_text(text + "description: another\n")
        await rt.reload()
        assert [await answer(rt, "", "c"), await answer(rt, "", "c")] == [1, 2]

"""The table of commands, and the edge where errors become messages and exit codes."""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Iterator
from importlib import import_module
from typing import Any, Never

import click
import pytest
from click.testing import CliRunner, Result

from perdure import __version__
from perdure.base.errors import BudgetExceeded, ConfigError, InputError, Interrupted, PerdureError, RunNotFound
from perdure.cli.commands import COMMANDS, Root, cli
from perdure.cli.exits import MEANINGS, code_of_error
from perdure.cli.group import LazyGroup

Perdure = Callable[..., Result]


def commands(
    group: LazyGroup = cli, path: tuple[str, ...] = ()
) -> Iterator[tuple[tuple[str, ...], click.Command, str]]:  # type: ignore[assignment]
    """All commands with their path and the help that the table gives."""
    for name, (_, help) in group.table.items():
        command = group.get_command(click.Context(group), name)
        assert command is not None
        yield (*path, name), command, help
        if isinstance(command, LazyGroup):
            yield from commands(command, (*path, name))


def failing(error: BaseException) -> click.Group:
    """A command line whose one command raises."""

    @click.command("fail")
    @click.option("--json", "as_json", is_flag=True)
    @click.pass_context
    def fail(ctx: click.Context, as_json: bool) -> Never:
        ctx.meta["json"] = as_json
        raise error

    class Failing(Root):
        def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command:
            return fail

    return Failing("perdure", sections={"Fail": {"fail": ("nowhere:at_all", "Raise.")}})


def test_every_command_has_help_that_begins_as_the_table_says() -> None:
    for path, command, help in commands():
        assert command.help is not None
        assert command.help.startswith(help), path
        result = CliRunner().invoke(cli, [*path, "--help"], prog_name="perdure")
        assert result.exit_code == 0
        assert f"perdure {' '.join(path)}" in result.stdout


def test_every_option_has_help() -> None:
    for path, command, _ in commands():
        for parameter in command.params:
            if isinstance(parameter, click.Option):
                assert parameter.help or parameter.name == "format", (path, parameter.name)


def test_the_help_shows_every_command_and_the_exit_codes() -> None:
    said = CliRunner().invoke(cli, ["--help"]).stdout
    for name in cli.list_commands(click.Context(cli)):
        assert name in said
    for code in MEANINGS:
        assert str(code) in said


def test_the_table_names_modules_that_exist() -> None:
    for entries in COMMANDS.values():
        for where, _ in entries.values():
            module, _, attribute = where.partition(":")
            assert isinstance(getattr(import_module(module), attribute), click.Command)


def test_a_mistyped_command_is_guessed(perdure: Perdure) -> None:
    assert "did you mean 'resume'?" in perdure("resum", code=2).stderr
    assert "no command 'xyzzy'\n" in perdure("xyzzy", code=2).stderr
    assert "No such option" in perdure("--nope", code=2).stderr
    assert "did you mean 'list'?" in perdure("runs", "lst", code=2).stderr


def test_versions(perdure: Perdure, asked: Callable[..., Any]) -> None:
    assert perdure("--version").stdout == f"{__version__}\n"
    assert perdure("version").stdout.startswith(f"perdure       {__version__}\n")
    assert asked("version")["perdure"] == __version__


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (BudgetExceeded("no"), 4),
        (ConfigError("no"), 2),
        (InputError("no"), 2),
        (Interrupted("no"), 130),
        (RunNotFound("no"), 1),
    ],
)
def test_an_error_has_a_code_a_hint_and_an_exit_code(error: PerdureError, code: int) -> None:
    assert code_of_error(error) == code
    result = CliRunner().invoke(failing(error), ["fail", "--json"])
    assert result.exit_code == code
    assert result.stderr.startswith(f"error[{error.code}]: no\n")
    assert f'"code":"{error.code}"' in result.stdout


def test_facts_that_the_message_leaves_out_are_told() -> None:
    error = RunNotFound("no such run", run_id="run_7", tried=["a", "b"], long="x" * 300)
    said = CliRunner().invoke(failing(error), ["fail"]).stderr
    assert "  run_id: run_7\n" in said
    assert '  tried: ["a","b"]\n' in said
    assert f"  long: {'x' * 200}…\n" in said


def test_no_traceback_unless_somebody_debugs(monkeypatch: pytest.MonkeyPatch) -> None:
    assert "Traceback" not in CliRunner().invoke(failing(ConfigError("no")), ["fail"]).stderr
    monkeypatch.setenv("PERDURE_DEBUG", "1")
    assert "Traceback" in CliRunner().invoke(failing(ConfigError("no")), ["fail"]).stderr


def test_a_defect_asks_to_be_reported() -> None:
    result = CliRunner().invoke(failing(ZeroDivisionError("oops")), ["fail", "--json"])
    assert result.exit_code == 1
    assert "Traceback" in result.stderr
    assert "error[unexpected.ZeroDivisionError]: oops" in result.stderr
    assert "Please report it" in result.stderr
    assert '"unexpected.ZeroDivisionError"' in result.stdout


def test_an_interruption_before_anything_began() -> None:
    assert CliRunner().invoke(failing(KeyboardInterrupt()), ["fail"]).exit_code == 130


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion_scripts(perdure: Perdure, shell: str) -> None:
    script = perdure("completions", shell).stdout
    assert "_PERDURE_COMPLETE" in script
    if shell == "bash":
        subprocess.run(["bash", "-n"], input=script, text=True, check=True)


def test_commands_and_options_are_completed() -> None:
    def completed(words: str) -> str:
        environment = {"_PERDURE_COMPLETE": "bash_complete", "COMP_WORDS": words, "COMP_CWORD": str(words.count(" "))}
        return CliRunner().invoke(cli, [], env=environment, prog_name="perdure").stdout

    assert completed("perdure re") == "plain,resume\nplain,restart\nplain,resolve\nplain,replay\n"
    assert "plain,--dry-run\n" in completed("perdure run --d")
    assert "plain,verify\n" in completed("perdure runs ver")

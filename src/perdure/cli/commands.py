"""The command line: the table of its commands, and the one place where errors become messages and exit codes."""

from __future__ import annotations

import errno
import os
import sys
from typing import Any

import click

from perdure.base.errors import PerdureError
from perdure.base.lazy import load
from perdure.base.version import __version__

from .exits import DONE, INTERRUPTED
from .group import LazyGroup, Sections

COMMANDS: Sections = {
    "Begin": {
        "init": ("perdure.cli.init:command", "Make a new project."),
        "demo": ("perdure.cli.demo:command", "Audit this Python environment, be killed in the middle, and finish."),
        "validate": ("perdure.cli.validate:command", "Check files, and tell everything that is wrong."),
        "diff": ("perdure.cli.diff:command", "Show what changed between two definitions of an agent."),
        "deploy": ("perdure.cli.deploy:command", "Check what new files would break, and deploy them."),
        "flow": ("perdure.cli.flow.group:group", "Check, show, draw and format flows."),
        "schema": ("perdure.cli.schema:command", "Print the JSON Schema of a file."),
    },
    "Run": {
        "run": ("perdure.cli.run:command", "Send input to an agent, or run a flow, and wait for the answer."),
        "send": ("perdure.cli.send:command", "Send a message to an agent that there is."),
        "emit": ("perdure.cli.emit:command", "Publish an event to a topic."),
        "tick": ("perdure.cli.tick:command", "Begin a run of an agent without a message."),
        "serve": ("perdure.cli.serve:command", "Serve a project's agents over HTTP."),
        "dev": ("perdure.cli.dev:command", "Serve while you write, and show what runs do."),
        "open": ("perdure.cli.open:command", "Print a link that logs a browser in."),
        "keys": ("perdure.cli.keys.group:group", "Make, list and revoke the keys that the server lets in."),
        "resume": ("perdure.cli.resume:command", "Go on with a run, or with all that were interrupted."),
        "pause": ("perdure.cli.pause:command", "Let nothing new begin in a run."),
        "cancel": ("perdure.cli.cancel:command", "End a run and its children."),
    },
    "Processes": {
        "ps": ("perdure.cli.daemons.ps:command", "List the daemons of a project."),
        "status": ("perdure.cli.daemons.status:command", "Show how a daemon is."),
        "stop": ("perdure.cli.daemons.stop:command", "Stop a daemon, and wait until it has ended."),
        "restart": ("perdure.cli.daemons.restart:command", "Begin a daemon anew."),
        "kill": ("perdure.cli.daemons.kill:command", "End a daemon at once."),
        "metrics": ("perdure.cli.daemons.metrics:command", "Print the figures of a daemon, as Prometheus reads them."),
    },
    "Decide": {
        "approve": ("perdure.cli.approve:command", "Answer what a run asks."),
        "deny": ("perdure.cli.deny:command", "Refuse what a run asks to do."),
        "resolve": ("perdure.cli.resolve:command", "Say what became of an effect in doubt."),
    },
    "Look": {
        "runs": ("perdure.cli.runs.group:group", "List, show, verify, delete and export runs."),
        "agents": ("perdure.cli.agents.group:group", "List, make, show, stop, wake, delete, export and import agents."),
        "bus": ("perdure.cli.bus.group:group", "Show events and topics."),
        "trace": ("perdure.cli.trace:command", "Show what a run did, how long it took and what it cost."),
        "logs": ("perdure.cli.logs:command", "Show the journal of an agent, or what a daemon said, and follow it."),
        "top": ("perdure.cli.top:command", "Show what goes on: runs, agents, tokens, cost and queue."),
        "cost": ("perdure.cli.cost:command", "Show what was spent, by run, agent, model or day."),
        "budget": ("perdure.cli.budget:command", "Show what may be spent and what is, or set a limit."),
        "replay": ("perdure.cli.replay:command", "Execute a run again against its journal, touching nothing."),
        "fork": ("perdure.cli.fork:command", "Begin a new run that shares the records before a key."),
        "export-cassette": ("perdure.cli.export_cassette:command", "Write a run's answers as a fixture for tests."),
    },
    "Files": {
        "ls": ("perdure.cli.ls:command", "List a directory of the namespace."),
        "cat": ("perdure.cli.cat:command", "Print a file of the namespace."),
        "write": ("perdure.cli.write:command", "Write a file of the namespace."),
        "watch": ("perdure.cli.watch:command", "Follow the changes of a file or directory."),
        "mount": ("perdure.cli.mount:command", "Show the namespace as a folder of this machine."),
    },
    "Keep": {
        "gc": ("perdure.cli.gc:command", "Free what nothing refers to any more."),
        "completions": ("perdure.cli.completions:command", "Print the completion script of a shell."),
        "version": ("perdure.cli.version:command", "Print the versions of Perdure and of what it stands on."),
    },
}

EPILOG = """\b
Exit codes: 0 done, 1 failed, 2 bad usage or file, 3 waiting for a person,
4 budget, 130 interrupted. `perdure COMMAND --help` tells more."""

REPORT = "perdure.cli.errors:report"
REPORT_UNEXPECTED = "perdure.cli.errors:report_unexpected"


class Root(LazyGroup):
    """The edge: whatever a command raises becomes a message on stderr and an exit code."""

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except (click.ClickException, click.exceptions.Exit, click.Abort):
            raise
        except KeyboardInterrupt:
            ctx.exit(INTERRUPTED)
        except PerdureError as error:
            ctx.exit(load(REPORT)(error, json=bool(ctx.meta.get("json"))))
        except Exception as error:
            if isinstance(error, OSError) and error.errno == errno.EPIPE:
                _close_quietly()
                ctx.exit(DONE)
            ctx.exit(load(REPORT_UNEXPECTED)(error, json=bool(ctx.meta.get("json"))))


@click.group(
    cls=Root,
    sections=COMMANDS,
    epilog=EPILOG,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)
@click.version_option(__version__, message="%(version)s")
def cli() -> None:
    """Runs AI agents that last: durable, budgeted, replayable, from one SQLite file."""


def _close_quietly() -> None:
    """Nobody reads on: what is still buffered must not complain when the process ends."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())

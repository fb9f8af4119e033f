"""What is printed after something was done to an agent."""

from __future__ import annotations

import click
import msgspec

from perdure.control.agents import AgentSummary

from ..json import print_json


def tell(agent: AgentSummary, as_json: bool) -> None:
    """The agent's state, or all of its line as an object."""
    if as_json:
        print_json(msgspec.structs.asdict(agent))
    else:
        click.echo(f"{agent.agent_id} is {agent.status}")

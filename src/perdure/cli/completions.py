"""`perdure completions`: the script that lets a shell complete commands and options."""

from __future__ import annotations

import click
from click.shell_completion import get_completion_class

HOW = {
    "bash": "perdure completions bash > ~/.local/share/bash-completion/completions/perdure",
    "zsh": "perdure completions zsh > ~/.zfunc/_perdure   (with ~/.zfunc in $fpath)",
    "fish": "perdure completions fish > ~/.config/fish/completions/perdure.fish",
}


@click.command("completions", epilog="\b\n" + "\n".join(HOW.values()))
@click.argument("shell", type=click.Choice(list(HOW)))
@click.pass_context
def command(ctx: click.Context, shell: str) -> None:
    """Print the completion script of a shell."""
    found = get_completion_class(shell)
    assert found is not None  # click knows all three
    completion = found(ctx.find_root().command, {}, "perdure", "_PERDURE_COMPLETE")
    click.echo(completion.source_template % completion.source_vars())

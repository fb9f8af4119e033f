"""`perdure export-cassette`: a run's answers as a fixture for tests."""

from __future__ import annotations

from pathlib import Path

import click

from . import options
from .process import complete
from .project import opened
from .terminal import note


@click.command("export-cassette")
@options.run_id
@click.option("--output", "-o", "file", type=click.Path(dir_okay=False, path_type=Path), help="The file to write.")
@options.project
def command(run_id: str, file: Path | None, project: Path | None) -> None:
    """Write a run's answers as a fixture for tests.

    A test answers from it with `perdure.testing.cassette(FILE)`, an agent with the model
    `{provider: scripted, name: any, extra: {cassette: FILE}}`. Without --output it goes to standard output.
    """

    async def main() -> None:
        async with opened(project) as runtime:
            _write(await runtime.export_cassette(run_id), file)

    complete(main())


def _write(data: bytes, file: Path | None) -> None:
    if file is None:
        click.echo(data)
        return
    file.write_bytes(data)
    note(f"wrote {file}")

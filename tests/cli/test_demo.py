from __future__ import annotations

import json
from pathlib import Path

from click.testing import CliRunner

from perdure.cli.demo import command


def test_it_tells_the_kill_the_journal_and_the_proof(tmp_path: Path) -> None:
    done = CliRunner().invoke(command, ["--folder", str(tmp_path / "demo")], catch_exceptions=False)
    assert done.exit_code == 0
    for words in ("killed by signal 9 (SIGKILL)", "is dead", "not sent again", "the mail was sent once", "is whole"):
        assert words in done.output
    assert "\x1b" not in done.output


def test_as_json_it_is_one_object(tmp_path: Path) -> None:
    done = CliRunner().invoke(command, ["--folder", str(tmp_path / "demo"), "--json"], catch_exceptions=False)
    told = json.loads(done.output)
    assert told["holds"] is True
    assert told["killed"]["signal"] == 9
    assert len(told["mails"]) == 1
    assert told["journal"][0] == {"at_ms": 0, "key": "", "what": "the request is on disk"}

from __future__ import annotations

import signal
from pathlib import Path

import pytest

from perdure.base.errors import InputError, PerdureError
from perdure.demo.chronicle import chronicle
from perdure.demo.outbox import sent
from perdure.demo.story import go_on, live_and_die, prepare
from perdure.demo.tools import outbox_folder


async def test_a_worker_is_killed_after_the_mail_is_out_and_another_finishes_without_a_second(tmp_path: Path) -> None:
    prepare(tmp_path)
    death = await live_and_die(tmp_path)
    assert death.signal == signal.SIGKILL
    assert death.mails == 1
    (in_doubt,) = death.open_effects
    assert in_doubt.endswith("tool:send_mail")

    proof = await go_on(tmp_path, death.run_id)
    assert proof.holds
    assert len(sent(outbox_folder(tmp_path))) == 1
    assert "packages" in Path(proof.report).read_text()
    assert Path(proof.report).read_text().rstrip() in Path(proof.mails[0]).read_text()

    lines = [(line.place, line.what) for line in chronicle(proof.records)]
    assert lines[death.records] == ("", "another process goes on from these records")
    assert lines[-1] == ("", "done")


async def test_a_worker_that_ends_otherwise_is_told(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    prepare(tmp_path)
    (tmp_path / "auditor.yaml").write_text("name: auditor\n")
    with pytest.raises(PerdureError, match="was to be killed and ended with 1"):
        await live_and_die(tmp_path)
    assert "this key is required" in capfd.readouterr().err


def test_a_folder_with_other_things_in_it_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "thesis.md").write_text("mine")
    with pytest.raises(InputError, match="holds other things"):
        prepare(tmp_path)
    assert [entry.name for entry in tmp_path.iterdir()] == ["thesis.md"]


def test_what_an_earlier_demo_sent_is_cleared_away(tmp_path: Path) -> None:
    prepare(tmp_path)
    (outbox_folder(tmp_path)).mkdir()
    (outbox_folder(tmp_path) / "001.eml").write_text("old")
    prepare(tmp_path)
    assert sent(outbox_folder(tmp_path)) == []

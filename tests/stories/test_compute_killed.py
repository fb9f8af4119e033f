"""A process is killed in the middle of a job of /compute: nothing of the job is lost, and no money hangs."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

import perdure
from perdure.base.errors import JobInterrupted

CHILD = Path(__file__).with_name("compute_child.py")
SOURCE = Path(perdure.__file__).parent.parent
REQUEST = {
    "model": "a",
    "kind": "chat",
    "stream": True,
    "input": {"messages": [{"role": "user", "content": "Hi"}], "max_tokens": 100},
    "idempotency_key": "once",
}


def submit_and_die(folder: Path, request: str) -> dict[str, str]:
    """The receipt of a job whose process is killed in the middle of its call."""
    environment = {**os.environ, "PYTHONPATH": str(SOURCE)}
    child = subprocess.Popen([sys.executable, CHILD, folder, request], stdout=subprocess.PIPE, env=environment)
    assert child.stdout is not None
    receipt = json.loads(child.stdout.readline())
    child.send_signal(signal.SIGKILL)
    child.communicate()
    return receipt


@pytest.mark.parametrize("recover", [True, False], ids=["a server", "whoever looks"])
async def test_its_reservation_is_spent_and_the_job_tells_what_happened(tmp_path, recover):
    (tmp_path / "perdure.toml").write_text('[prices."scripted/a"]\ninput = 3\noutput = 15\n')
    request = json.dumps(REQUEST)
    receipt = submit_and_die(tmp_path, request)
    async with perdure.open(tmp_path, recover=recover) as runtime:
        day = (await runtime.jobs.usage("ada"))["day"]
        job = await runtime.jobs.find("ada", receipt["job_id"])
        assert (day["reserved_microusd"], day["spent_microusd"]) == (0, job.reserved)
        assert job.reserved >= 100 * 15
        with pytest.raises(JobInterrupted):
            _ = job.result
        assert json.loads(await runtime.jobs.submit("ada", request.encode())) == receipt
        assert (await runtime.jobs.usage("ada"))["day"] == day
        assert await runtime.store.verify("ada") == []

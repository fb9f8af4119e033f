from __future__ import annotations

from email import message_from_bytes
from pathlib import Path

import msgspec

import perdure
from perdure.demo.outbox import sent
from perdure.demo.packages import Package
from perdure.demo.story import prepare
from perdure.demo.tools import audit_folder, outbox_folder


async def test_the_agent_takes_an_inventory_and_mails_the_report_that_it_wrote(tmp_path: Path) -> None:
    prepare(tmp_path)
    async with perdure.open(tmp_path) as runtime:
        result = await runtime.run("auditor.yaml", "Audit this environment.")
    assert result.output.startswith("Of ")
    assert result.output.endswith("Sent as outbox/001.eml.")

    inventory = audit_folder(tmp_path) / "inventory.json"
    packages = msgspec.json.decode(inventory.read_bytes(), type=list[Package])
    assert "msgspec" in [package.name for package in packages]

    (place,) = sent(outbox_folder(tmp_path))
    mail = message_from_bytes(place.read_bytes())
    assert mail["Subject"] == f"Audit of {len(packages)} Python packages"
    report = (audit_folder(tmp_path) / "report.md").read_text()
    assert mail.get_payload(decode=True).decode().strip() == report.strip()  # type: ignore[union-attr]

"""The auditor's tools. Each says what a crash in its middle means: `read` and `idempotent` are done again, and
`send_mail` is looked for in the outbox before anything else happens."""

from __future__ import annotations

import platform
from email.message import EmailMessage
from pathlib import Path

import msgspec

from perdure.kernel.classes import NotDone
from perdure.kernel.context import Context
from perdure.tools.function import tool

from .findings import Duplicates, Inventory, Licences, Sizes, duplicates_in, licences_in, sizes_in
from .licences import licence_in
from .outbox import find, send
from .packages import Package, installed
from .report import show_report

INVENTORY = "inventory.json"
_PACKAGES = msgspec.json.Decoder(list[Package])


def audit_folder(project: Path) -> Path:
    return project / "audit"


def outbox_folder(project: Path) -> Path:
    return project / "outbox"


@tool(effect="idempotent")
def take_inventory(*, ctx: Context) -> Inventory:
    """Read the metadata of every installed package into inventory.json."""
    packages = installed()
    file = audit_folder(ctx.project) / INVENTORY
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(msgspec.json.format(msgspec.json.encode(packages), indent=1))
    return Inventory(len(packages), platform.python_version(), INVENTORY)


@tool(effect="read")
def find_duplicates(*, ctx: Context) -> Duplicates:
    """Find packages of the inventory that are installed more than once."""
    return duplicates_in(_inventory(ctx))


@tool(effect="read")
def check_licences(*, ctx: Context) -> Licences:
    """Find packages of the inventory whose licence is missing or copyleft; licence files are read where metadata is
    silent."""
    return licences_in(_inventory(ctx), _look)


@tool(effect="read")
def largest_packages(count: int = 10, *, ctx: Context) -> Sizes:
    """Find the packages of the inventory that take most room on disk.

    Args:
        count: How many to list.
    """
    return sizes_in(_inventory(ctx), count)


@tool(effect="read")
def compose_report(at: str, inventory: Inventory, duplicates: Duplicates, licences: Licences, largest: Sizes) -> str:
    """Write findings up as a page of Markdown.

    Args:
        at: The time of the audit.
        inventory: What take_inventory gave.
        duplicates: What find_duplicates gave.
        licences: What check_licences gave.
        largest: What largest_packages gave.
    """
    return show_report(at, inventory, duplicates, licences, largest)


def _was_sent(key: str, ctx: Context) -> dict[str, str] | NotDone:
    place = find(outbox_folder(ctx.project), key)
    return NotDone() if place is None else {"file": place.name}


@tool(reconcile=_was_sent)
def send_mail(to: str, subject: str, body: str, *, key: str, ctx: Context) -> dict[str, str]:
    """Send a mail.

    Args:
        to: The address of who gets it.
        subject: Its subject.
        body: Its text.
    """
    mail = EmailMessage()
    mail["From"] = "auditor@localhost"
    mail["To"] = to
    mail["Subject"] = subject
    mail.set_content(body)
    return {"file": send(outbox_folder(ctx.project), mail, key).name}


def _inventory(ctx: Context) -> list[Package]:
    return _PACKAGES.decode((audit_folder(ctx.project) / INVENTORY).read_bytes())


def _look(package: Package) -> str:
    for file in package.licence_files:
        try:
            found = licence_in(Path(file).read_text(encoding="utf-8", errors="replace"))
        except OSError:
            continue  # listed in the metadata and not there
        if found:
            return found
    return ""

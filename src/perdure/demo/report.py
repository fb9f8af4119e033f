"""The audit as a page of Markdown."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from .findings import Duplicates, Inventory, Licences, Sizes


def show_report(at: str, inventory: Inventory, duplicates: Duplicates, licences: Licences, sizes: Sizes) -> str:
    """`at` is the time it was made, as text."""
    return "\n".join(
        [
            "# Audit of a Python environment",
            "",
            f"{inventory.packages} packages, {size(sizes.total)} on disk, Python {inventory.python}. Made {at}.",
            "",
            "## Licences that are missing",
            "",
            *_table(
                ("package", "what its licence file holds"),
                [(one.name, one.licence or "no file, or none that is known") for one in licences.missing],
                "Every package names its licence.",
            ),
            *_more(licences.missing_count - len(licences.missing)),
            "## Copyleft",
            "",
            *_table(
                ("package", "licence", "kind"),
                [(one.name, one.licence, one.kind) for one in licences.copyleft],
                "No package is under a copyleft licence.",
            ),
            *_more(licences.copyleft_count - len(licences.copyleft)),
            "## Installed more than once",
            "",
            *_table(
                ("package", "version", "folder"),
                [(one.name, *place) for one in duplicates.found for place in one.places],
                "Nothing is.",
            ),
            *_more(duplicates.count - len(duplicates.found)),
            "## Largest",
            "",
            *_table(
                ("package", "size", "share"),
                [(one.name, size(one.size), f"{one.size / max(sizes.total, 1):.0%}") for one in sizes.largest],
                "No package lists its files.",
            ),
            *([f"{sizes.unknown} packages list no files; their size is unknown.", ""] if sizes.unknown else []),
        ]
    )


def size(count: int) -> str:
    """Bytes for people: `3.4 MB`."""
    amount = float(count)
    for unit in ("B", "kB", "MB"):
        if amount < 1000:
            return f"{amount:.0f} {unit}" if unit == "B" else f"{amount:.1f} {unit}"
        amount /= 1000
    return f"{amount:.1f} GB"


def _table(head: Sequence[str], rows: Sequence[Sequence[str]], empty: str) -> Iterable[str]:
    if not rows:
        return (empty, "")
    return (_row(head), _row(["---"] * len(head)), *map(_row, rows), "")


def _row(cells: Sequence[str]) -> str:
    return f"| {' | '.join(' '.join(cell.replace('|', chr(92) + '|').split()) for cell in cells)} |"


def _more(count: int) -> Iterable[str]:
    return (f"… and {count} more.", "") if count else ()

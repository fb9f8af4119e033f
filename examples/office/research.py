"""Finds what documents say about a question."""

import re
from pathlib import Path
from typing import Any

from perdure import tool

HERE = Path(__file__).parent
COMMON = {"what", "when", "which", "does", "this", "that", "with", "from", "have", "will", "about", "long", "take"}


@tool(effect="read")
def find_passages(question: str, folder: str = "../papers") -> list[dict[str, Any]]:
    """Find the paragraphs that share words with a question, the best of each document.

    Args:
        question: What is asked.
        folder: Where the documents are, seen from this file.
    """
    wanted = words_of(question)
    found = []
    for path in sorted((HERE / folder).glob("*.md")):
        paragraphs = [" ".join(part.split()) for part in path.read_text().split("\n\n")]
        best = max(paragraphs, key=lambda part: len(wanted & words_of(part)), default="")
        if shared := sorted(wanted & words_of(best)):
            found.append({"document": path.name, "passage": best, "shared": shared})
    return found


@tool(effect="idempotent")
def write_report(title: str, text: str, into: str, *, key: str) -> str:
    """Write a report as a file, and give its path.

    Args:
        title: Its heading, and its name.
        text: What it says.
        into: The folder.
    """
    path = Path(into) / f"{'-'.join(re.findall('[a-z0-9]+', title.lower()))[:60]}.md"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"# {title}\n\n{text}\n")
    return str(path)


def words_of(text: str) -> set[str]:
    """Words of four letters or more, without their endings."""
    return {word.rstrip("s") for word in re.findall(r"[a-z]{4,}", text.lower())} - COMMON

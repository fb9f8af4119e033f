"""The docs run. Page by page, in an empty folder: a block whose first line is `# some/path` is that file, `console`
blocks print what they show, `python` blocks run; what is marked `no-run` or is of another language is only shown."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType

import pytest

from perdure.base.errors import ERRORS
from perdure.server.endpoints import ENDPOINTS
from perdure.tools.load import load_file

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / name for name in ("README.md", "CONTRIBUTING.md", "CHANGELOG.md")] + sorted(ROOT.glob("docs/**/*.md"))
_BLOCK = re.compile(r"^```(\w+)([^\n]*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_FILE = re.compile(r"# ([\w./-]+\.\w+)\n")
_LINK = re.compile(r"\]\((?!https?:|#)([^)#]+)")


def named(page: Path) -> str:
    return page.relative_to(ROOT).as_posix()


@pytest.mark.parametrize("page", [page for page in PAGES if _BLOCK.search(page.read_text())], ids=named)
def test_what_a_page_shows_is_so(
    page: Path, project: Path, environment: dict[str, str], converse: Callable[[str], None]
) -> None:
    for language, marks, text in _BLOCK.findall(page.read_text()):
        file = _FILE.match(text)
        if "no-run" in marks:
            continue
        if file is not None:
            (project / file[1]).parent.mkdir(parents=True, exist_ok=True)
            (project / file[1]).write_text(text)
        elif language == "console":
            converse(text)
        elif language == "python":
            run = [sys.executable, "-c", text]
            done = subprocess.run(run, cwd=project, env=environment, capture_output=True, text=True, timeout=60)
            assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("page", PAGES, ids=named)
def test_links_lead_somewhere(page: Path) -> None:
    missing = [link for link in _LINK.findall(page.read_text()) if not (page.parent / link).exists()]
    assert missing == []


@pytest.fixture(scope="module")
def reference() -> ModuleType:
    return load_file(ROOT / "docs/reference/generate.py")


@pytest.mark.parametrize("name", ["cli.md", "errors.md", "files.md", "python.md"])
def test_the_reference_is_what_the_code_says(name: str, reference: ModuleType) -> None:
    written = (ROOT / "docs/reference" / name).read_text()
    assert written == reference.page(name), "run: python docs/reference/generate.py"


def test_every_error_code_is_in_the_reference() -> None:
    written = (ROOT / "docs/reference/errors.md").read_text()
    assert [code for code in ERRORS if f"`{code}`" not in written] == []


def test_every_route_is_in_the_guide_to_the_server() -> None:
    written = (ROOT / "docs/guides/server.md").read_text()
    for endpoint in ENDPOINTS:
        path = endpoint.path.replace(":path}", "}")
        above, _, last = path.rpartition("/")
        assert path in written or (f"{above}/" in written and f"`{last}`" in written), path


def test_every_page_can_be_reached_from_the_readme() -> None:
    reached = set(reach(ROOT / "README.md"))
    pages = {page for page in ROOT.glob("docs/**/*.md") if "decisions" not in page.parts}
    assert {named(page) for page in pages - reached} == set()


def reach(page: Path, seen: frozenset[Path] = frozenset()) -> Iterator[Path]:
    yield page
    for link in _LINK.findall(page.read_text()):
        found = (page.parent / link).resolve()
        if found.suffix == ".md" and found.exists() and found not in seen | {page}:
            yield from reach(found, seen | {page})

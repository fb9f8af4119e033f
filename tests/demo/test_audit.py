from __future__ import annotations

from pathlib import Path

from perdure.demo.findings import Inventory, duplicates_in, licences_in, sizes_in
from perdure.demo.packages import installed
from perdure.demo.report import show_report, size


def install(site: Path, name: str, version: str, *, metadata: str = "", files: dict[str, str] | None = None) -> None:
    folder = site / f"{name}-{version}.dist-info"
    folder.mkdir(parents=True)
    (folder / "METADATA").write_text(f"Metadata-Version: 2.4\nName: {name}\nVersion: {version}\n{metadata}")
    for path, text in (files or {}).items():
        (site / path).parent.mkdir(parents=True, exist_ok=True)
        (site / path).write_text(text)
    if files is not None:
        (folder / "RECORD").write_text("".join(f"{path},,\n" for path in [*files, "gone.py"]))


def test_an_environment_is_read_from_its_metadata(tmp_path: Path) -> None:
    install(tmp_path, "big", "1.0", metadata="License-Expression: MIT\n", files={"big.py": "x" * 5000})
    (package,) = installed([str(tmp_path), str(tmp_path)])
    assert (package.name, package.version, package.size, package.expression) == ("big", "1.0", 5000, "MIT")


def test_a_package_without_a_name_is_listed_all_the_same(tmp_path: Path) -> None:
    (tmp_path / "broken-1.0.dist-info").mkdir()
    (tmp_path / "broken-1.0.dist-info" / "METADATA").write_text("Summary: half installed\n")
    (package,) = installed([str(tmp_path)])
    assert (package.name, package.size) == ("", None)
    assert licences_in([package], lambda _: "").missing[0].name == "(no name)"


def test_two_versions_of_one_name_are_a_duplicate_in_any_spelling(tmp_path: Path) -> None:
    install(tmp_path / "a", "Some.Thing", "1.0")
    install(tmp_path / "b", "some_thing", "2.0")
    install(tmp_path / "b", "other", "1.0")
    (found,) = duplicates_in(installed([str(tmp_path / "a"), str(tmp_path / "b")])).found
    assert found.name == "some-thing"
    assert [version for version, _ in found.places] == ["1.0", "2.0"]


def test_findings_name_what_is_missing_and_what_is_copyleft(tmp_path: Path) -> None:
    install(tmp_path, "silent", "1.0")
    install(tmp_path, "shared", "1.0", metadata="License-Expression: GPL-3.0-only\n")
    install(tmp_path, "free", "1.0", metadata="License-Expression: MIT\n")
    found = licences_in(installed([str(tmp_path)]), lambda package: f"read for {package.name}")
    assert [(one.name, one.licence) for one in found.missing] == [("silent 1.0", "read for silent")]
    assert [(one.name, one.kind) for one in found.copyleft] == [("shared 1.0", "copyleft")]


def test_findings_stay_short_however_many_there_are(tmp_path: Path) -> None:
    for number in range(50):
        install(tmp_path, f"silent{number}", "1.0")
    found = licences_in(installed([str(tmp_path)]), lambda _: "")
    assert (len(found.missing), found.missing_count) == (40, 50)


def test_licence_files_are_found_beside_the_metadata(tmp_path: Path) -> None:
    install(tmp_path, "one", "1.0", files={"one-1.0.dist-info/licenses/LICENSE.txt": "MIT", "LICENSE": "not this"})
    (package,) = installed([str(tmp_path)])
    assert [Path(file).name for file in package.licence_files] == ["LICENSE.txt"]


def test_the_report_tells_every_finding(tmp_path: Path) -> None:
    install(tmp_path, "silent", "1.0", files={"silent.py": "x" * 1500})
    install(tmp_path / "more", "silent", "2.0", metadata="License: GPL | v3\n")
    packages = installed([str(tmp_path), str(tmp_path / "more")])
    found = licences_in(packages, lambda _: "")
    report = show_report(
        "2026-01-01", Inventory(2, "3.13.0", "f"), duplicates_in(packages), found, sizes_in(packages, 5)
    )
    assert "| silent 1.0 | no file, or none that is known |" in report
    assert "| silent 2.0 | GPL \\| v3 | copyleft |" in report
    assert f"| silent | 2.0 | {tmp_path / 'more'} |" in report
    assert "| silent 1.0 | 1.5 kB | 100% |" in report
    assert "1 packages list no files" in report


def test_sizes_read_well() -> None:
    assert [size(count) for count in (0, 999, 1500, 2_500_000, 3 * 10**9, 10**13)] == [
        *("0 B", "999 B", "1.5 kB", "2.5 MB", "3.0 GB", "10000.0 GB")
    ]

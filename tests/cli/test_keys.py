"""`perdure keys` and `perdure open`: who the server of a project lets in."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result

from perdure.base.clock import SystemClock
from perdure.server.links import GOOD_FOR_MS, read_code

Perdure = Callable[..., Result]
Asked = Callable[..., Any]


def test_a_key_from_its_making_to_its_end(perdure: Perdure, asked: Asked) -> None:
    secret = perdure("keys", "add", "ci", "--scope", "send", "--scope", "read", "--expires", "30d").stdout.strip()
    assert secret.startswith("pdr_ci_") and len(secret) == len("pdr_ci_") + 43
    title, line = perdure("keys", "list").stdout.splitlines()
    assert title.split()[:3] == ["NAME", "WHO", "SCOPES"]
    assert line.split()[:3] == ["ci", "ci", "read,send"] and secret not in line
    (listed,) = asked("keys", "list")
    assert listed["expires_at"] - listed["created_at"] == 30 * 86_400_000
    assert (listed["created_by"], listed["last_used_at"]) == ("ada", None)
    assert "access.key_taken" in perdure("keys", "add", "ci", "--scope", "read", code=1).stderr
    assert perdure("keys", "revoke", "ci").stderr == "ci is revoked.\n"
    assert asked("keys", "list") == []
    assert "access.key_not_found" in perdure("keys", "revoke", "ci", code=1).stderr


def test_a_key_as_json(asked: Asked) -> None:
    made = asked("keys", "add", "ci", "--scope", "admin")
    assert made["secret"].startswith("pdr_ci_") and made["key"]["scopes"] == ["admin"]


@pytest.mark.parametrize(
    "words",
    [
        ("add", "ci"),
        ("add", "ci", "--scope", "all"),
        ("add", "C I", "--scope", "read"),
        ("add", "ci", "--scope", "read", "--expires", "soon"),
        ("add", "ci", "--scope", "read", "--expires", "0s"),
        ("revoke",),
    ],
)
def test_what_makes_no_key(perdure: Perdure, words: tuple[str, ...]) -> None:
    perdure("keys", *words, code=2)


def test_a_link_for_a_browser(perdure: Perdure, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    base, _, code = perdure("open").stdout.strip().partition("/login?code=")
    assert base == "http://127.0.0.1:8420"
    link = read_code(code, (folder / ".perdure" / "token").read_text().strip())
    assert (link.name, link.scopes) == ("ada", ("admin",)) and 0 < link.until - SystemClock().now() <= GOOD_FOR_MS
    monkeypatch.setenv("PERDURE_WHO", "grace")
    other = perdure("open", "--url", "https://agents.example/").stdout.strip()
    assert other.startswith("https://agents.example/login?code=") and code not in other


def test_a_link_for_somebody_who_may_do_less(perdure: Perdure, folder: Path) -> None:
    code = perdure("open", "--scope", "read", "--scope", "approve").stdout.strip().partition("code=")[2]
    link = read_code(code, (folder / ".perdure" / "token").read_text().strip())
    assert link.scopes == ("read", "approve")
    perdure("open", "--scope", "all", code=2)


def test_a_link_to_a_server_that_listens_everywhere(perdure: Perdure, folder: Path) -> None:
    (folder / "perdure.toml").write_text(
        '[server]\nhost = "0.0.0.0"\nport = 99\ntls = {cert = "c.pem", key = "k.pem"}\n'
    )
    assert perdure("open").stdout.startswith("https://127.0.0.1:99/login?code=")


def test_where_everybody_may_come_in_a_link_needs_no_code(perdure: Perdure, folder: Path) -> None:
    (folder / "perdure.toml").write_text('[server]\nauth = "none"\n')
    assert perdure("open").stdout == "http://127.0.0.1:8420\n"
    perdure("open", "--scope", "read", code=2)


def test_a_certificate_needs_its_key(perdure: Perdure, folder: Path) -> None:
    (folder / "cert.pem").touch()
    assert "go together" in perdure("serve", "--tls-cert", "cert.pem", code=2).stderr

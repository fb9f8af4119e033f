"""What nobody is to read is in nothing that is shown."""

from __future__ import annotations

import pytest

from perdure.base.errors import InputError
from perdure.base.redaction import hide, hide_in, keep_secret, secrets_of

SHAPES = [
    "sk-proj-abcdefghijklmnop1234567890ABCDEF",
    "sk-ant-api03-abcdefghijklmnop-1234567890_ABCDEF",
    "sk_live_4eC39HqLyjWDarjtT1zdp7dc",
    "whsec_4eC39HqLyjWDarjtT1zdp7dc",
    "ghp_abcdefghijklmnopqrstuvwxyz0123456789",
    "github_pat_11ABCDEFG0abcdefghijklmnop",
    "glpat-abcdefghij1234567890",
    "xoxb-123456789012-abcdefghijkl",
    "AIzaSyA1234567890abcdefghijklmnopqrstuv",
    "AKIAIOSFODNN7EXAMPLE",
    "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0NTY3ODkwIn0.dozjgNryP4J3jVmNHl0w5N_XgL0n3I9P",
    "-----BEGIN RSA PRIVATE KEY-----\nMIIEow\nIBAAKC\n-----END RSA PRIVATE KEY-----",
]


@pytest.mark.parametrize("secret", SHAPES)
def test_a_key_is_known_by_its_shape(secret: str) -> None:
    assert hide(f"refused: {secret}, try again") == "refused: [redacted], try again"


def test_a_header_keeps_its_scheme() -> None:
    assert hide("authorization: Bearer abc123def456ghi789") == "authorization: Bearer [redacted]"
    assert hide("https://bob:hunter2@example.com/x") == "https://[redacted]@example.com/x"


@pytest.mark.parametrize(
    "text",
    ["", "a basic understanding", "the bearer of good news", "sk-1", "task-list", "https://example.com:80/a@b", "eyJ"],
)
def test_what_is_no_secret_stays(text: str) -> None:
    assert hide(text) == text


def test_a_known_secret_is_found_wherever_it_stands() -> None:
    keep_secret(lambda: ["Bearer correct-horse-battery", "short", ""])
    assert hide("x=correct-horse-battery;") == "x=[redacted];"
    assert hide("a short text") == "a short text"


def test_what_stands_under_a_telling_name_is_hidden() -> None:
    said = {"Authorization": "whatever", "token": "abc", "tokens": 5, "max_tokens": "12", "in": [{"password": "p"}]}
    assert hide_in(said) == {
        "Authorization": "[redacted]",
        "token": "[redacted]",
        "tokens": 5,
        "max_tokens": "12",
        "in": [{"password": "[redacted]"}],
    }


def test_variables_tell_by_their_names_that_they_are_secret() -> None:
    environment = {
        "OPENAI_API_KEY": "1",
        "DB_PASSWORD": "2",
        "KEYBOARD": "3",
        "MONKEY": "4",
        "CRM": "5",
        "GH_TOKEN": "6",
    }
    assert secrets_of(environment, ["CRM"]) == ["1", "2", "5", "6"]


def test_an_error_tells_no_secret() -> None:
    error = InputError(f"no access with {SHAPES[0]}", hint=f"not {SHAPES[3]}", header={"authorization": "x"})
    assert error.as_dict() == {
        "code": "input.invalid",
        "message": "no access with [redacted]",
        "hint": "not [redacted]",
        "facts": {"header": {"authorization": "[redacted]"}},
    }

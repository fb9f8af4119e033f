import json

import pytest

from perdure.base.errors import InputError
from perdure.compute.jobs.request import KINDS, parse_request


def body(**more):
    return json.dumps({"model": "a", "kind": "chat", "input": {}} | more).encode()


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_has_a_name(kind):
    assert parse_request(body(kind=kind)).does == kind


def test_a_kind_of_its_own_is_kept_with_its_name():
    assert parse_request(body(kind={"custom": "ocr"})).does == "custom:ocr"
    assert parse_request(body(kind="custom:ocr")).does == "custom:ocr"


@pytest.mark.parametrize(
    ("more", "why"),
    [
        ({"kind": "sing"}, "no kind is called 'sing'"),
        ({"kind": {"custom": ""}}, "a kind of its own"),
        ({"model": ""}, r"\$.model"),
        ({"max_cost_microusd": -1}, r"\$.max_cost_microusd"),
        ({"max_cost_usd": 1}, "max_cost_usd"),
        ({"timeout_ms": 0}, r"\$.timeout_ms"),
        ({"idempotency_key": ""}, r"\$.idempotency_key"),
    ],
)
def test_what_makes_no_sense_is_refused_by_name(more, why):
    with pytest.raises(InputError, match=why):
        parse_request(body(**more))


@pytest.mark.parametrize("data", [b"", b"{", b"[]", b"\xff", b'{"model": "a"}'])
def test_what_is_no_request_is_refused(data):
    with pytest.raises(InputError, match="not a request of /compute"):
        parse_request(data)

"""Which trace a run belongs to, and what is told of it to others."""

from __future__ import annotations

import pytest

from perdure.base.traceparent import Trace, read_traceparent, read_tracestate, span_of_run, trace_of

TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"
SPAN = "00f067aa0ba902b7"


def test_what_a_caller_says_is_read() -> None:
    assert read_traceparent(f"00-{TRACE}-{SPAN}-01") == Trace(TRACE, SPAN, True)
    assert read_traceparent(f"00-{TRACE}-{SPAN}-00") == Trace(TRACE, SPAN, False)
    assert read_traceparent(f"01-{TRACE}-{SPAN}-03-more") == Trace(TRACE, SPAN, True), "of a later version"


@pytest.mark.parametrize(
    "said",
    [
        "",
        "nonsense",
        f"00-{TRACE.upper()}-{SPAN}-01",
        f"00-{TRACE}-{SPAN}",
        f"00-{TRACE}-{SPAN}-01-more",
        f"ff-{TRACE}-{SPAN}-01",
        f"00-{'0' * 32}-{SPAN}-01",
        f"00-{TRACE}-{'0' * 16}-01",
        f"00-{TRACE}-{SPAN}-01\r\nx: y",
        "0" * 10_000,
    ],
)
def test_what_is_no_traceparent_begins_a_trace_anew(said: str) -> None:
    assert read_traceparent(said) is None
    assert trace_of("run_" + TRACE, said) == Trace(TRACE), "whose id are the digits of the run's"


@pytest.mark.parametrize(
    ("said", "passed_on"),
    [
        ("rojo=00f067aa0ba902b7", "rojo=00f067aa0ba902b7"),
        ("rojo=1 ,\tcongo=t61rcWkgMzE, ,", "rojo=1,congo=t61rcWkgMzE"),
        ("fw529a3039@dt=FfAAAA; b, a*/_-=~", "fw529a3039@dt=FfAAAA; b,a*/_-=~"),
        ("", ""),
        ("nonsense", ""),
        ("a=1,B=2", ""),
        ("a=1\r\nx: y", ""),
        ("a=ü", ""),
        ("a=b=c", ""),
        ("a=" + "x" * 511, ""),
        (",".join(f"a{n}=1" for n in range(33)), ""),
        (",".join(f"a{n}=1" for n in range(32)), ",".join(f"a{n}=1" for n in range(32))),
    ],
)
def test_what_others_say_of_a_trace_is_passed_on_where_it_can_be_read(said: str, passed_on: str) -> None:
    assert read_tracestate(said) == passed_on


def test_a_state_goes_with_the_trace_that_it_came_with() -> None:
    assert trace_of("run_" + TRACE, f"00-{TRACE}-{SPAN}-01", "a=1") == Trace(TRACE, SPAN, True, "a=1")
    assert trace_of("run_" + TRACE, "nonsense", "a=1") == Trace(TRACE)


def test_what_is_passed_on_can_be_read_again() -> None:
    trace = Trace(TRACE, SPAN, False)
    assert read_traceparent(trace.at(span_of_run("run_1"))) == Trace(TRACE, span_of_run("run_1"), False)


def test_a_run_of_any_id_has_a_trace() -> None:
    assert len(trace_of("r1", "").id) == 32 and trace_of("r1", "") == trace_of("r1", "") != trace_of("r2", "")


def test_a_share_of_traces_is_the_same_in_every_process() -> None:
    traces = [trace_of(f"run {number}", "") for number in range(2_000)]
    assert all(trace.within(1) for trace in traces)
    assert not any(trace.within(0) for trace in traces)
    assert 400 < sum(trace.within(0.25) for trace in traces) < 600
    assert all(trace.within(0.5) for trace in traces if trace.within(0.25))

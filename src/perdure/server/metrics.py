"""`/metrics`: what a server does, as Prometheus reads it.

Source of the format: https://prometheus.io/docs/instrumenting/exposition_formats/#text-based-format
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from pathlib import Path
from time import process_time
from typing import Any

from perdure.base.histogram import Histogram
from perdure.control.metrics import Family, Labels, Samples, one

from .endpoint import Call, Endpoint
from .reply import Reply
from .site import Site

MEDIA_TYPE = "text/plain; version=0.0.4; charset=utf-8"

_STATM = Path("/proc/self/statm")
_DESCRIPTORS = Path("/proc/self/fd")


async def metrics(call: Call[Any, Any]) -> Reply:
    families = [*await call.runtime.metrics(), *_served(call.site), *_process(call.site)]
    return Reply("".join(lines_of(families)).encode(), media_type=MEDIA_TYPE)


def _served(site: Site) -> Iterator[Family]:
    traffic = site.traffic
    requests: Samples = {
        (("code", str(code)), ("method", method), ("route", route)): count
        for (method, route, code), count in sorted(traffic.requests.items())
    }
    yield Family("perdure_http_requests_total", "counter", "Requests that were answered.", requests)
    seconds: Samples = {(("route", route),): found for route, found in sorted(traffic.seconds.items())}
    yield Family("perdure_http_request_seconds", "histogram", "Time of answers that were no streams.", seconds)
    yield one("perdure_http_streams", "gauge", "Streams of events that are open.", traffic.streams)


def _process(site: Site) -> Iterator[Family]:
    """What Prometheus expects of every process, where the system tells it."""
    yield one("process_start_time_seconds", "gauge", "When the server began.", site.started_at / 1000)
    yield one("process_cpu_seconds_total", "counter", "Time of the processor.", process_time())
    try:
        pages = int(_STATM.read_text().split()[1])
        descriptors = len(os.listdir(_DESCRIPTORS))
    except OSError:
        return
    resident = pages * os.sysconf("SC_PAGE_SIZE")
    yield one("process_resident_memory_bytes", "gauge", "Memory that the process has.", resident)
    yield one("process_open_fds", "gauge", "Files and connections that are open.", descriptors)


def lines_of(families: Iterable[Family]) -> Iterator[str]:
    """The text, a line at a time."""
    for family in families:
        if not family.samples:
            continue
        yield f"# HELP {family.name} {family.help}\n# TYPE {family.name} {family.kind}\n"
        for labels, value in family.samples.items():
            if isinstance(value, Histogram):
                yield from _histogram(family.name, labels, value)
            else:
                yield f"{family.name}{_labels(labels)} {_number(value)}\n"


def _histogram(name: str, labels: Labels, found: Histogram) -> Iterator[str]:
    count = 0
    for bound, count in found.cumulative():
        yield f"{name}_bucket{_labels((*labels, ('le', _number(bound))))} {count}\n"
    yield f"{name}_sum{_labels(labels)} {_number(found.sum)}\n{name}_count{_labels(labels)} {count}\n"


def _labels(labels: Labels) -> str:
    return "{" + ",".join(f'{name}="{_escaped(value)}"' for name, value in labels) + "}" if labels else ""


def _escaped(value: str) -> str:
    return value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")


def _number(value: float) -> str:
    return "+Inf" if value == float("inf") else repr(value)


ENDPOINTS = (Endpoint("GET", "/metrics", metrics, scope="read", media=MEDIA_TYPE),)

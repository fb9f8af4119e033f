"""Our spans handed to the OpenTelemetry SDK, which batches them and sends them from a thread of its own."""

from __future__ import annotations

import asyncio
from threading import Thread
from typing import Protocol

from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import Event, ReadableSpan
from opentelemetry.sdk.trace.export import (
    BatchSpanProcessor,
    ConsoleSpanExporter,
    SimpleSpanProcessor,
    SpanExporter,
)
from opentelemetry.sdk.util.instrumentation import InstrumentationScope
from opentelemetry.trace import SpanContext, SpanKind, Status, StatusCode, TraceFlags

from perdure.base.lazy import load
from perdure.base.version import __version__

from .names import SCHEMA_URL
from .settings import Destination
from .spans import Span

NS = 1_000_000
"""Nanoseconds of a millisecond."""
LAST_WORDS_S = 1.5

_OTLP = "opentelemetry.exporter.otlp.proto.http.trace_exporter:OTLPSpanExporter"
_KINDS = {"internal": SpanKind.INTERNAL, "client": SpanKind.CLIENT}
_SCOPE = InstrumentationScope("perdure", __version__, SCHEMA_URL)


class Sink(Protocol):
    """Takes spans. `take` does not wait; what cannot be sent is let go, as nothing may wait for a collector."""

    def take(self, trace: str, span: Span) -> None: ...

    async def close(self) -> None:
        """Send what is left."""
        ...


class SdkSink:
    def __init__(self, to: Destination, *, worker: str) -> None:
        named = {"service.name": to.service} if to.service else {}
        self._resource = Resource.create({**named, "service.version": __version__, "service.instance.id": worker})
        self._exporter: SpanExporter
        self._processor: BatchSpanProcessor | SimpleSpanProcessor
        if to.exporter == "stdout":
            self._exporter = ConsoleSpanExporter(formatter=_line)
            self._processor = SimpleSpanProcessor(self._exporter)
        else:
            self._exporter = load(_OTLP)(endpoint=to.endpoint or None, headers=to.headers or None)
            self._processor = BatchSpanProcessor(self._exporter)

    def take(self, trace: str, span: Span) -> None:
        self._processor.on_end(_readable(trace, span, self._resource))

    async def close(self) -> None:
        """Send what is left, within `LAST_WORDS_S`: a collector that is not there keeps nobody."""
        ending = Thread(target=self._processor.shutdown, name="perdure-otel-end", daemon=True)
        ending.start()
        await asyncio.to_thread(ending.join, LAST_WORDS_S)
        if ending.is_alive():
            self._exporter.shutdown()  # which ends its waiting for another try
            await asyncio.to_thread(ending.join, LAST_WORDS_S)


def _readable(trace: str, span: Span, resource: Resource) -> ReadableSpan:
    return ReadableSpan(
        span.name,
        context=_context(trace, span.id),
        parent=_context(trace, span.parent) if span.parent else None,
        resource=resource,
        attributes=span.attributes,
        events=tuple(Event(one.name, one.attributes, one.at * NS) for one in span.happenings),
        kind=_KINDS[span.kind],
        status=Status(StatusCode.ERROR, span.error) if span.error else Status(),
        start_time=span.started_at * NS,
        end_time=span.ended_at * NS,
        instrumentation_scope=_SCOPE,
    )


def _context(trace: str, span: str) -> SpanContext:
    return SpanContext(int(trace, 16), int(span, 16), is_remote=False, trace_flags=TraceFlags(TraceFlags.SAMPLED))


def _line(span: ReadableSpan) -> str:
    return f"{span.to_json(indent=None)}\n"

"""Where spans go: what the project says, and where it says nothing, the variables of OpenTelemetry.

Source: https://opentelemetry.io/docs/specs/otel/configuration/sdk-environment-variables/
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal, TypeAlias

import msgspec

from perdure.agents.project import Telemetry

Exporter: TypeAlias = Literal["otlp", "stdout"]

_TRACES = "/v1/traces"
_EXPORTERS: dict[str, Exporter] = {"otlp": "otlp", "console": "stdout"}


class Destination(msgspec.Struct, frozen=True):
    """`endpoint` is the whole URL of the collector, "" for the SDK's own default; `service` "" likewise."""

    exporter: Exporter
    endpoint: str = ""
    headers: dict[str, str] = {}
    service: str = ""
    content: bool = False
    sample: float = 1.0


def destination(said: Telemetry, environment: Mapping[str, str], *, project: str) -> Destination | None:
    """Where spans go, None for nowhere. What the project says goes before the variables, but for OTEL_SDK_DISABLED."""
    if environment.get("OTEL_SDK_DISABLED", "").strip().lower() == "true":
        return None
    endpoint = _endpoint(said, environment)
    exporter = said.exporter or ("otlp" if said.endpoint else _by_variable(environment, endpoint))
    if exporter is None or exporter == "none":
        return None
    return Destination(
        exporter,
        endpoint,
        said.headers,
        "" if environment.get("OTEL_SERVICE_NAME") else project,
        said.content,
        said.sample,
    )


def _by_variable(environment: Mapping[str, str], endpoint: str) -> Exporter | None:
    named = environment.get("OTEL_TRACES_EXPORTER", "").strip().lower()
    if named:
        listed = (name.strip() for name in named.split(","))
        return next((_EXPORTERS[name] for name in listed if name in _EXPORTERS), None)
    return "otlp" if endpoint else None


def _endpoint(said: Telemetry, environment: Mapping[str, str]) -> str:
    if said.endpoint:
        base = said.endpoint.rstrip("/")
        return base if base.endswith(_TRACES) else base + _TRACES
    whole = environment.get("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "").strip()
    base = environment.get("OTEL_EXPORTER_OTLP_ENDPOINT", "").strip().rstrip("/")
    return whole or (base + _TRACES if base else "")

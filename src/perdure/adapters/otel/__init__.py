"""OpenTelemetry: runs as traces, for any collector that speaks OTLP over HTTP."""

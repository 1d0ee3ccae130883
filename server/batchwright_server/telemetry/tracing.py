"""Traces, where they are asked for. Nothing of OpenTelemetry is imported before that."""

from dataclasses import dataclass, field

from batchwright_server.runtime import tracing


class TracingUnavailable(Exception):
    """Tracing was asked for, but what it needs is not installed."""

    def __init__(self, reason: str) -> None:
        super().__init__(
            "--tracing_endpoint needs the extra 'tracing': "
            f"pip install 'batchwright[tracing]' ({reason})"
        )


@dataclass(frozen=True)
class Tracing:
    """The process's tracer, and how to end it."""

    tracer: tracing.Tracer = field(default_factory=tracing.NoTracer)

    def close(self) -> None:
        """Send what was not sent yet; blocks, a few seconds at most."""


def connect(endpoint: str | None) -> Tracing:
    """Tracing to `endpoint`, an OTLP/HTTP collector's URL; None: none. Raises TracingUnavailable."""
    if endpoint is None:
        return Tracing()
    try:
        from batchwright_server.telemetry import opentelemetry_tracing  # noqa: PLC0415  an extra
    except ImportError as error:
        raise TracingUnavailable(str(error)) from error
    return opentelemetry_tracing.connect(endpoint)

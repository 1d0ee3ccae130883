"""Stages as OpenTelemetry spans; imported only where tracing was asked for (the extra `tracing`)."""

import logging
import threading
from collections.abc import Mapping
from contextvars import Token
from dataclasses import dataclass
from importlib import metadata
from types import TracebackType
from typing import Self
from urllib.parse import urlsplit

from opentelemetry import context, trace
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import SERVICE_NAME, SERVICE_VERSION, Resource
from opentelemetry.sdk.trace import SpanProcessor, TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from batchwright_server.runtime import tracing
from batchwright_server.telemetry.tracing import Tracing

_log = logging.getLogger(__name__)

EXPORT_SECONDS = 5.0  # for one batch to reach the collector
CLOSE_SECONDS = 3.0  # for all that is left when the server ends; what is not sent by then is lost
_TRACES_PATH = "/v1/traces"  # OTLP/HTTP's, where the URL has no path
_PROPAGATED = ("traceparent", "tracestate")


@dataclass(frozen=True)
class OpenTelemetryTracing(Tracing):
    """Tracing with spans that a provider sends on."""

    provider: TracerProvider | None = None

    def close(self) -> None:
        if self.provider is not None:
            # With a collector that hangs, the provider would wait for each batch it has left.
            ending = threading.Thread(target=self.provider.shutdown, name="end of traces", daemon=True)
            ending.start()
            ending.join(CLOSE_SECONDS)
            if ending.is_alive():
                _log.warning("the collector of traces does not answer; the last spans are lost")


def connect(endpoint: str) -> OpenTelemetryTracing:
    """Tracing to the OTLP/HTTP collector at a URL, in batches from a thread of its own."""
    logging.getLogger("urllib3").setLevel(logging.INFO)  # its DEBUG tells of every batch sent
    logging.getLogger("opentelemetry.exporter").setLevel(logging.ERROR)  # and this of every attempt
    exporter = OTLPSpanExporter(endpoint=_with_path(endpoint), timeout=EXPORT_SECONDS)
    return trace_to(BatchSpanProcessor(exporter))


def trace_to(processor: SpanProcessor) -> OpenTelemetryTracing:
    """Tracing whose spans go to `processor`; `OTEL_*` variables say of what service and which share."""
    version = metadata.version("batchwright")
    own = Resource({SERVICE_NAME: "batchwright-server", SERVICE_VERSION: version})
    provider = TracerProvider(resource=own.merge(_named_by_environment()), shutdown_on_exit=False)
    provider.add_span_processor(processor)
    return OpenTelemetryTracing(OpenTelemetryTracer(provider), provider)


class OpenTelemetryTracer:
    """Makes stages that are spans of one provider."""

    def __init__(self, provider: TracerProvider) -> None:
        self._tracer = provider.get_tracer("batchwright_server")
        self._propagator = TraceContextTextMapPropagator()

    def request(self, name: str, headers: Mapping[str, str | bytes]) -> tracing.Stage:
        """The server's span of a request, under the client's where it sent one."""
        carrier = {key: text for key in _PROPAGATED if isinstance(text := headers.get(key), str)}
        parent = self._propagator.extract(carrier, context.Context())
        return _SpanStage(self._tracer, name, {}, (parent, trace.SpanKind.SERVER))

    def stage(self, name: str, facts: Mapping[str, tracing.Fact]) -> tracing.Stage:
        """A span under that of the context it is made in."""
        where = (context.get_current(), trace.SpanKind.INTERNAL)
        return _SpanStage(self._tracer, name, facts, where)


class _SpanStage:
    """A span from entering to leaving, and the current one in between."""

    def __init__(
        self,
        tracer: trace.Tracer,
        name: str,
        facts: Mapping[str, tracing.Fact],
        where: tuple[context.Context, trace.SpanKind],
    ) -> None:
        self._tracer = tracer
        self._name = name
        self._facts = facts
        self._parent, self._kind = where
        self._span: trace.Span = trace.INVALID_SPAN
        self._token: Token[context.Context] | None = None

    def __enter__(self) -> Self:
        self._span = self._tracer.start_span(self._name, context=self._parent, kind=self._kind)
        self.note(self._facts)
        self._token = context.attach(trace.set_span_in_context(self._span, self._parent))
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if error is not None:
            self._span.set_status(trace.Status(trace.StatusCode.ERROR, str(error) or repr(error)))
        self._span.end()
        if self._token is not None:
            context.detach(self._token)

    def note(self, facts: Mapping[str, tracing.Fact]) -> None:
        """Add attributes, named `batchwright.…`."""
        for key, value in facts.items():
            self._span.set_attribute(f"batchwright.{key}", value)


def _with_path(endpoint: str) -> str:
    parts = urlsplit(endpoint)
    return parts._replace(path=_TRACES_PATH).geturl() if parts.path in ("", "/") else endpoint


def _named_by_environment() -> Resource:
    """What `OTEL_SERVICE_NAME` and `OTEL_RESOURCE_ATTRIBUTES` say, and nothing where they are silent."""
    found = Resource.create()
    attributes = dict(found.attributes)
    if str(attributes.get(SERVICE_NAME, "")).startswith("unknown_service"):
        del attributes[SERVICE_NAME]
    return Resource(attributes)

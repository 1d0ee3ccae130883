import socket
import subprocess
import sys

import pytest
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from batchwright_server.runtime import scopes
from batchwright_server.telemetry import opentelemetry_tracing, tracing
from tests.support import collector

TRACE = "0af7651916cd43dd8448eb211c80319c"
PARENT = "b7ad6b7169203331"
HEADERS = {"traceparent": f"00-{TRACE}-{PARENT}-01"}


def test_stages_are_spans_under_the_clients_trace() -> None:
    """Each a child of the one it ran in; the request's is a child of the client's."""
    spans = InMemorySpanExporter()
    traces = opentelemetry_tracing.trace_to(SimpleSpanProcessor(spans))
    token = scopes.enter(scopes.Scope("abc", traces.tracer))
    with traces.tracer.request("/Predict", HEADERS) as root:
        with scopes.stage("shards", shards=3), scopes.stage("infer"):
            pass
        root.note({"code": "OK"})
    scopes.leave(token)
    traces.close()

    infer, shards, request = spans.get_finished_spans()
    assert [span.name for span in (infer, shards, request)] == ["infer", "shards", "/Predict"]
    assert f"{request.context.trace_id:032x}" == TRACE
    assert request.parent is not None
    assert f"{request.parent.span_id:016x}" == PARENT
    assert shards.parent is not None
    assert shards.parent.span_id == request.context.span_id
    assert infer.parent is not None
    assert infer.parent.span_id == shards.context.span_id
    assert dict(shards.attributes or {}) == {"batchwright.shards": 3}
    assert dict(request.attributes or {}) == {"batchwright.code": "OK"}


@pytest.mark.parametrize(
    "header", ["", "00-0-0-01", "é" * 60, "00-" + "0" * 32 + "-" + "0" * 16 + "-01"]
)
def test_a_malformed_traceparent_begins_a_trace(header: str) -> None:
    """What is no trace is left out; the request is traced all the same."""
    spans = InMemorySpanExporter()
    traces = opentelemetry_tracing.trace_to(SimpleSpanProcessor(spans))
    with traces.tracer.request("/Predict", {"traceparent": header}):
        pass
    traces.close()

    (span,) = spans.get_finished_spans()
    assert span.parent is None


def test_an_unsampled_trace_stays_so() -> None:
    """The client decided not to record: neither do we."""
    spans = InMemorySpanExporter()
    traces = opentelemetry_tracing.trace_to(SimpleSpanProcessor(spans))
    with traces.tracer.request("/Predict", {"traceparent": f"00-{TRACE}-{PARENT}-00"}):
        pass
    traces.close()

    assert spans.get_finished_spans() == ()


def test_spans_reach_a_collector() -> None:
    """Over OTLP/HTTP, at its usual path, all of them before the server ends."""
    with collector.collect() as running:
        traces = tracing.connect(running.url)
        with traces.tracer.request("/Predict", HEADERS):
            pass
        traces.close()

    ((path, sent),) = running.received
    (resource,) = sent.resource_spans
    assert path == "/v1/traces"
    assert {item.key: item.value.string_value for item in resource.resource.attributes}[
        "service.name"
    ] == "batchwright-server"
    assert [span.name for span in resource.scope_spans[0].spans] == ["/Predict"]


def test_a_collector_that_hangs_holds_up_no_end() -> None:
    """What cannot be sent in a few seconds is given up, however much it is; the process ends."""
    program = (
        "import sys; from batchwright_server.telemetry import tracing\n"
        "traces = tracing.connect(sys.argv[1])\n"
        "for _ in range(2000):\n"
        "    with traces.tracer.request('/Predict', {}): pass\n"
        "traces.close()"
    )
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"http://127.0.0.1:{silent.getsockname()[1]}"
        command = [sys.executable, "-c", program, url]
        done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=15)

    assert "the last spans are lost" in done.stderr


def test_without_tracing_nothing_is_imported() -> None:
    """A server that is not traced never loads OpenTelemetry."""
    program = (
        "import sys; from batchwright_server import app\n"
        "from batchwright_server.telemetry import tracing\n"
        "tracing.connect(None); print([name for name in sys.modules if 'opentelemetry' in name])"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)

    assert done.stdout.strip() == "[]"


def test_a_missing_extra_is_told() -> None:
    """With what to install."""
    program = (
        "import sys; sys.modules['opentelemetry'] = None\n"
        "from batchwright_server.telemetry import tracing\n"
        "try: tracing.connect('http://127.0.0.1:1')\n"
        "except tracing.TracingUnavailable as error: print(error)"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)

    assert "pip install 'batchwright[tracing]'" in done.stdout

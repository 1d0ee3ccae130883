import socket
from collections.abc import Iterator
from contextlib import closing, contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from threading import Thread
from typing import ClassVar

import pytest

from example_client import faults, patience, targets, weblinks


def test_asks_until_the_server_is_back() -> None:
    """A server that is away three times answers at the fourth, with less time left at each."""
    left: list[float] = []

    def attempt(seconds: float) -> str:
        left.append(seconds)
        if len(left) < 4:
            raise patience.Away("away")
        return "here"

    assert patience.persist(attempt) == "here"
    assert left == sorted(left, reverse=True)
    assert left[0] <= patience.DEADLINE_SECONDS


def test_other_faults_are_told_at_once() -> None:
    """What is no absence is not asked for again."""
    asked: list[float] = []

    def attempt(seconds: float) -> str:
        asked.append(seconds)
        raise faults.ClientError("no such model")

    with pytest.raises(faults.ClientError, match="no such model"):
        patience.persist(attempt)
    assert len(asked) == 1


class _Busy(BaseHTTPRequestHandler):
    """Says that it is busy as often as told, breaks the connection once, then answers."""

    protocol_version = "HTTP/1.1"
    plan: ClassVar[list[str]] = []

    def do_POST(self) -> None:
        """Answer by the plan."""
        self.rfile.read(int(self.headers["Content-Length"]))
        step = self.plan.pop(0) if self.plan else "answer"
        if step == "break":
            self.close_connection = True
            return
        body = b'{"error": "busy"}' if step == "busy" else b'{"predictions": [1]}'
        self.send_response(503 if step == "busy" else 200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Nothing."""


@contextmanager
def _server(*plan: str) -> Iterator[int]:
    _Busy.plan[:] = plan
    with HTTPServer(("127.0.0.1", 0), _Busy) as server:
        thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield server.server_address[1]
        finally:
            server.shutdown()
            thread.join()


def test_a_busy_server_and_a_broken_connection_over_http() -> None:
    """A 503 and a connection that ends are asked again, on a new connection where it is needed."""
    with (
        _server("answer", "busy", "break") as port,
        closing(weblinks.Link.to("http://127.0.0.1", port, targets.Tls())) as link,
    ):
        answers = [link.post("/v1/models/m:predict", b"{}") for _ in range(2)]

    assert answers == [b'{"predictions": [1]}'] * 2
    assert _Busy.plan == []


def test_nobody_there_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where nobody answers until the deadline, one line says where."""
    monkeypatch.setattr(patience, "DEADLINE_SECONDS", 0.3)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    with (
        closing(weblinks.Link.to("http://127.0.0.1", port, targets.Tls())) as link,
        pytest.raises(faults.ClientError, match=f"no server answers at 127.0.0.1:{port}"),
    ):
        link.post("/v1/models/m:predict", b"{}")


def test_another_scheme_is_refused() -> None:
    """A URL that is not HTTP's is told before anything is sent."""
    with pytest.raises(faults.ClientError, match="expected http://HOST or https://HOST"):
        weblinks.Link.to("ftp://here", 1, targets.Tls())

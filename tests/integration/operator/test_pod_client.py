"""The pod client and pods that mean no good."""

import gzip
import socket
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import pytest
from aiohttp import web

from batchwright_operator.pods import answers
from batchwright_operator.pods.client import Configured, HttpPodClient, Outcome, Target
from batchwright_operator.reconcile.observed import Unreachable
from batchwright_server.config.signals import Signals
from tests.support.modelservers import make_signals

SIGNALS = make_signals().model_dump_json().encode()


class Pod:
    """A pod that answers as a test says, and counts its connections and the tokens it was shown."""

    def __init__(self, answer: Callable[[web.BaseRequest], web.StreamResponse]) -> None:
        self._answer = answer
        self.connections: set[object] = set()
        self.tokens: Counter[str] = Counter()
        self.address = ""

    async def handle(self, request: web.BaseRequest) -> web.StreamResponse:
        self.connections.add(request.transport)
        self.tokens[request.headers.get("Authorization", "")] += 1
        return self._answer(request)


@asynccontextmanager
async def running(answer: Callable[[web.BaseRequest], web.StreamResponse]) -> AsyncIterator[Pod]:
    pod = Pod(answer)
    runner = web.ServerRunner(web.Server(pod.handle), handler_cancellation=True)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    host, port = runner.addresses[0][:2]
    pod.address = f"{host}:{port}"
    try:
        yield pod
    finally:
        await runner.cleanup()


@pytest.fixture
async def client() -> AsyncIterator[HttpPodClient]:
    pods = HttpPodClient(timeout_seconds=0.5, configure_seconds=0.5)
    yield pods
    await pods.close()


def _redirect(_: web.BaseRequest) -> web.StreamResponse:
    raise web.HTTPFound("http://127.0.0.1:1/elsewhere")


BAD = {
    "redirect": (_redirect, "expected status 200, got 302"),
    "too much": (lambda _: web.Response(body=b" " * (2 << 20)), "signals of more than 1048576 bytes"),
    "packed": (
        lambda _: web.Response(body=gzip.compress(SIGNALS), headers={"Content-Encoding": "gzip"}),
        "not understood",
    ),
    "nonsense": (lambda _: web.Response(body=b"\xff\x00"), "not understood"),
    "other words": (lambda _: web.json_response({"error": "x" * 100_000}, status=503), "got 503: xxx"),
}


@pytest.mark.parametrize(("answer", "reason"), BAD.values(), ids=BAD.keys())
async def test_what_a_pod_should_not_say_is_no_answer(
    client: HttpPodClient, answer: Callable[[web.BaseRequest], web.StreamResponse], reason: str
) -> None:
    """No redirect is followed, nothing is unpacked, and no more than a bound is read or passed on."""
    async with running(answer) as pod:
        report = await client.read(Target(pod.address, ("secret",)))
        configured = await client.configure(Target(pod.address, ("secret",)), b"{}")

    assert isinstance(report, Unreachable)
    assert reason in report.reason
    assert len(report.reason) < answers.LONGEST_REASON + 200
    assert "secret" not in report.reason
    assert isinstance(configured, Unreachable)


async def test_a_pod_that_keeps_silent_is_not_waited_for(client: HttpPodClient) -> None:
    """For signals that is no answer; a document may still be on its way."""
    with socket.create_server(("127.0.0.1", 0)) as listener:  # which accepts nobody
        target = Target(f"127.0.0.1:{listener.getsockname()[1]}")
        assert isinstance(await client.read(target), Unreachable)
        assert await client.configure(target, b"{}") == Configured(Outcome.PENDING)


async def test_a_pod_is_asked_over_one_connection_with_the_token_it_took(
    client: HttpPodClient,
) -> None:
    """Of several tokens the good one is remembered; looks that follow each other share a connection."""

    def answer(request: web.BaseRequest) -> web.StreamResponse:
        good = request.headers.get("Authorization") == "Bearer two"
        return web.Response(body=SIGNALS) if good else web.Response(status=401)

    async with running(answer) as pod:
        target = Target(pod.address, ("one", "two", "three"))
        for _ in range(10):
            assert isinstance(await client.read(target), Signals)

        assert pod.tokens == {"Bearer one": 1, "Bearer two": 10}
        assert len(pod.connections) == 1


@pytest.mark.parametrize("address", ["", "nowhere", "127.0.0.1:x", "127.0.0.1:99999", "[::1"])
async def test_an_address_that_is_none_is_no_answer(client: HttpPodClient, address: str) -> None:
    """As a value, as with any pod that cannot be reached."""
    assert isinstance(await client.read(Target(address)), Unreachable)


def test_a_target_shows_no_token() -> None:
    """Neither in a log nor in a traceback."""
    assert "secret" not in repr(Target("127.0.0.1:1", ("secret",)))


async def test_a_document_that_no_pod_could_take_is_not_sent(client: HttpPodClient) -> None:
    """It is refused here, with the bound."""
    answer = await client.configure(Target("127.0.0.1:1"), b" " * (answers.MAX_BYTES + 1))

    assert answer == Configured(Outcome.REFUSED, error="a document of over 1048576 bytes")

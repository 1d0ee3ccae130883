"""The pods of tests behave as servers do: one suite for both."""

import hashlib
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from batchwright_operator.pods.client import (
    Configured,
    HttpPodClient,
    Outcome,
    PodClient,
    Target,
)
from batchwright_operator.reconcile.observed import Unreachable
from batchwright_server.config.digest import digest
from batchwright_server.config.signals import Signals
from tests.support import managed_server, models, serving
from tests.support.fake_pods import FakePod, FakePods
from tests.support.polling import eventually
from tests.support.served_pods import ServedPods


@dataclass
class Bench:
    """A pod that serves `first`, its client, and a hasty client that does not wait for documents."""

    client: PodClient
    hasty: PodClient
    address: str
    folder: Path
    finish: Callable[[], None]

    def target(self, *tokens: str) -> Target:
        return Target(self.address, tokens)

    async def signals(self, *tokens: str) -> Signals:
        report = await self.client.read(self.target(*tokens))
        assert isinstance(report, Signals), report
        return report

    def document(self, strategy: str = "reload", **more: Any) -> bytes:
        return managed_server.render(self.folder, strategy, **more)


@pytest.fixture(params=["fake", "served", "real"])
async def bench(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Bench]:
    folder = models.save(models.affine(), tmp_path / "m")
    first = managed_server.render(folder)
    pod = FakePod(first, refuse=lambda text: "nowhere: no such folder" if b"nowhere" in text else "")
    if request.param == "served":
        async with _served(pod, folder) as bench:
            yield bench
        return
    if request.param == "fake":
        pods = FakePods({"10.1.2.3:8002": pod})
        yield Bench(pods, _Slow(pods, pod), "10.1.2.3:8002", folder, pod.finish)
        return
    async with managed_server.run(tmp_path, first) as server:
        hasty = HttpPodClient(configure_seconds=0.05)
        found = server.target().address
        yield Bench(server.pods, hasty, found, folder, lambda: None)
        await hasty.close()


@asynccontextmanager
async def _served(pod: FakePod, folder: Path) -> AsyncIterator[Bench]:
    client, hasty, port = HttpPodClient(), HttpPodClient(configure_seconds=0.05), serving.free_port()
    async with ServedPods() as served:
        await served.serve("127.0.0.1", port, pod)
        yield Bench(client, _Slow(hasty, pod), f"127.0.0.1:{port}", folder, pod.finish)
        await client.close()
        await hasty.close()


@dataclass
class _Slow:
    """A pod that takes longer than its client waits."""

    pods: PodClient
    pod: FakePod

    async def read(self, target: Target) -> Signals | Unreachable:
        return await self.pods.read(target)

    async def configure(self, target: Target, document: bytes) -> Configured | Unreachable:
        self.pod.is_slow = True
        try:
            return await self.pods.configure(target, document)
        finally:
            self.pod.is_slow = False


async def test_a_document_is_taken_and_shown(bench: Bench) -> None:
    """The answer and the signals name it by its hash; sending it again is as good."""
    wanted = bench.document("demultiplex")
    assert (await bench.signals()).config.hash == digest(bench.document())

    first = await bench.client.configure(bench.target(), wanted)
    again = await bench.client.configure(bench.target(), wanted)

    signals = await bench.signals()
    plan = signals.models[0].plan
    assert first == again == Configured(Outcome.APPLIED, hash=digest(wanted))
    assert (signals.config.hash, signals.config.error) == (digest(wanted), "")
    assert plan is not None
    assert plan.strategy.value == "demultiplex"


REFUSED = {
    "not JSON": (b'{"model_config_list": [', "not valid JSON"),
    "empty": (b"", "not valid JSON"),
    "unknown key": (b'{"model_config_list": [], "modle": 1}', "modle: unknown key"),
    "no such folder": (
        json.dumps(serving.document(serving.model_config("n", Path("/nowhere")))).encode(),
        "nowhere",
    ),
}


@pytest.mark.parametrize(("document", "reason"), REFUSED.values(), ids=REFUSED.keys())
async def test_a_refusal_is_told_until_a_document_is_taken(
    bench: Bench, document: bytes, reason: str
) -> None:
    """The reason is in the answer and the signals, where it stays; what served goes on."""
    good = bench.document()

    refused = await bench.client.configure(bench.target(), document)

    state = (await bench.signals()).config
    assert isinstance(refused, Configured)
    assert (refused.outcome, refused.hash) == (Outcome.REFUSED, digest(good))
    assert reason in refused.error
    assert (state.hash, state.rejected_hash) == (digest(good), digest(document))
    assert state.error == refused.error
    assert reason in "".join(f"{item.path}: {item.message}" for item in state.problems)

    await bench.client.configure(bench.target(), good)
    state = (await bench.signals()).config
    assert (state.rejected_hash, state.error, state.problems) == ("", "", ())


async def test_tokens_are_those_of_the_document_that_serves(bench: Bench) -> None:
    """They are tried in their order; a new document's count from then on, and the old ones no more."""
    first = bench.document(admin=_admin("old"))
    second = bench.document(admin=_admin("new"))
    await bench.client.configure(bench.target(), first)

    for tokens in ((), ("wrong",), ("wrong", "new")):
        assert "401" in _reason(await bench.client.read(bench.target(*tokens)))
        assert "401" in _reason(await bench.client.configure(bench.target(*tokens), second))
    taken = await bench.client.configure(bench.target("new", "old"), second)

    assert taken == Configured(Outcome.APPLIED, hash=digest(second))
    assert "401" in _reason(await bench.client.read(bench.target("old")))
    assert (await bench.signals("old", "new")).config.hash == digest(second)


async def test_a_document_that_takes_long_is_told_by_the_signals(bench: Bench) -> None:
    """Whoever does not wait learns that it is under way, then that it serves."""
    slow = serving.model_config("slow", models.save(models.deep(), bench.folder.parent / "slow"))
    slow["config"]["batching"] = {"strategy": "reload", "candidates": ["reload", "demultiplex"]}
    wanted = json.dumps(serving.document(slow)).encode()

    assert await bench.hasty.configure(bench.target(), wanted) == Configured(Outcome.PENDING)
    assert (await bench.signals()).config.pending_hash == digest(wanted)
    bench.finish()

    async def serves() -> bool:
        return (await bench.signals()).config.hash == digest(wanted)

    await eventually(serves)
    assert (await bench.signals()).config.pending_hash == ""


async def test_an_address_where_nobody_is_gives_no_answer(bench: Bench) -> None:
    """For both questions, as a value."""
    nobody = Target(f"127.0.0.1:{serving.free_port()}")

    assert "no answer from 127.0.0.1" in _reason(await bench.client.read(nobody))
    assert "no answer from 127.0.0.1" in _reason(await bench.client.configure(nobody, b"{}"))


def _admin(*tokens: str) -> dict[str, list[str]]:
    return {"token_sha256": [hashlib.sha256(token.encode()).hexdigest() for token in tokens]}


def _reason(answer: object) -> str:
    assert isinstance(answer, Unreachable), answer
    return answer.reason

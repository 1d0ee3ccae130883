"""Pods that are only remembered, behind the pod client's port; a test holds them to real servers."""

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from batchwright_operator.pods.client import Configured, Outcome, Target
from batchwright_operator.reconcile.observed import Report, Unreachable
from batchwright_server.config.batching import Batching
from batchwright_server.config.digest import digest
from batchwright_server.config.document import parse_document
from batchwright_server.config.plan import Strategy
from batchwright_server.config.problems import InvalidDocument
from batchwright_server.config.signals import (
    ConfigState,
    DocumentProblem,
    ModelCounters,
    ModelSignals,
    PipelineSignals,
    Signals,
)
from tests.support.modelservers import make_counters, make_model_signals, make_signals

Refuse = Callable[[bytes], str]  # why a document cannot be served; empty: it can


@dataclass
class FakePod:
    """One pod. What it refuses, whether it answers and how long documents take is the test's to set."""

    document: bytes
    refuse: Refuse = lambda _: ""
    is_silent: bool = False  # gives no answer to anything
    is_slow: bool = False  # documents wait for `finish`
    counters: Mapping[str, ModelCounters] = field(default_factory=dict)  # by model
    process: str = "p1"
    pending: bytes | None = None
    sent: list[bytes] = field(default_factory=list)  # every document it was sent, in order
    _problems: tuple[DocumentProblem, ...] = ()
    _rejected: bytes | None = None

    @property
    def hash(self) -> str:
        """Of the document it serves."""
        return digest(self.document)

    def restart(self, document: bytes) -> None:
        """Begin anew from `document`, as from a file, with nothing remembered."""
        self.document, self.pending, self._rejected, self._problems = document, None, None, ()
        self.process += "'"

    def take(self, document: bytes) -> Configured:
        """Serve `document`, or refuse it; slow pods say nothing yet."""
        self.sent.append(document)
        if self.is_slow and document != self.document:
            self.pending = document
            return Configured(Outcome.PENDING)
        return self._settle(document)

    def finish(self) -> None:
        """Come to an end with the document that was being made ready."""
        document, self.pending = self.pending, None
        if document is not None:
            self._settle(document)

    def admits(self, tokens: tuple[str, ...]) -> bool:
        """Whether one of the tokens is taken by the document it serves."""
        admin = parse_document(self.document).admin
        return admin is None or any(admin.is_known(token.encode()) for token in tokens)

    def to_signals(self) -> Signals:
        """What it says of itself."""
        serving = parse_document(self.document)
        models = tuple(
            make_model_signals(
                model.name,
                plan=model.effective_batching.plan,
                bucket_sizes=_bucket_sizes(model.effective_batching),
                counters=self.counters.get(model.name, make_counters()),
            )
            for model in serving.models
        )
        return _with(
            make_signals(*models, process=self.process),
            self._state(),
            models,
            tuple(PipelineSignals(name=pipeline.name) for pipeline in serving.pipeline_config_list),
        )

    def _settle(self, document: bytes) -> Configured:
        self._problems = _problems_of(document, self.refuse)
        self._rejected = document if self._problems else None
        if self._rejected is None:
            self.document = document
            return Configured(Outcome.APPLIED, hash=self.hash)
        return Configured(Outcome.REFUSED, hash=self.hash, error=_joined(self._problems))

    def _state(self) -> ConfigState:
        return ConfigState(
            hash=self.hash,
            rejected_hash=digest(self._rejected) if self._rejected is not None else "",
            error=_joined(self._problems),
            problems=self._problems,
            pending_hash=digest(self.pending) if self.pending is not None else "",
        )


class FakePods:
    """The pod client over such pods, by their addresses; no other address answers."""

    def __init__(self, pods: Mapping[str, FakePod] | None = None) -> None:
        self.pods = dict(pods or {})

    async def read(self, target: Target) -> Report:
        pod = await self._reach(target)
        return pod if isinstance(pod, Unreachable) else pod.to_signals()

    async def configure(self, target: Target, document: bytes) -> Configured | Unreachable:
        pod = await self._reach(target)
        return pod if isinstance(pod, Unreachable) else pod.take(document)

    async def _reach(self, target: Target) -> FakePod | Unreachable:
        await asyncio.sleep(0)  # others go on meanwhile, as with real pods
        pod = self.pods.get(target.address)
        if pod is None or pod.is_silent:
            return Unreachable(f"no answer from {target.address}: connection refused")
        return pod if pod.admits(target.tokens) else Unreachable("expected status 200, got 401")


def _problems_of(document: bytes, refuse: Refuse) -> tuple[DocumentProblem, ...]:
    try:
        parse_document(document)
    except InvalidDocument as error:
        return tuple(DocumentProblem(path=item.path, message=item.message) for item in error.problems)
    why = refuse(document)
    return (DocumentProblem(path="", message=why),) if why else ()


def _joined(problems: tuple[DocumentProblem, ...]) -> str:
    return "; ".join(f"{item.path}: {item.message}" if item.path else item.message for item in problems)


def _with(
    signals: Signals,
    state: ConfigState,
    models: tuple[ModelSignals, ...],
    pipelines: tuple[PipelineSignals, ...],
) -> Signals:
    return signals.model_copy(update={"config": state, "models": models, "pipelines": pipelines})


def _bucket_sizes(batching: Batching) -> tuple[int, ...]:
    return batching.buckets.sizes if batching.strategy is Strategy.BUCKETS else ()

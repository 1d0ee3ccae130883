"""Requests of all sizes: every strategy, the policy's choice, and OpenVINO Model Server's `auto`."""

import time
from collections.abc import Mapping
from contextlib import ExitStack
from functools import partial
from typing import Any

from batchwright_operator.pods import readings
from batchwright_operator.policy import costs, traffic
from batchwright_operator.policy.prediction import Predictor
from batchwright_operator.policy.readings import Reading
from batchwright_operator.resources.batching import Objective
from batchwright_server.config.plan import Plan, Strategy
from benchmarks.serving import messages, servers
from benchmarks.serving.contest import Contest, Take
from benchmarks.serving.messages import Subject
from benchmarks.serving.sections import QUIET, SIZES, Bench

AUTO = "auto, as OpenVINO Model Server"
CHOICE = "Batchwright's choice"
_CLIENTS = 4
_MOST_ROUNDS = 5
_SHORTEST_TURN = 6.0  # seconds: of twenty requests, which sizes happen to end counts too much
_LAST_ROUND_SECONDS = 240.0  # from the beginning: all of it is to end within five minutes
_WARMUP_SECONDS = 2.0
_RELOAD_WARMUP_SECONDS = 6.0  # sixteen compilations
_CALIBRATION_SECONDS = 25.0

_BLOCKS: Mapping[str, Any] = {
    "dynamic": {"min": 1, "max": 16},
    "buckets": {"sizes": [1, 4, 16]},
    "reload": {"compiled_cache": {"max_entries": 16}},
}
_COALESCED = "demultiplex, coalesced"
_STRATEGIES: Mapping[str, Mapping[str, Any]] = {
    "reload": {"strategy": "reload"},
    "demultiplex": {"strategy": "demultiplex"},
    _COALESCED: {"strategy": "demultiplex", "coalesce": {"max_batch_size": 16}},
    "dynamic": {"strategy": "dynamic"},
    "buckets": {"strategy": "buckets"},
}
_CANDIDATES = (Strategy.RELOAD, Strategy.DEMULTIPLEX, Strategy.DYNAMIC, Strategy.BUCKETS)


def compare(bench: Bench, model: str) -> Contest:
    """Batch sizes 1 to 16, all as often, 4 clients. Ratios are to the best of the strategies."""
    began, subject = time.monotonic(), bench.subject(model)
    files = tuple(messages.write_predict(bench.home, subject, size) for size in SIZES)
    contest = Contest(
        f"{model}, batch sizes 1 to {max(SIZES)}, {_CLIENTS} clients",
        "samples/s",
        targets={CHOICE: 0.95},
    )
    with ExitStack() as stack:
        choice = _start(bench, subject, stack, _candidates(Strategy.DEMULTIPLEX))
        chosen = _choose(choice, bench.predict(choice, files, _CLIENTS))
        bench.tell(f"the policy's choice: {chosen}")
        choice.reconfigure([subject], _candidates(chosen.strategy) | QUIET)
        turns: dict[str, Take] = {CHOICE: bench.predict(choice, files, _CLIENTS)}
        auto = servers.start_auto(bench.home, subject)
        stack.callback(auto.close)
        turns[AUTO] = bench.predict(auto, files, _CLIENTS)
        for name, batching in _STRATEGIES.items():
            server = _start(bench, subject, stack, {**_BLOCKS, **batching, **QUIET})
            turns[name] = bench.predict(server, files, _CLIENTS)
        for name, take in turns.items():
            is_reload = name == "reload" or (name, chosen.strategy) == (CHOICE, Strategy.RELOAD)
            take(_RELOAD_WARMUP_SECONDS if is_reload else _WARMUP_SECONDS)
        rounds, seconds = min(bench.rounds, _MOST_ROUNDS), max(bench.seconds, _SHORTEST_TURN)
        contest.run(turns, rounds, seconds, until=began + _LAST_ROUND_SECONDS)
    contest.reference = max(_STRATEGIES, key=contest.median)
    contest.note = f"The policy chose {chosen} by the costs it measured and {_CLIENTS} clients' traffic."
    return contest


def _start(
    bench: Bench, subject: Subject, stack: ExitStack, batching: Mapping[str, Any]
) -> servers.OwnServer:
    server = servers.start_ours(bench.home, [subject], batching)
    stack.callback(server.close)
    return server


def _candidates(serving: Strategy) -> dict[str, Any]:
    others = [strategy.value for strategy in _CANDIDATES if strategy is not serving]
    return {**_BLOCKS, "strategy": serving.value, "candidates": others}


def _choose(server: servers.OwnServer, take: Take) -> Plan:
    """What the policy predicts to serve most samples, of a moment's traffic."""
    read = partial(_read, server)
    deadline = time.monotonic() + _CALIBRATION_SECONDS
    while len(read().costs) < len(_CANDIDATES) and time.monotonic() < deadline:
        time.sleep(0.2)
    take(_WARMUP_SECONDS)  # also of the shadow that counts reloads
    before = read()
    take(_WARMUP_SECONDS)
    after = read()
    change = traffic.between(before, after)
    if change is None or after.plan is None:
        raise RuntimeError("the server that measures the candidates was started anew")
    predictor = Predictor(costs.gather([after]), after.plan, Objective.THROUGHPUT, {"": change})
    known = [plan for plan in map(Plan.of, _CANDIDATES) if predictor.is_known(plan)]
    return max(known, key=predictor.samples_per_second)


def _read(server: servers.OwnServer) -> Reading:
    return readings.to_scrape(server.model, {"": server.read_signals()}, 1).readings[0]

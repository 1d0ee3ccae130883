"""What is measured of one operator, phase by phase."""

import asyncio
import signal
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field

from benchmarks.scale import audit, population
from benchmarks.scale.audit import AuditTail, Call
from benchmarks.scale.usage import Usage, read_usage
from tests.support.cluster.apiclient import ApiClient, Object
from tests.support.operator_process import OperatorProcess

_LOOK_SECONDS = 0.5
_OK = 200
_QUIET_SECONDS = 4.0
_LONGEST_SECONDS = 3600.0
EDITED, EDITED_NAMESPACE = "edited", "scale-0"
_EDITS = ("Demultiplex", "Dynamic", "Reload", "Demultiplex", "Reload")

Tell = Callable[[int, int], None]
"""Given how far something is, and how far it has to get."""


@dataclass
class Bench:
    """One operator, whom it serves, and the figures so far."""

    api: ApiClient
    operator: OperatorProcess
    calls: AuditTail
    count: int
    figures: dict[str, float] = field(default_factory=dict)
    details: dict[str, dict[str, float]] = field(default_factory=dict)

    def usage(self) -> Usage:
        """The operator's process now."""
        return read_usage(self.operator.process.pid)


async def measure_creation(bench: Bench, tell: Tell) -> None:
    """From the first ModelServer to the last of all that is rendered, and what that cost."""
    await _until_leading(bench)
    before, began = await population.count_owned(bench.api), time.monotonic()
    wanted = len(population.OWNED) * bench.count
    bench.calls.look()
    used = bench.usage()
    created: Counter[str] = Counter()
    creating = asyncio.create_task(
        population.create_servers(bench.api, bench.count, lambda: created.update(["servers"]))
    )
    calls: Counter[Call] = Counter()
    while (owned := await population.count_owned(bench.api) - before) < wanted:
        _require_time(bench, began, f"{owned} of {wanted} objects are rendered")
        tell(owned, wanted)
        await asyncio.sleep(_LOOK_SECONDS)
        calls += bench.calls.look()
    await creating
    tell(wanted, wanted)
    bench.figures["rendered_seconds"] = time.monotonic() - began
    calls += await _until_quiet(bench)
    bench.figures["settled_seconds"] = time.monotonic() - began - _QUIET_SECONDS
    now = bench.usage()
    bench.figures["cpu_seconds_per_object"] = (now.cpu_seconds - used.cpu_seconds) / bench.count
    bench.figures["calls_per_object"] = calls.total() / bench.count
    bench.figures["peak_mib"] = now.peak
    bench.details["calls per object by verb"] = _shares(audit.by_verb(calls), bench.count)
    bench.details["calls per object"] = _shares(_named(calls), bench.count)


async def measure_idleness(bench: Bench, seconds: float, tell: Tell) -> None:
    """What it costs to do nothing, and what memory stays."""
    calls, used, began = bench.calls.look(), bench.usage(), time.monotonic()
    while (passed := time.monotonic() - began) < seconds:
        tell(int(passed), int(seconds))
        await asyncio.sleep(_LOOK_SECONDS)
    tell(int(seconds), int(seconds))
    calls, now = bench.calls.look(), bench.usage()
    bench.figures["idle_cores"] = (now.cpu_seconds - used.cpu_seconds) / passed
    bench.figures["idle_writes"] = audit.count_writes(calls)
    bench.figures["idle_calls_per_second"] = calls.total() / passed
    bench.figures["settled_mib"] = now.resident


async def measure_change(bench: Bench, pods: int, tell: Tell) -> None:
    """From an edit of one ModelServer's spec to every one of its pods having confirmed it."""
    manifest = population.server_manifest(EDITED, pods, "Reload")
    await bench.api.create(manifest, namespace=EDITED_NAMESPACE)
    await _confirmed(bench, pods)
    spans = []
    for number, strategy in enumerate(_EDITS):
        tell(number, len(_EDITS))
        spec = population.server_manifest(EDITED, pods, strategy)["spec"]
        began = time.monotonic()
        await bench.api.patch("ModelServer", EDITED, EDITED_NAMESPACE, patch={"spec": spec})
        await _confirmed(bench, pods)
        spans.append(time.monotonic() - began)
    tell(len(_EDITS), len(_EDITS))
    bench.figures["confirmed_seconds"] = max(spans)
    bench.details["seconds from an edit to all pods"] = {
        f"edit {number}": span for number, span in enumerate(spans, 1)
    }


async def end(bench: Bench) -> None:
    """Have the operator stop in order."""
    bench.operator.signal(signal.SIGTERM)
    await asyncio.to_thread(bench.operator.wait)


async def measure_restart(bench: Bench, restart: Callable[[], OperatorProcess], tell: Tell) -> None:
    """From the start of a new process to all objects having been looked at, without a write."""
    bench.calls.look()
    began = time.monotonic()
    bench.operator = restart()
    wanted = bench.count + 1
    while (runs := await asyncio.to_thread(_runs, bench.operator)) < wanted:
        _require_time(bench, began, f"{runs:.0f} of {wanted} objects were looked at")
        tell(int(runs), wanted)
        await asyncio.sleep(_LOOK_SECONDS)
    tell(wanted, wanted)
    bench.figures["known_again_seconds"] = time.monotonic() - began
    bench.figures["restart_cpu_seconds"] = bench.usage().cpu_seconds
    calls = bench.calls.look() + await _until_quiet(bench)
    bench.figures["restart_writes"] = audit.count_writes(calls)
    bench.figures["restart_calls"] = calls.total()
    bench.details["calls after a restart"] = _shares(_named(calls), 1)
    bench.figures["restart_peak_mib"] = bench.usage().peak


async def _until_leading(bench: Bench) -> None:
    began, operator = time.monotonic(), bench.operator
    while not await asyncio.to_thread(_leads, operator):
        _require_time(bench, began, "the operator does not lead")
        await asyncio.sleep(_LOOK_SECONDS)


async def _confirmed(bench: Bench, pods: int) -> None:
    await bench.api.wait_for(
        "ModelServer", EDITED, EDITED_NAMESPACE, until=lambda it: _is_confirmed(it, pods), seconds=120
    )


def _is_confirmed(found: Object, pods: int) -> bool:
    generation, status = found["metadata"]["generation"], found.get("status", {})
    return status.get("readyReplicas") == pods and any(
        item["type"] == "ConfigApplied"
        and item["status"] == "True"
        and item["observedGeneration"] == generation
        for item in status.get("conditions", ())
    )


async def _until_quiet(bench: Bench) -> Counter[Call]:
    """The calls until nothing was written for a while."""
    calls: Counter[Call] = Counter()
    began = quiet_since = time.monotonic()
    while time.monotonic() - quiet_since < _QUIET_SECONDS:
        _require_time(bench, began, "the operator still writes")
        await asyncio.sleep(_LOOK_SECONDS)
        found = bench.calls.look()
        calls += found
        if audit.count_writes(found):
            quiet_since = time.monotonic()
    return calls


def _leads(operator: OperatorProcess) -> bool:
    is_leader = operator.metric("batchwright_operator_leader") == 1.0
    return is_leader and operator.get("/readyz")[0] == _OK


def _runs(operator: OperatorProcess) -> float:
    return operator.metric('batchwright_operator_runs_total{result="done"}') or 0.0


def _require_time(bench: Bench, began: float, what: str) -> None:
    if not bench.operator.is_running:
        raise RuntimeError(f"the operator has ended: {bench.operator.events()[-1]}")
    if time.monotonic() - began > _LONGEST_SECONDS:
        raise TimeoutError(f"after {_LONGEST_SECONDS:.0f} s {what}")


def _named(calls: Counter[Call]) -> Counter[str]:
    return Counter({f"{verb} {resource}": many for (verb, resource), many in calls.items()})


def _shares(counts: Counter[str], objects: int) -> dict[str, float]:
    return {name: many / objects for name, many in counts.most_common()}

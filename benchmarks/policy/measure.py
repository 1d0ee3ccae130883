"""`python -m benchmarks.policy.measure`: what three real models cost on this machine → costs.yaml.

Through the server's own compile worker and strategies, the smallest of a few repetitions, since whatever
else runs can only add. Span is not elapsed time where the machine is shared: threads then wait for
processors that are somebody else's. What the request's own thread and the busiest other one computed is
taken in its place, where that is less.
"""

import argparse
import asyncio
import contextlib
import datetime
import os
import platform
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path

import openvino as ov
import yaml

from batchwright_server.config.batching import Batching, Reload, ReloadQueue
from batchwright_server.config.model import ModelConfig
from batchwright_server.config.plan import Plan, Strategy, Streams
from batchwright_server.core.tensors import BatchRange
from batchwright_server.engine.openvino_engine import OpenVinoEngine
from batchwright_server.runtime import meters
from batchwright_server.runtime.compiler import CompileWorker
from batchwright_server.runtime.ports import Version
from batchwright_server.runtime.strategies.factory import StrategyFactory
from batchwright_server.runtime.strategies.port import FOREVER, Call
from benchmarks.policy import deep_model

FILE = Path(__file__).with_name("costs.yaml")
SIZES = (1, 2, 4, 8, 16, 64)
RELOADED_SIZES = (1, 16)
REPETITIONS = 3
SHORTEST_SECONDS = 0.3  # what is quick is repeated for so long
LONGEST_WAIT_SECONDS = 600.0  # for a reload of a network that is slow to compile
TASKS = Path("/proc/self/task")
MODELS = ("tiny", "deep", "resnet50-int8")

Numbers = list[float]
Document = dict[str, object]


@dataclass
class Bench:
    """One model on this machine."""

    factory: StrategyFactory

    async def plan(self, plan: Plan) -> Document:
        """Work and span of single requests under `plan`."""
        patient = Reload(queue=ReloadQueue(max_wait_seconds=LONGEST_WAIT_SECONDS))
        batching = Batching(strategy=plan.strategy, streams=plan.streams, reload=patient)
        strategy = self.factory.make(plan, batching)
        prepared = await timed(strategy.prepare)
        points = []
        for size in SIZES:
            call = Call(
                await self.factory.make_inputs(self.factory.network.signature, size), size, FOREVER
            )
            await strategy.infer(call)
            points.append([size, *await least(lambda call=call: strategy.infer(call))])  # type: ignore[misc]
        await strategy.retire()
        return {
            "prepare": prepared,
            "points": points,
        }

    async def reload(self, streams: Streams) -> list[Numbers]:
        """Work and span of compiling, by batch size."""
        compile_batch = self.factory.compile_with(streams)
        found = []
        for size in RELOADED_SIZES:
            best = await least(lambda size=size: compile_batch(BatchRange.only(size)), 2)  # type: ignore[misc]
            found.append([float(size), *best])
        return found


async def timed(task: Callable[[], Awaitable[object]]) -> Numbers:
    """Work and span of one run, in seconds."""
    before = thread_seconds()
    work, span = time.process_time(), time.monotonic()
    await task()
    work, span = time.process_time() - work, time.monotonic() - span
    spent = {number: found - before.get(number, 0.0) for number, found in thread_seconds().items()}
    own = spent.pop(os.getpid(), 0.0)
    return [round(work, 6), round(min(span, own + max(spent.values(), default=0.0)), 6)]


def thread_seconds() -> dict[int, float]:
    """What each thread of this process has computed, by its number; they come and go."""
    found = {}
    for task in TASKS.iterdir():
        with contextlib.suppress(OSError):
            found[int(task.name)] = int((task / "schedstat").read_text().split()[0]) / 1e9
    return found


async def least(task: Callable[[], Awaitable[object]], times: int = REPETITIONS) -> Numbers:
    """The least work and the least span of so many runs."""
    runs = [await timed(task) for _ in range(times)]
    while times == REPETITIONS and sum(run[1] for run in runs) < SHORTEST_SECONDS:
        runs.append(await timed(task))
    return [min(run[0] for run in runs), min(run[1] for run in runs)]


async def measure(name: str, path: Path, engine: OpenVinoEngine) -> Document:
    """All that the simulator has to know of one model."""
    worker = CompileWorker()
    network = await worker.run(
        lambda: engine.read(ModelConfig(name=name, base_path=str(path)), Version(1))
    )
    factory = StrategyFactory(
        network, worker, meter=meters.ModelMeters(time.monotonic), clock=time.monotonic
    )
    bench = Bench(factory)
    strategies = (Strategy.RELOAD, Strategy.DEMULTIPLEX, Strategy.DYNAMIC)
    plans = [Plan(strategy, streams) for strategy in strategies for streams in Streams]
    return {
        "plans": {str(plan): await bench.plan(plan) for plan in plans},
        "reload": {str(streams): await bench.reload(streams) for streams in Streams},
    }


def main() -> None:
    """Measure, and write what was found."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--models", type=Path, default=Path("build/models"))
    parser.add_argument("--deep", type=Path, default=Path("build/policy/deep"))
    parser.add_argument("--only", choices=MODELS, help="just this model; the others stay")
    arguments = parser.parse_args()
    deep_model.save(arguments.deep)
    engine = OpenVinoEngine()
    found: dict[str, object] = yaml.safe_load(FILE.read_text())["models"] if arguments.only else {}
    for name in [arguments.only] if arguments.only else MODELS:
        place = arguments.deep if name == "deep" else arguments.models / name
        found[name] = asyncio.run(measure(name, place.resolve(), engine))
        write({"machine": machine(engine.cores), "cores": engine.cores, "models": found})
        print(f"{name}: measured", flush=True)  # noqa: T201


def write(document: Document) -> None:
    """Keep what was measured so far."""
    head = "# By `python -m benchmarks.policy.measure`. Points: [batch size, work, span], in seconds.\n"
    FILE.write_text(head + yaml.safe_dump(document, sort_keys=False, default_flow_style=None, width=105))


def machine(cores: int) -> Document:
    """What was measured on, and when."""
    names = [
        line.split(":", 1)[1].strip()
        for line in Path("/proc/cpuinfo").read_text().splitlines()
        if line.startswith("model name")
    ]
    return {
        "processor": names[0] if names else platform.machine(),
        "cores": cores,
        "load": round(os.getloadavg()[0], 1),
        "openvino": ov.get_version(),
        "date": datetime.datetime.now(datetime.UTC).date().isoformat(),
    }


if __name__ == "__main__":
    main()

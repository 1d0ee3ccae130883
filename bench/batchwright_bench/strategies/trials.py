"""Each strategy in turn under the same load."""

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import grpc

from batchwright_bench.figures.outcomes import Outcome, sum_up
from batchwright_bench.remote.session import Load, Server, measure
from batchwright_bench.strategies import servers
from batchwright_bench.strategies.choice import Trial, to_batching
from batchwright_server.config.plan import Strategy


@dataclass(frozen=True)
class Bench:
    """What every strategy is measured with."""

    model: Path
    load: Load
    plugin: dict[str, Any] = field(default_factory=dict)
    watch: Callable[[Outcome], None] = lambda _: None


async def try_strategy(bench: Bench, strategy: Strategy) -> Trial:
    """The strategy under the load, by a server of its own; without a result if it cannot serve."""
    batching = to_batching(strategy, bench.load.sizes.possible)
    try:
        async with servers.serve(bench.model, batching, bench.plugin) as own:
            before = await own.read_signals()
            outcomes = await measure(Server(own.target, servers.MODEL), bench.load, watch=bench.watch)
            after = await own.read_signals()
    except servers.NotServed as error:
        return Trial(strategy, reason=str(error))
    except TimeoutError:
        return Trial(strategy, reason="the model was not ready in time")
    except grpc.aio.AioRpcError as error:
        return Trial(strategy, reason=f"{error.code().name}: {error.details()}")
    return Trial(
        strategy,
        sum_up(strategy.value, bench.load.describe(), outcomes),
        reloads=after.models[0].counters.reloads - before.models[0].counters.reloads,
        cpu_seconds=after.cpu_seconds - before.cpu_seconds,
    )

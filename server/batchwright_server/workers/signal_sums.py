"""The signals of several workers as those of one server.

The policy counts workers as it counts pods: what they did is added up, and so are their processors. What
each of them measured of its plans is taken from the first, for all measure the same. Counters of workers
that are gone stay in the sums, so that none ever goes backwards.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from batchwright_server.config.signals import ModelCounters, ModelSignals, Signals

Key = tuple[str, int]  # a model's name and version
Past = Mapping[Key, ModelCounters]  # of workers that are gone

_SERVES = "AVAILABLE"


def add_counters(counters: Iterable[ModelCounters]) -> ModelCounters:
    """The sum of every field; of requests for each batch size. There must be some counters."""
    total: dict[str, Any] = {}
    for each in counters:
        for name, value in each.model_dump().items():
            if isinstance(value, dict):
                sizes = total.setdefault(name, {})
                for size, count in value.items():
                    sizes[size] = sizes.get(size, 0) + count
            else:
                total[name] = total.get(name, 0) + value
    return ModelCounters(**total)


def bury(past: Past, last: Signals) -> dict[Key, ModelCounters]:
    """What is remembered when a worker is gone whose last signals were these."""
    found = {(model.name, model.version): model.counters for model in last.models}
    keys = past.keys() | found.keys()
    return {key: add_counters(each[key] for each in (past, found) if key in each) for key in keys}


def add_models(workers: Sequence[Signals], past: Past) -> tuple[ModelSignals, ...]:
    """Every model of any worker; it serves where all of them serve it."""
    by_key: dict[Key, list[ModelSignals]] = {}
    for worker in workers:
        for model in worker.models:
            by_key.setdefault((model.name, model.version), []).append(model)
    return tuple(_add_model(found, past.get(key)) for key, found in by_key.items())


def _add_model(found: Sequence[ModelSignals], past: ModelCounters | None) -> ModelSignals:
    shown = next((model for model in found if model.state != _SERVES), found[0])
    counters = [model.counters for model in found] + ([past] if past else [])
    costs = next((model for model in found if model.costs), shown)
    return shown.model_copy(
        update={
            "counters": add_counters(counters),
            "queue_depth": sum(model.queue_depth for model in found),
            "costs": costs.costs,
            "reload_cost": costs.reload_cost,
        }
    )

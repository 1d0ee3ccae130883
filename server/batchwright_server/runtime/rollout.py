"""Taking a configuration into service: all of it is made ready, then all of it takes over at once.

If any part cannot be made ready, what was prepared is dropped and what served goes on unchanged.
"""

import asyncio
from collections.abc import Awaitable
from dataclasses import dataclass, field

from batchwright_server import errors
from batchwright_server.config.document import Document, ModelConfig
from batchwright_server.config.problems import InvalidDocument, Problem
from batchwright_server.runtime import calibration, ports, servable
from batchwright_server.runtime.compiler import CompileWorker
from batchwright_server.runtime.registry import Registry
from batchwright_server.runtime.servable import Prepared, Servable


@dataclass
class _Prepared:
    """What is ready to take over."""

    loaded: dict[str, Servable] = field(default_factory=dict)
    changed: dict[str, tuple[ModelConfig, Prepared]] = field(default_factory=dict)


class Rollout:
    """Brings the registry to what a document says."""

    def __init__(
        self, engine: ports.Engine, worker: CompileWorker, registry: Registry, clocks: calibration.Clocks
    ) -> None:
        self._engine = engine
        self._worker = worker
        self._registry = registry
        self._clocks = clocks

    async def start(self, document: Document) -> None:
        """Load every model that can be loaded; the others are failures with a reason."""
        for config in document.models:
            try:
                self._registry.servables[config.name] = await self._load(config)
            except errors.ServerError as error:
                self._registry.failures[config.name] = str(error)

    async def apply(self, document: Document) -> None:
        """Bring the registry to `document`, all or nothing. Raises InvalidDocument."""
        prepared = _Prepared()
        problems: list[Problem] = []
        for index, config in enumerate(document.models):
            try:
                await self._prepare(config, prepared)
            except errors.ServerError as error:
                problems.append(Problem(f"model_config_list[{index}].config", str(error)))
        if problems:
            await _finish_all(_retirements(prepared))
            raise InvalidDocument(tuple(problems))
        await _finish_all(self._commit(document, prepared))

    async def stop(self) -> None:
        """Retire every model."""
        retired = list(self._registry.servables.values())
        self._registry.servables.clear()
        await _finish_all([old.retire() for old in retired])

    async def _load(self, config: ModelConfig) -> Servable:
        return await servable.load(self._engine, self._worker, config, self._clocks)

    async def _prepare(self, config: ModelConfig, prepared: _Prepared) -> None:
        current = self._registry.servables.get(config.name)
        if current is None or _source(config) != _source(current.config):
            prepared.loaded[config.name] = await self._load(config)
        elif config != current.config:
            prepared.changed[config.name] = (config, await current.prepare(config))

    def _commit(self, document: Document, prepared: _Prepared) -> list[Awaitable[None]]:
        """Swap everything without giving way to a request; gives the retirements still to be awaited."""
        served = self._registry.servables
        gone = served.keys() - {config.name for config in document.models}
        retirements: list[Awaitable[None]] = [served.pop(name).retire() for name in gone]
        for name, loaded in prepared.loaded.items():
            if name in served:
                retirements.append(served[name].retire())
            served[name] = loaded
        for name, (config, ready) in prepared.changed.items():
            old = served[name].commit(config, ready)
            if old is not None:
                retirements.append(old.retire())
        self._registry.failures.clear()
        return retirements


def _source(config: ModelConfig) -> tuple[object, ...]:
    """What of a configuration a network was read with: with the same, only the batching changes."""
    plugin = tuple(sorted(config.plugin_config.items()))
    return config.base_path, config.nireq, config.target_device, plugin


def _retirements(prepared: _Prepared) -> list[Awaitable[None]]:
    strategies = [ready.strategy for _, ready in prepared.changed.values() if ready.strategy is not None]
    return [
        *(loaded.retire() for loaded in prepared.loaded.values()),
        *(old.retire() for old in strategies),
    ]


async def _finish_all(retirements: list[Awaitable[None]]) -> None:
    await asyncio.gather(*retirements)

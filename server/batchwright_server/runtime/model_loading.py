"""Making the versions of one model ready, beside those that serve."""

import asyncio
from collections.abc import Awaitable, Mapping
from dataclasses import dataclass, field

from batchwright_server import errors
from batchwright_server.config import version_policy
from batchwright_server.config.document import ModelConfig
from batchwright_server.runtime import meters, servable
from batchwright_server.runtime.ports import Fingerprint, Version
from batchwright_server.runtime.registry import Failure, Model
from batchwright_server.runtime.servable import Prepared, Servable


@dataclass
class PreparedModel:
    """What is ready to take over for one model, and the versions that could not be made ready."""

    config: ModelConfig
    kept: dict[Version, Prepared | None] = field(default_factory=dict)  # None: nothing changes
    loaded: dict[Version, Servable] = field(default_factory=dict)
    failed: dict[Version, Failure] = field(default_factory=dict)

    @property
    def serves_something(self) -> bool:
        """Whether any version would serve."""
        return bool(self.kept or self.loaded)

    def commit(self, model: Model) -> list[Awaitable[None]]:
        """Let it take over in `model`; gives the retirements still to be awaited.

        A version that is no longer wanted goes on serving while one that is wanted cannot be had.
        """
        retirements: list[Awaitable[None]] = []
        for version, ready in self.kept.items():
            old = model.versions[version].commit(self.config, ready) if ready else None
            if old is not None:
                retirements.append(old.retire())
        wanted = self.kept.keys() | self.loaded.keys()
        for version in model.versions.keys() - self.kept.keys():
            if version in self.loaded or not self.failed:
                retirements.append(model.versions[version].retire())
            else:
                wanted = wanted | {version}
        versions = model.versions | self.loaded
        model.config = self.config
        model.versions = {version: versions[version] for version in sorted(wanted)}
        model.failures = self.failed
        return retirements

    def drop(self) -> list[Awaitable[None]]:
        """Give up what was prepared; gives the retirements still to be awaited."""
        strategies = [ready.strategy for ready in self.kept.values() if ready and ready.strategy]
        loaded = [loaded.retire() for loaded in self.loaded.values()]
        return [*loaded, *(strategy.retire() for strategy in strategies)]


class ModelLoader:
    """Finds, reads, compiles and calibrates versions."""

    def __init__(self, tools: servable.Tools) -> None:
        self._tools = tools
        # Counters only ever grow while the process lives, also where a version is loaded anew.
        self._meters: dict[tuple[str, Version], meters.ModelMeters] = {}

    async def has_news(self, model: Model) -> bool:
        """Whether the repository holds something else than what was last looked at."""
        try:
            found = await self._find(model.config)
        except errors.ModelUnavailable:
            return False  # a volume may be away for a moment: what serves goes on
        wanted = _select(model.config, found)
        tried = {version: failure.fingerprint for version, failure in model.failures.items()}
        is_new = any(
            version not in model.versions and tried.get(version) != found[version] for version in wanted
        )
        has_failures = any(version in tried for version in wanted)
        return is_new or (bool(model.versions.keys() - set(wanted)) and not has_failures)

    async def prepare(self, config: ModelConfig, current: Model) -> PreparedModel:
        """The versions that `config` wants, made ready; those that cannot be are noted with a reason.

        Raises ModelUnavailable if the repository has nothing, or CompilationFailed if a version that
        serves cannot be changed as `config` says.
        """
        found = await self._find(config)
        prepared = PreparedModel(config)
        try:
            for version in _select(config, found):
                await self._prepare_version(prepared, current, version, found[version])
        except errors.ServerError:
            await asyncio.gather(*prepared.drop())
            raise
        return prepared

    async def _prepare_version(
        self, prepared: PreparedModel, current: Model, version: Version, fingerprint: Fingerprint
    ) -> None:
        config, serving = prepared.config, current.versions.get(version)
        if serving is not None and _source(serving.config) == _source(config):
            is_changed = serving.config != config
            prepared.kept[version] = await serving.prepare(config) if is_changed else None
            return
        current.loading.add(version)
        try:
            meter = self._meter_of(config.name, version)
            source = servable.Source(config, version, fingerprint, meter)
            prepared.loaded[version] = await servable.load(source, self._tools)
        except errors.ServerError as error:
            prepared.failed[version] = Failure(error.reason, fingerprint)
        finally:
            current.loading.discard(version)

    def _meter_of(self, name: str, version: Version) -> meters.ModelMeters:
        fresh = meters.ModelMeters(self._tools.clocks.elapsed)
        return self._meters.setdefault((name, version), fresh)

    async def _find(self, config: ModelConfig) -> Mapping[Version, Fingerprint]:
        return await asyncio.to_thread(self._tools.engine.find_versions, config)


def _select(config: ModelConfig, found: Mapping[Version, Fingerprint]) -> tuple[Version, ...]:
    return tuple(Version(version) for version in version_policy.select(config.version_policy, found))


def _source(config: ModelConfig) -> ModelConfig:
    """What of a configuration a network was read with: with the same, only the batching changes."""
    return config.model_copy(
        update={
            "batch_size": None,
            "batching": None,
            "model_version_policy": version_policy.DEFAULT_POLICY,
        }
    )

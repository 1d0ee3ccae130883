"""Taking a configuration into service: all of it is made ready, then all of it takes over at once.

If any part cannot be made ready, what was prepared is dropped and what served goes on unchanged.
"""

import asyncio
import logging
from collections.abc import Awaitable, Iterable

from batchwright_server import errors
from batchwright_server.config.document import Document, ModelConfig
from batchwright_server.config.problems import InvalidDocument, Problem
from batchwright_server.runtime.consent import Always, Consent
from batchwright_server.runtime.model_loading import ModelLoader, PreparedModel
from batchwright_server.runtime.pipelines import offers
from batchwright_server.runtime.pipelines.rollout import PipelineRollout
from batchwright_server.runtime.registry import NO_VERSION, Failure, Model, Registry

_log = logging.getLogger(__name__)


class Rollout:
    """Brings the registry to what a document says, and to what the repository holds."""

    def __init__(
        self,
        loader: ModelLoader,
        registry: Registry,
        pipelines: PipelineRollout,
        consent: Consent | None = None,
    ) -> None:
        self._consent = consent or Always()
        self._loader = loader
        self._registry = registry
        self._pipelines = pipelines

    async def start(self, document: Document) -> None:
        """Load every model that can be loaded; the others are failures with a reason."""
        for config in document.models:
            self._registry.models[config.name] = Model(config)
        self._pipelines.announce(document)
        for model in list(self._registry.models.values()):
            await _finish_all(await self._load_or_note(model))
        self._pipelines.validate()

    async def apply(self, document: Document) -> None:
        """Bring the registry to `document`, all or nothing. Raises InvalidDocument."""
        prepared: list[PreparedModel] = []
        problems: list[Problem] = []
        for index, config in enumerate(document.models):
            try:
                prepared.append(await self._prepare(config))
            except errors.ServerError as error:
                problems.append(Problem(f"model_config_list[{index}].config", str(error)))
        if not problems:
            problems = self._check_pipelines(document, prepared)
        if problems:
            await _finish_all(part for ready in prepared for part in ready.drop())
            raise InvalidDocument(tuple(problems))
        try:
            await self._consent.ask()
        except InvalidDocument:
            await _finish_all(part for ready in prepared for part in ready.drop())
            raise
        await _finish_all(self._commit(document, prepared))

    async def refresh(self) -> None:
        """Take up versions that came to the repository, and retire those that went."""
        for model in list(self._registry.models.values()):
            if await self._loader.has_news(model):
                retirements = await self._load_or_note(model)
                self._pipelines.validate()
                await _finish_all(retirements)

    async def stop(self) -> None:
        """Retire every model."""
        retired = list(self._registry.servables)
        self._registry.models.clear()
        self._registry.pipelines.clear()
        await _finish_all(servable.retire() for servable in retired)

    async def _load_or_note(self, model: Model) -> list[Awaitable[None]]:
        """Let what can be had of `model` take over; gives the retirements still to be awaited."""
        try:
            prepared = await self._loader.prepare(model.config, model)
        except errors.ServerError as error:
            _log.error("model %s is not served: %s", model.config.name, error)
            if not model.versions:
                model.failures = {NO_VERSION: Failure(error.reason)}
            return []
        for version, failure in prepared.failed.items():
            _log.error(
                "model %s version %s is not served: %s", model.config.name, version, failure.reason
            )
        return prepared.commit(model)

    async def _prepare(self, config: ModelConfig) -> PreparedModel:
        current = self._registry.models.get(config.name) or Model(config)
        prepared = await self._loader.prepare(config, current)
        if not prepared.serves_something:
            await _finish_all(prepared.drop())
            reasons = [failure.reason for failure in prepared.failed.values()]
            nothing = "no version in base_path is selected by model_version_policy"
            raise errors.ModelUnavailable(config.name, "; ".join(reasons) or nothing)
        return prepared

    def _commit(self, document: Document, prepared: list[PreparedModel]) -> list[Awaitable[None]]:
        """Swap everything without giving way to a request; gives the retirements still to be awaited."""
        models = self._registry.models
        gone = models.keys() - {config.name for config in document.models}
        retired = [servable for name in gone for servable in models.pop(name).versions.values()]
        retirements: list[Awaitable[None]] = [servable.retire() for servable in retired]
        for ready in prepared:
            model = models.setdefault(ready.config.name, Model(ready.config))
            retirements += ready.commit(model)
        self._pipelines.announce(document)
        self._pipelines.validate()
        return retirements

    def _check_pipelines(self, document: Document, prepared: list[PreparedModel]) -> list[Problem]:
        current = self._registry.models
        found = {
            ready.config.name: offers.offer_after(ready, current.get(ready.config.name))
            for ready in prepared
        }
        return self._pipelines.check(document, found)


async def _finish_all(retirements: Iterable[Awaitable[None]]) -> None:
    await asyncio.gather(*retirements)

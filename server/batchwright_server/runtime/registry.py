"""The models that are served, version by version, why others are not, and the pipelines over them."""

from collections.abc import Iterator
from dataclasses import dataclass, field

from batchwright_server import errors
from batchwright_server.config.document import ModelConfig
from batchwright_server.runtime.pipelines.pipeline import Pipeline
from batchwright_server.runtime.ports import Fingerprint, Version
from batchwright_server.runtime.servable import Servable

NO_VERSION = Version(0)  # a failure of the whole model, before any version of it was found


@dataclass(frozen=True)
class Failure:
    """Why a version does not serve, and which files that was with."""

    reason: str
    fingerprint: Fingerprint | None = None


@dataclass
class Model:
    """One model of the document in force."""

    config: ModelConfig
    versions: dict[Version, Servable] = field(default_factory=dict)
    failures: dict[Version, Failure] = field(default_factory=dict)
    loading: set[Version] = field(default_factory=set)

    @property
    def reason(self) -> str:
        """Why nothing of it serves."""
        if self.loading:
            return "it is loading"
        return "; ".join(failure.reason for failure in self.failures.values()) or "it is being unloaded"


@dataclass
class Registry:
    """Models and pipelines by name; a name that both have is the model's."""

    models: dict[str, Model] = field(default_factory=dict)
    pipelines: dict[str, Pipeline] = field(default_factory=dict)

    @property
    def servables(self) -> Iterator[Servable]:
        """Every version that serves."""
        for model in self.models.values():
            yield from model.versions.values()

    @property
    def reachable_pipelines(self) -> Iterator[Pipeline]:
        """Every pipeline that clients can ask for, whether it serves or not."""
        for name, pipeline in self.pipelines.items():
            if name not in self.models:
                yield pipeline

    def find_pipeline(self, name: str) -> Pipeline | None:
        """The pipeline of that name, unless a model has it."""
        return None if name in self.models else self.pipelines.get(name)

    def find(self, name: str, version: int = 0) -> Servable:
        """The servable of that name and version (0: the highest that serves).

        Raises ModelNotFound or ModelUnavailable.
        """
        model = self.models.get(name)
        if model is None:
            raise errors.ModelNotFound(name)
        wanted = Version(version or max(model.versions, default=NO_VERSION))
        if wanted in model.versions:
            return model.versions[wanted]
        if not version:
            raise errors.ModelUnavailable(name, model.reason)
        if wanted in model.failures:
            raise errors.ModelUnavailable(name, model.failures[wanted].reason)
        raise errors.ModelNotFound(name, version)

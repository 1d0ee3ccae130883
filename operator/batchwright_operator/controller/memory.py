"""What the controller remembers of one object between runs; lost with the process, and rebuilt."""

from dataclasses import dataclass, field

from batchwright_operator.policy.decision import Decision
from batchwright_operator.policy.state import ModelState
from batchwright_operator.reconcile.course import Course
from batchwright_operator.reconcile.faults import Faults
from batchwright_operator.reconcile.observed import Pod
from batchwright_operator.reconcile.pipelines import LeftOut
from batchwright_operator.resources.modelserver import ModelServer
from batchwright_operator.resources.pipeline import Pipeline
from batchwright_operator.resources.status import ModelServerStatus, PipelineStatus


@dataclass(frozen=True)
class Wanted:
    """The configuration that was wanted last, by its parts."""

    config_hash: str
    generation: int
    pipelines: tuple[Pipeline, ...] = ()  # in the order of the document


@dataclass
class Memory:
    """One object's memory. `states` hold the policy's history of traffic, which no status keeps."""

    server: ModelServer  # as it was wanted last
    status: ModelServerStatus = field(default_factory=ModelServerStatus)
    pods: tuple[Pod, ...] = ()  # as they were at the last look; objects are the store's to keep
    states: dict[str, ModelState] = field(default_factory=dict)
    decisions: dict[str, Decision] = field(default_factory=dict)
    wanted: Wanted | None = None
    course: Course = field(default_factory=Course)
    faults: Faults = field(default_factory=dict)
    known_good: dict[tuple[str, str], tuple[str, str]] = field(default_factory=dict)
    requests: int = 0  # that pods had answered at the last look
    idle_since: float | None = None  # Unix time, seconds
    unrest_since: float | None = None
    left_out: dict[str, LeftOut] = field(default_factory=dict)  # by a Pipeline's name
    pipelines: dict[str, PipelineStatus] = field(default_factory=dict)
    in_doubt: set[str] = field(default_factory=set)  # whose status may not be as remembered

    def is_in_doubt(self, name: str) -> bool:
        """Whether what the status of that Pipeline holds is not known; no name: the object's own."""
        return name in self.in_doubt

    def forget_pipeline(self, name: str) -> None:
        """Drop what is known of a Pipeline that is gone."""
        self.pipelines.pop(name, None)
        self.in_doubt.discard(name)

    def forget_models(self, server: ModelServer) -> None:
        """Drop what is known of models that are gone or no longer the policy's to decide."""
        kept = {model.name for model in server.spec.models if model.batching.is_adaptive}
        self.states = {name: state for name, state in self.states.items() if name in kept}
        self.decisions = {name: item for name, item in self.decisions.items() if name in kept}

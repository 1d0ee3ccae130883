"""A controller with a cluster and pods that are only remembered, and a clock that moves when told."""

from dataclasses import dataclass, field, replace

from batchwright_operator.controller.run import Controller, Run
from batchwright_operator.policy.state import ModelState
from batchwright_operator.render.settings import Settings
from batchwright_operator.resources.conditions import Condition, ConditionType, get_condition
from batchwright_operator.resources.modelserver import ModelServer
from batchwright_server.config.document import parse_document
from batchwright_server.config.plan import Plan
from tests.support.fake_cluster import FakeCluster


def plans_of(document: str | bytes, model: str = "resnet") -> Plan:
    """The plan that a document gives a model."""
    text = document.encode() if isinstance(document, str) else document
    return {item.name: item for item in parse_document(text).models}[model].effective_batching.plan


def refusing(plan: Plan) -> "Refusing":
    """What a pod does that cannot take documents with that plan."""
    return Refusing(plan)


@dataclass(frozen=True)
class Refusing:
    """Why a document is refused, as fake pods ask it."""

    plan: Plan

    def __call__(self, document: bytes) -> str:
        return "not enough memory" if plans_of(document) == self.plan else ""


@dataclass
class Bench:
    """One ModelServer's surroundings. After each run the cluster does what a cluster does."""

    cluster: FakeCluster = field(default_factory=FakeCluster)
    settings: Settings = field(default_factory=lambda: Settings(admin_keys=(b"key",)))
    now: float = 1000.0

    def __post_init__(self) -> None:
        self.restart()

    def restart(self) -> None:
        """Another process, which remembers nothing."""
        self.controller = Controller(self.cluster, self.cluster.pods, clock=lambda: self.now)

    async def run(self, server: ModelServer, times: int = 1, *, seconds: float = 1.0) -> Run:
        """The last of so many runs."""
        for _ in range(times):
            self.now += seconds
            run = await self.controller.run(server, self.settings)
            self.cluster.step()
        return run

    def switch(self, server: ModelServer, plan: Plan) -> None:
        """As if the policy had just decided for that plan."""
        states = self.controller._memories[server.key].states
        states["resnet"] = self.switched(states["resnet"], plan)

    def switched(self, state: ModelState, plan: Plan) -> ModelState:
        """The state after a switch just now."""
        return replace(state, plan=plan, previous=state.plan, since=int(self.now))

    def reasons(self) -> list[str]:
        """The reasons of all events, in order."""
        return [event.reason for event in self.cluster.events]


def condition(run: Run, kind: ConditionType) -> Condition:
    """One condition as the run left it."""
    found = get_condition(run.status.conditions, kind)
    assert found is not None
    return found

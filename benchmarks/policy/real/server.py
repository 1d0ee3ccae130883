"""A real server under one plan, its costs as it measured them, and the policy that steers it live."""

import asyncio
import json
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from batchwright_operator.pods.client import HttpPodClient, Outcome, Target
from batchwright_operator.pods.readings import to_scrape
from batchwright_operator.policy.decide import decide
from batchwright_operator.policy.decision import Action
from batchwright_operator.policy.rules import Rules
from batchwright_operator.policy.state import ModelState
from batchwright_server.config.batching import Batching, Calibration, Reload, ReloadQueue
from batchwright_server.config.plan import Plan, Streams
from batchwright_server.config.signals import ModelSignals, PlanCost, Signals
from benchmarks.policy.profiles import Costs, Curve, PlanProfile, Profile
from benchmarks.policy.replay import Move
from benchmarks.serving import servers
from benchmarks.serving.messages import Subject

LONGEST_WAIT_SECONDS = 600.0  # a request waits for as many reloads as the trace makes
CALIBRATION_SECONDS = 120.0  # for one plan of a model that is slow to compile
MEASURED_SECONDS = 400.0  # for all plans
POLL_SECONDS = 0.1


@dataclass(frozen=True)
class ModelSetup:
    """A model, the plans it may be served by, and what a server of it measured before."""

    subject: Subject
    plans: tuple[Plan, ...]
    calibration: Path

    def document(self, plan: Plan) -> bytes:
        """The configuration by which a server serves with `plan` and knows what the others cost."""
        batching = Batching(
            strategy=plan.strategy,
            streams=plan.streams,
            candidates=tuple(each.strategy for each in self.plans),
            reload=Reload(queue=ReloadQueue(max_wait_seconds=LONGEST_WAIT_SECONDS)),
            calibration=Calibration(max_seconds=CALIBRATION_SECONDS),
        )
        model = {
            "name": self.subject.name,
            "base_path": str(self.subject.folder.resolve()),
            "batching": batching.model_dump(mode="json", exclude_none=True),
        }
        return json.dumps({"model_config_list": [{"config": model}]}).encode()


class RealServer(servers.Server):
    """A process that serves one model; ready when it is made."""

    def __init__(self, home: Path, setup: ModelSetup, plan: Plan) -> None:
        port, http, admin = servers.free_port(), servers.free_port(), servers.free_port()
        config = home / f"config-{port}.json"
        config.write_bytes(setup.document(plan))
        flags = {
            "config_path": config,
            "port": port,
            "rest_port": http,
            "admin_port": admin,
            "grpc_bind_address": "127.0.0.1",
            "rest_bind_address": "127.0.0.1",
            "admin_bind_address": "127.0.0.1",
            "file_system_poll_wait_seconds": 0,
            "calibration_dir": setup.calibration,
        }
        given = [f"--{name}={value}" for name, value in flags.items()]
        command = [sys.executable, "-m", "batchwright_server", *given]
        super().__init__(command, port, home / f"server-{port}.log")
        self.setup = setup
        self.admin = Target(f"127.0.0.1:{admin}")
        self.wait_ready(f"http://127.0.0.1:{http}/v2/health/ready")

    async def wait_measured(self, pods: HttpPodClient) -> Signals:
        """The signals, once every plan's costs are in them. Raises TimeoutError."""
        async with asyncio.timeout(MEASURED_SECONDS):
            while True:
                report = await pods.read(self.admin)
                if isinstance(report, Signals) and self._is_measured(report.models[0]):
                    return report
                await asyncio.sleep(POLL_SECONDS)

    def _is_measured(self, model: ModelSignals) -> bool:
        known = {cost.plan.plan for cost in model.costs}
        return known.issuperset(self.setup.plans) and model.reload_cost is not None


@dataclass
class Steering:
    """The operator's policy over one real server, as it would be by its controller."""

    server: RealServer
    pods: HttpPodClient
    rules: Rules
    tick_seconds: float
    moves: list[Move] = field(default_factory=list)

    async def run(self) -> None:
        """Decide at every tick, and have the server follow in place, until cancelled."""
        began = time.monotonic()
        name = self.server.setup.subject.name
        state = ModelState.initial(self.rules.candidates[0], time.time())
        async with asyncio.TaskGroup() as following:
            while True:
                await asyncio.sleep(self.tick_seconds)
                scrape = to_scrape(name, {"pod": await self.pods.read(self.server.admin)}, 1)
                state, decision = decide(self.rules, state, scrape, time.time())
                if decision.action is Action.HOLD:
                    continue
                at, plan = round(time.monotonic() - began, 1), decision.plan
                self.moves.append(Move(at, 0, str(plan), decision.reason.value, decision.message))
                following.create_task(self._follow(plan))

    async def _follow(self, plan: Plan) -> None:
        answer = await self.pods.configure(self.server.admin, self.server.setup.document(plan))
        if getattr(answer, "outcome", None) not in (Outcome.APPLIED, Outcome.PENDING):
            raise RuntimeError(f"the server did not take {plan}: {answer}")


def to_profile(name: str, told: Signals) -> Profile:
    """What the simulator has to know, from what a server measured of itself.

    Servers tell how long a plan's preparation took, and what a reload of one size costs; that the
    first's work is to its time as a reload's, and that other sizes cost as much, is assumed.
    """
    model = told.models[0]
    reload = model.reload_cost
    if reload is None:
        raise ValueError(f"{name}: expected the cost of a reload, got none")
    busy = reload.work_seconds / reload.span_seconds
    return Profile(
        name=name,
        cores=told.cores,
        plans={cost.plan.plan: _plan(cost, busy) for cost in model.costs},
        reload=dict.fromkeys(Streams, _flat(reload.work_seconds, reload.span_seconds)),
    )


def _plan(cost: PlanCost, busy: float) -> PlanProfile:
    points = sorted(cost.points, key=lambda point: point.batch_size)
    run = Costs(
        work=_curve([(point.batch_size, point.work_seconds) for point in points]),
        span=_curve([(point.batch_size, point.span_seconds) for point in points]),
    )
    return PlanProfile(run, busy * cost.prepare_seconds, cost.prepare_seconds)


def _curve(points: Sequence[tuple[float, float]]) -> Curve:
    return Curve(tuple(points))


def _flat(work: float, span: float) -> Costs:
    return Costs(_curve([(1, work), (2, work)]), _curve([(1, span), (2, span)]))

"""Controller runs as a view is given them."""

from collections.abc import Mapping, Sequence

from batchwright_operator.controller.run import Run
from batchwright_operator.controller.tuning import Tuned
from batchwright_operator.reconcile.observed import Observed, Phase, Pod
from batchwright_operator.resources.conditions import Condition, ConditionStatus, ConditionType
from batchwright_operator.resources.modelserver import ModelServer
from batchwright_operator.resources.status import ModelServerStatus
from batchwright_server.config.plan import Plan
from batchwright_server.config.signals import Signals
from tests.support.modelservers import RELOAD, make_server


def make_run(
    server: ModelServer | None = None,
    *,
    ips: Sequence[str] = ("127.0.0.1",),
    plan: Plan = RELOAD,
    trouble: str = "",
    reports: Mapping[str, Signals] | None = None,
) -> Run:
    """A run that found a ready pod at each of `ips`; `trouble` is why it is not ready all the same."""
    server = server or make_server()
    pods = tuple(Pod(f"{server.name}-{ip}", ip, Phase.RUNNING, ready=True) for ip in ips)
    ready = ConditionStatus.FALSE if trouble else ConditionStatus.TRUE
    condition = Condition(type=ConditionType.READY, status=ready, reason="Reason", message=trouble)
    return Run(
        server=server,
        at=0.0,
        observed=Observed(pods=pods),
        reports=reports or {},
        tuned=tuple(Tuned(model, plan) for model in server.spec.models),
        status=ModelServerStatus(ready_replicas=len(pods), conditions=(condition,)),
        events=(),
        next_in=1.0,
    )

"""From runs to the sheet."""

from dataclasses import replace

from batchwright_operator.controller.run import Run
from batchwright_operator.local.page.ledger import Ledger
from batchwright_operator.local.page.sheets import ModelSheet
from batchwright_operator.policy.decision import Action, Decision, Reason
from batchwright_operator.reconcile.outcome import Event, EventType
from batchwright_server.config.plan import Plan, Strategy
from batchwright_server.config.signals import CostPoint, CostSource, PlanCost, PlanName
from tests.support.modelservers import RELOAD, make_counters, make_model_signals, make_signals
from tests.support.runs import make_run

DEMULTIPLEX = Plan.of(Strategy.DEMULTIPLEX)
COST = PlanCost(
    plan=PlanName.of(RELOAD),
    points=(CostPoint(batch_size=4, work_seconds=0.02, span_seconds=0.012),),
    prepare_seconds=1.0,
    source=CostSource.TRAFFIC,
)


def _run(at: float, *, plan: Plan = RELOAD, samples: int = 0, decision: Decision | None = None) -> Run:
    counters = make_counters(samples, requests=samples // 4)
    found = make_model_signals(plan=plan, counters=counters, queue_depth=2, costs=(COST,))
    run = make_run(plan=plan, reports={"a": make_signals(found, uptime_seconds=at)})
    return replace(run, at=at, tuned=tuple(replace(item, decision=decision) for item in run.tuned))


def _switched(at: float) -> Run:
    event = Event(
        at, EventType.NORMAL, "StrategySwitched", "why", "resnet", str(RELOAD), str(DEMULTIPLEX)
    )
    return replace(_run(at, plan=DEMULTIPLEX), events=(event,))


def _only(ledger: Ledger) -> ModelSheet:
    ((model,),) = (server.models for server in ledger.sheet(0.0).servers)
    return model


def test_runs_become_figures() -> None:
    """Rates, the queue, and what pods measured of each plan."""
    ledger = Ledger()
    ledger.add(_run(0.5))
    ledger.add(_run(5.5, samples=100))
    model = _only(ledger)

    assert (model.rates.samples, model.rates.requests) == (20.0, 5.0)
    assert model.queue_depth == 2
    assert [moment.samples for moment in model.moments] == [0.0, 20.0]
    (costs,) = model.plans
    assert (costs.is_serving, costs.alone, costs.source) == (True, {4: 12.0}, "traffic")


def test_a_decision_brings_its_numbers() -> None:
    """Its sentence, what it predicts of each plan, and what requests really take."""
    observed = {
        "workMicrosPerSample": 5000,
        "batchSizePercent": 400,
        "cores": 2,
        "concurrencyPercent": 100,
    }
    predicted = {
        "reloadOneSamplesPerSecond": 30, "reloadOneWorkMicros": 20_000, "reloadOneSpanMicros": 10_000,
        "demultiplexOptimumWorkMicros": 16_000, "demultiplexOptimumSpanMicros": 9_000,
    }  # fmt: skip
    told = Decision(
        Action.HOLD, Reason.ALREADY_BEST, "Reload: best.", RELOAD, RELOAD, observed, predicted
    )
    ledger = Ledger()
    ledger.add(_run(1.0, decision=told))
    model = _only(ledger)

    assert (model.sentence, model.reason) == ("Reload: best.", "AlreadyBest")
    assert [costs.plan for costs in model.plans] == [RELOAD, DEMULTIPLEX]
    assert [costs.work_ms for costs in model.plans] == [20.0, 16.0]
    assert [costs.rate for costs in model.plans] == [30, None]
    assert [costs.measured_ms for costs in model.plans] == [20.0, None]


def test_switches_are_kept() -> None:
    """With the sentence that was told, if it was no edit; the line forgets after ten minutes."""
    ledger = Ledger()
    ledger.add(_run(1.0))
    ledger.add(_switched(5.0))
    ledger.add(_run(603.0))
    model = _only(ledger)

    assert [(one.at, one.target, one.message) for one in model.changes] == [
        (5.0, "demultiplex/optimum", "why"),
        (603.0, "reload/one", "As the user chose."),
    ]
    assert [moment.at for moment in model.moments] == [5.0, 603.0]


def test_what_is_gone_is_forgotten() -> None:
    """An object that is removed, and faults that are mended, leave the page."""
    ledger = Ledger()
    ledger.add(_run(1.0))
    ledger.complain("disk full", "vision")
    ledger.complain("bad edit", "")
    assert ledger.sheet(0.0).faults == ("disk full", "bad edit")
    ledger.add(_run(2.0))
    assert ledger.sheet(0.0).faults == ("bad edit",)
    ledger.settle("")
    ledger.forget("vision")
    sheet = ledger.sheet(0.0)
    assert (sheet.servers, sheet.faults) == ((), ())


def test_trouble_is_told() -> None:
    """What stands against an object is on its sheet, and its models' state is marked."""
    ledger = Ledger()
    ledger.add(make_run(trouble="Pod vision-0 died"))
    (server,) = ledger.sheet(0.0).servers
    assert server.trouble == "Pod vision-0 died"
    assert not server.models[0].is_well

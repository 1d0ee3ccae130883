"""What `batchwright explain` prints of one model."""

from collections.abc import Iterator

from rich import box
from rich.console import RenderableType
from rich.table import Table
from rich.text import Text

from batchwright_operator.policy import figures, outlook, sentences, whatif
from batchwright_operator.policy.outlook import Outlook
from batchwright_operator.policy.whatif import Axis, Turn
from batchwright_operator.resources.batching import Adaptive
from batchwright_operator.resources.status import DecisionStatus, ModelStatus
from batchwright_server.config.plan import Plan, Strategy, Streams

_BAR_WIDTH = 40


def render(
    server: str, model: ModelStatus, *, min_saving_percent: int | None = None
) -> Iterator[RenderableType]:
    """The decision's sentence, the plans' costs, the batch sizes, and what would change the decision."""
    decision = model.decision
    if decision is None or not model.strategy:
        yield Text(
            f"{server}/{model.name}: served by {model.strategy or 'nothing yet'}, as the user chose."
        )
        return
    yield Text(f"{server}/{model.name}: {decision.message}", style="bold")
    yield Text(f"reason: {decision.reason or 'none yet'}")
    if model.bucket_sizes:
        yield Text(f"It serves with {sentences.plan_name(_serving(model))}.")
    saving = Adaptive().min_saving_percent if min_saving_percent is None else min_saving_percent
    observed, predicted = _numbers(decision)
    serving = _serving(model).base
    found = outlook.parse_outlook(
        observed, predicted, serving=serving, cores=observed.get("cores", 1), min_saving_percent=saving
    )
    if shares := outlook.parse_histogram(observed):
        yield _histogram(shares)
    if found is None:
        yield Text("No plan's cost is in this decision; ask again when there is traffic to compare.")
        return
    yield _plans(
        found, predicted, measured=observed.get("workMicrosPerSample", 0), size=_mean_size(observed)
    )
    yield from _turns(found)


def _serving(model: ModelStatus) -> Plan:
    return Plan(Strategy(model.strategy), Streams(model.streams), model.bucket_sizes)


def _numbers(decision: DecisionStatus) -> tuple[dict[str, int], dict[str, int]]:
    """The figures that are whole numbers; a status may hold them as texts."""

    def whole(found: dict[str, str | int]) -> dict[str, int]:
        texts = {key: str(value) for key, value in found.items()}
        return {key: int(text) for key, text in texts.items() if text.lstrip("-").isdecimal()}

    return whole(decision.observed), whole(decision.predicted)


def _mean_size(observed: dict[str, int]) -> float:
    return observed.get("batchSizePercent", 0) / 100


def _plans(found: Outlook, predicted: dict[str, int], *, measured: int, size: float) -> Table:
    table = Table(box=box.SIMPLE_HEAD, title="cost of a mean request", title_justify="left")
    for title in ("plan", "samples/s", "work ms", "span ms", "with reloads ms", "measured work ms"):
        table.add_column(title, justify="left" if title == "plan" else "right")
    for plan in sorted(found.requests, key=found.cost):
        mean = found.requests[plan]
        is_serving = plan == found.serving
        table.add_row(
            Text(sentences.plan_name(plan), style="bold green" if is_serving else ""),
            str(predicted.get(figures.samples_key(plan), "")),
            f"{1000 * mean.work:.2f}",
            f"{1000 * mean.span:.2f}",
            f"{1000 * found.cost(plan):.2f}",
            f"{measured * size / 1000:.2f}" if is_serving and measured else "",
        )
    return table


def _histogram(shares: dict[int, float]) -> Table:
    table = Table(box=None, title="batch sizes", title_justify="left", show_header=False)
    most = max(shares.values())
    for size, share in shares.items():
        bar = "\N{FULL BLOCK}" * max(1, round(_BAR_WIDTH * share / most)) if share else ""
        table.add_row(Text(str(size), justify="right"), Text(bar, style="cyan"), f"{100 * share:.1f} %")
    return table


def _turns(found: Outlook) -> Iterator[Text]:
    yield Text("Another decision would follow from:", style="bold")
    turns = whatif.find_turns(found)
    for turn in turns:
        yield Text(f"  {describe(turn)}")
    if not turns:
        yield Text(
            f"  no change of one number alone, within {whatif.LARGEST_FACTOR:.0f} times more or less"
        )


def describe(turn: Turn) -> str:
    """One turn in words."""
    way = "more" if turn.factor > 1 else "less"
    change = "" if turn.factor == float("inf") else f" ({_factor(turn.factor)} {way})"
    return f"{turn.axis} at {_value(turn)}{change}: {sentences.plan_name(turn.plan)}"


def _factor(factor: float) -> str:
    size = max(factor, 1 / factor)
    return f"{size:.1f} {sentences.TIMES}" if size >= 2 else f"{100 * abs(factor - 1):.0f} %"


def _value(turn: Turn) -> str:
    if turn.axis in (Axis.RELOAD_COST, Axis.INFERENCE_COST):
        return f"{1000 * turn.value:.1f} ms of work"
    return f"{turn.value:.3g}"

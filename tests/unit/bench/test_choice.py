import html.parser
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from batchwright_bench.figures.outcomes import Outcome, Result, sum_up
from batchwright_bench.strategies import choice, plot
from batchwright_bench.strategies.choice import Objective, Trial
from batchwright_operator.resources.manifests import parse_manifests
from batchwright_operator.resources.modelserver import ModelServer
from batchwright_server.config.batching import Batching
from batchwright_server.config.plan import Strategy

SIZES = st.lists(st.integers(1, 64), min_size=1, max_size=20)


def _result(milliseconds: float, failures: int = 0) -> Result:
    outcomes, now = [], 0.0
    for number in range(700):  # so many that the 99 % is known
        end = now + milliseconds / 1000 * (0.95 + 0.1 * (number % 2))
        outcomes.append(Outcome(now, now, end, 4, "UNAVAILABLE" if number < failures else "OK"))
        now = end
    return sum_up("a strategy", "one client", outcomes)


@given(
    st.permutations(
        [
            Trial(Strategy.RELOAD, _result(40)),
            Trial(Strategy.DEMULTIPLEX, _result(10)),
            Trial(Strategy.BUCKETS, _result(5, failures=1)),
            Trial(Strategy.DYNAMIC, reason="memory"),
        ]
    ),
    st.sampled_from(list(Objective)),
)
def test_the_best_that_answered_everything_is_chosen(trials: list[Trial], objective: Objective) -> None:
    """In any order and for either objective; a faster one that failed a request is not recommended."""
    found = choice.choose(trials, objective)

    assert found.best is not None
    assert found.best.strategy is Strategy.DEMULTIPLEX
    assert "4.00 times reload, the next" in found.sentence


def test_what_is_not_sure_is_said() -> None:
    """Of two that are as good as each other, one is named and the doubt with it."""
    trials = [Trial(Strategy.RELOAD, _result(10)), Trial(Strategy.DYNAMIC, _result(10.01))]

    assert "not surely better than" in choice.choose(trials, Objective.THROUGHPUT).sentence


def test_where_nothing_serves_nothing_is_recommended() -> None:
    """No trial, or none that answered everything, is no recommendation."""
    for trials in ([], [Trial(Strategy.RELOAD, reason="no")], [Trial(Strategy.RELOAD, _result(9, 1))]):
        assert choice.choose(trials, Objective.THROUGHPUT).best is None


@given(SIZES)
def test_the_blocks_to_paste_are_valid(sizes: list[int]) -> None:
    """Server and operator take the block of each strategy, and its sizes are those of the load."""
    for strategy in choice.plan_trials(sizes):
        read = Batching.model_validate(choice.to_batching(strategy, sizes))
        assert read.strategy is strategy
        model = {
            "name": "m",
            "source": {"pvc": {"claimName": "c"}},
            **choice.to_manifest(strategy, sizes),
        }
        kind = {"apiVersion": "batchwright.dev/v1alpha1", "kind": "ModelServer"}
        manifest = {**kind, "metadata": {"name": "s"}, "spec": {"models": [model]}}
        (server,) = parse_manifests(str(manifest), file="block")
        assert isinstance(server, ModelServer)
        assert server.spec.models[0].batching.strategies == (strategy,)
    assert max(choice.buckets(sizes)) == max(sizes)
    assert set(choice.buckets(sizes)) <= set(sizes)


def test_rounds_are_one_trial() -> None:
    """What was measured in turns is summed up; a strategy that failed in one round has not been had."""
    rounds = [
        Trial(Strategy.RELOAD, _result(10), reloads=2),
        Trial(Strategy.RELOAD, _result(30), reloads=1),
    ]
    both = choice.join(rounds)

    assert both.result is not None
    assert (both.reloads, both.result.requests) == (3, 1400)
    assert both.result.samples_per_second.value == pytest.approx(4 / 0.02, rel=0.01)
    assert both.result.histogram.total == 1400
    assert choice.join([*rounds, Trial(Strategy.RELOAD, reason="memory")]).reason == "memory"


def test_fixed_is_tried_for_one_size_only() -> None:
    """A mix of sizes cannot be taken by one; a single size can."""
    assert Strategy.FIXED not in choice.plan_trials([1, 2])
    assert Strategy.FIXED in choice.plan_trials([8, 8])


class _Page(html.parser.HTMLParser):
    """What a page has: how many of each element, and what it would load."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.links: list[str | None] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.links += [value for name, value in attrs if name in ("src", "href")]


def test_whiskers_are_drawn_to_their_ends() -> None:
    """The interval of the best strategy is in the picture, however far it goes, and in its words."""
    outcomes = [Outcome(0.0, 0.0, (number + 1) / 10, 3 + number % 3) for number in range(10)]
    trial = Trial(Strategy.RELOAD, sum_up("a strategy", "one client", outcomes))
    assert trial.result is not None
    speed = trial.result.samples_per_second
    page = plot.render("m", [trial], choice.choose([trial], Objective.THROUGHPUT), [])
    found = re.search(r'<rect[^>]* x="(\d+)"[^>]* width="([\d.]+)".*?x2="([\d.]+)"', page)

    assert found is not None
    left, width, end = map(float, found.groups())
    assert 1.1 < speed.high / speed.value <= 2
    assert (end - left) / width == pytest.approx(speed.high / speed.value, rel=0.01)
    assert f"reload {speed}" in page


def test_the_page_stands_alone() -> None:
    """It has a bar for each measured strategy and every reason, loads nothing, and runs no script."""
    trials = [
        Trial(Strategy.RELOAD, _result(40), reloads=3),
        Trial(Strategy.DEMULTIPLEX, _result(10)),
        Trial(Strategy.DYNAMIC, reason="<memory>"),
    ]
    found = choice.choose(trials, Objective.THROUGHPUT)
    text = plot.render("A <model>", trials, found, [("To paste", "batching: {}")])
    page = _Page(text)

    assert page.tags.count("rect") == 2
    assert page.links == []
    assert "script" not in page.tags
    assert "&lt;memory&gt;" in text
    assert found.sentence in text


@pytest.mark.parametrize("objective", list(Objective))
def test_more_is_better_in_every_figure(objective: Objective) -> None:
    """A strategy that takes half the time has twice the figure of either objective."""
    slow, fast = Trial(Strategy.RELOAD, _result(20)), Trial(Strategy.DYNAMIC, _result(10))
    ratio = choice.figure(fast, objective).value / choice.figure(slow, objective).value

    assert ratio == pytest.approx(2, rel=0.02)

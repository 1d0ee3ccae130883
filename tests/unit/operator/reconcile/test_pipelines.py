"""Which Pipelines are left out of a document, and why."""

from hypothesis import given
from hypothesis import strategies as st

from batchwright_operator.reconcile.pipelines import Circumstances, find_faults, name_clashes
from batchwright_server.config.problems import InvalidDocument, Problem
from batchwright_server.config.signals import PipelineSignals
from tests.support.modelservers import make_server, make_signals
from tests.support.pipelines import make_pipeline

FOUR = tuple(make_pipeline(name) for name in "abcd")


@given(words=st.dictionaries(st.integers(0, 3), st.text(), max_size=4))
def test_a_refusal_is_taken_apart(words: dict[int, str]) -> None:
    """Each Pipeline that is named gets its own words, whatever they are; no other is left out."""
    problems = tuple(
        Problem(f"pipeline_config_list[{index}]", f"pipeline {FOUR[index].name!r}: {words[index]}")
        for index in sorted(words)
    )
    report = make_signals(rejected_hash="h", error=str(InvalidDocument(problems)))

    found = {pipeline.name: text for pipeline, text in find_faults(FOUR, "h", {"pod": report})}

    assert found == {
        FOUR[index].name: f"pipeline {FOUR[index].name!r}: {text}" for index, text in words.items()
    }


def test_faults_of_another_document_are_not_taken() -> None:
    """A refusal of an older document says nothing of this one, nor one of a model."""
    error = "pipeline_config_list[0]: pipeline 'a': bad"
    older = make_signals(rejected_hash="older", error=error)
    model = make_signals(rejected_hash="h", error="model_config_list[0].config: not enough memory")

    assert list(find_faults(FOUR, "h", {"one": older, "two": model})) == []


def test_what_a_server_cannot_serve_is_a_fault() -> None:
    """A server that started with it tells it in its signals."""
    broken = PipelineSignals(name="b", fault="no such model")
    report = make_signals(config_hash="h", pipelines=(PipelineSignals(name="a"), broken))

    assert [(one.name, text) for one, text in find_faults(FOUR, "h", {"pod": report})] == [
        ("b", "no such model")
    ]


def test_circumstances_that_are_unknown_are_not_news() -> None:
    """A pod that does not answer is no reason to try again; another version or model is."""
    models = make_server().spec.models
    before = Circumstances(models, frozenset({("m", 1, "reload")}))

    assert before.is_as(before)
    assert before.is_as(Circumstances(models, None))
    assert not before.is_as(Circumstances(models, frozenset({("m", 2, "reload")})))
    assert not before.is_as(Circumstances((), None))


def test_the_first_of_a_served_name_is_served() -> None:
    """The others are told whose it is."""
    [(clash, message)] = name_clashes((make_pipeline("a", name="N"), make_pipeline("b", name="N")))

    assert clash.name == "b"
    assert "'a'" in message

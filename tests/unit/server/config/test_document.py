import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from batchwright_server.config.batching import Batching
from batchwright_server.config.document import Document, parse_document, render_document
from batchwright_server.config.plan import Plan, Strategy, Streams
from batchwright_server.config.problems import InvalidDocument


def parse(**config: object) -> Document:
    keys = {"name": "m", "base_path": "/m"} | config
    return parse_document(json.dumps({"model_config_list": [{"config": keys}]}).encode())


@pytest.mark.parametrize(
    ("batch_size", "strategy"),
    [
        ("auto", "reload"),
        ("AUTO", "reload"),
        (4, "fixed"),
        ("4", "fixed"),
        (" 4 ", "fixed"),
        (None, "fixed"),
    ],
)
def test_batch_size_means_what_it_means_in_ovms(batch_size: object, strategy: str) -> None:
    """A number is a fixed batch size, `auto` reloads, absent is the model's own size."""
    batching = (
        parse(**({} if batch_size is None else {"batch_size": batch_size})).models[0].effective_batching
    )

    assert batching.strategy.value == strategy
    assert batching.fixed.batch_size == (4 if "4" in str(batch_size) else None)


@pytest.mark.parametrize(
    ("batch_size", "least", "most"), [("-1", 1, None), (-1, 1, None), ("2:8", 2, 8), (" 1 : 1 ", 1, 1)]
)
def test_a_dynamic_batch_size_is_any_or_a_range(
    batch_size: object, least: int, most: int | None
) -> None:
    """`-1` and `min:max` compile the model once for all of these sizes."""
    batching = parse(batch_size=batch_size).models[0].effective_batching

    assert batching.strategy is Strategy.DYNAMIC
    assert (batching.dynamic.min, batching.dynamic.max) == (least, most)


@pytest.mark.parametrize(
    "batch_size",
    ["atuo", "", "0", 0, -3, "1.5", "8:1", "0:4", ":", "1:", "1:2:3", "²", 10**20, 1.5, True],
)
def test_a_malformed_batch_size_is_an_error_with_its_path(batch_size: object) -> None:
    """Nothing is silently dropped: the field, what was expected and what came are told."""
    with pytest.raises(InvalidDocument) as caught:
        parse(batch_size=batch_size)

    assert str(caught.value).startswith("model_config_list[0].config.batch_size")


def test_every_problem_is_listed() -> None:
    """A user mends a document once, not once per fault."""
    with pytest.raises(InvalidDocument) as caught:
        parse_document(
            b'{"model_config_list": [{"config": {"name": ""}}, {"confg": {}}], "monitorng": {}}'
        )

    assert [problem.path for problem in caught.value.problems] == [
        "model_config_list[0].config.name",
        "model_config_list[0].config.base_path",
        "model_config_list[1].config",
        "model_config_list[1].confg",
        "monitorng",
    ]


@pytest.mark.parametrize("text", [b"", b"{", b"[]", b'"x"', b"\xff\xfe", b"null"])
def test_what_is_no_document_is_refused(text: bytes) -> None:
    """Whatever bytes are in the file, the answer is a refusal with a reason."""
    with pytest.raises(InvalidDocument):
        parse_document(text)


def test_two_models_of_one_name_are_refused() -> None:
    """A name belongs to one model."""
    entry = {"config": {"name": "m", "base_path": "/m"}}
    with pytest.raises(InvalidDocument, match=r"more than once.*'m'"):
        parse_document(json.dumps({"model_config_list": [entry, entry]}).encode())


def test_batch_size_and_batching_exclude_each_other() -> None:
    """Two answers to one question are refused."""
    with pytest.raises(InvalidDocument, match="keep one of them"):
        parse(batch_size="auto", batching={"strategy": "reload"})


def test_plans_are_the_serving_one_and_its_candidates() -> None:
    """Each strategy brings its own default of streams; nothing is measured twice."""
    batching = Batching(
        strategy=Strategy.RELOAD, candidates=(Strategy.RELOAD, Strategy.DEMULTIPLEX), streams=None
    )

    assert batching.plans == (Plan.of(Strategy.RELOAD), Plan(Strategy.DEMULTIPLEX, Streams.OPTIMUM))


batchings = st.builds(
    Batching,
    strategy=st.sampled_from(Strategy),
    streams=st.none() | st.sampled_from(Streams),
    max_batch_size=st.integers(1, 10_000),
    candidates=st.lists(st.sampled_from(Strategy), unique=True).map(tuple),
)


@given(batching=batchings, name=st.text(min_size=1, max_size=20))
def test_a_rendered_document_reads_back_the_same(batching: Batching, name: str) -> None:
    """What the operator writes is what the server reads, and equal documents are equal bytes."""
    written = parse(name=name, batching=batching.model_dump(mode="json"))

    again = parse_document(render_document(written))

    assert again == written
    assert render_document(again) == render_document(written)


@given(plan=st.builds(Plan, st.sampled_from(Strategy), st.sampled_from(Streams)))
def test_a_plan_is_read_from_its_own_text(plan: Plan) -> None:
    """`strategy/streams` names a plan."""
    assert Plan.parse(str(plan)) == plan

import json
from typing import Any

import pytest

from batchwright_server.config import refusals
from batchwright_server.config.document import Document, parse_document, render_document
from batchwright_server.config.plan import Strategy
from batchwright_server.config.preprocessing import Conversion
from batchwright_server.config.problems import InvalidDocument

# Every key of OVMS's schema for a model that is taken, with the forms it may have.
EVERYTHING = {
    "name": "m",
    "base_path": "/m",
    "batch_size": "1:8",
    "shape": {"x": "(1,3,224,224)", "y": "(1,-1,10:20)"},
    "layout": {"x": "NHWC:NCHW", "out": "NC"},
    "nireq": 4,
    "target_device": "GPU",
    "plugin_config": {"NUM_STREAMS": "1", "PERF_COUNT": True, "N": 1, "F": 0.5},
    "model_version_policy": {"specific": {"versions": [1, 4]}},
    "allow_cache": True,
    "stateful": False,
    "low_latency_transformation": False,
}


def parse(config: dict[str, Any], **top: Any) -> Document:
    keys = {"name": "m", "base_path": "/m"} | config
    return parse_document(json.dumps({"model_config_list": [{"config": keys}], **top}).encode())


def test_the_whole_schema_of_a_model_is_read_and_written() -> None:
    """Nothing of it is lost between reading and writing."""
    document = parse(EVERYTHING)

    assert parse_document(render_document(document)) == document
    assert list(document.models[0].shapes) == ["x", "y"]
    assert document.models[0].layouts["x"].is_transposed


@pytest.mark.parametrize(
    ("config", "reason"),
    [
        ({"stateful": True}, refusals.STATEFUL),
        ({"idle_sequence_cleanup": True}, refusals.STATEFUL),
        ({"low_latency_transformation": True}, refusals.STATEFUL),
        ({"max_sequence_number": 5}, refusals.STATEFUL),
        ({"custom_loader_options": {"loader_name": "l"}}, refusals.CUSTOM_LOADERS),
        ({"graph_path": "graph.pbtxt"}, refusals.MEDIAPIPE),
        ({"subconfig": "sub.json"}, refusals.MEDIAPIPE),
        ({"resize": "(1,2)"}, refusals.RESIZE),
    ],
)
def test_what_cannot_be_done_is_refused_by_name_with_the_reason(
    config: dict[str, Any], reason: str
) -> None:
    """The key's path and the reason, so that nobody believes it works."""
    with pytest.raises(InvalidDocument) as caught:
        parse(config)

    [problem] = caught.value.problems
    assert problem.path == f"model_config_list[0].config.{next(iter(config))}"
    assert problem.message.startswith(reason)


@pytest.mark.parametrize(
    "key", ["custom_node_library_config_list", "custom_loader_config_list", "mediapipe_config_list"]
)
def test_lists_that_are_not_supported_are_refused_unless_empty(key: str) -> None:
    """An empty list asks for nothing."""
    parse({}, **{key: []})
    with pytest.raises(InvalidDocument) as caught:
        parse({}, **{key: [{"name": "x"}]})

    assert [problem.path for problem in caught.value.problems] == [key]


@pytest.mark.parametrize(
    ("config", "path"),
    [
        ({"shape": "1,2"}, "shape"),
        ({"shape": 5}, "shape"),
        ({"shape": '{"x": '}, "shape"),
        ({"layout": "NN"}, "layout"),
        ({"layout": {"x": 1}}, "layout"),
        ({"mean": "[1,2"}, "mean"),
        ({"mean": [1, "x"]}, "mean"),
        ({"mean": True}, "mean"),
        ({"mean": "[]"}, "mean"),
        ({"scale": "1_0"}, "scale"),
        ({"scale": "[1,0]"}, "scale"),
        ({"scale": "nan"}, "scale"),
        ({"scale": {}}, "scale"),
        ({"color_format": "RGB"}, "color_format"),
        ({"color_format": "RGB:CMYK"}, "color_format"),
        ({"color_format": "RGB:NV12_2"}, "color_format"),
        ({"precision": "UINT8"}, "precision"),
        ({"precision": "UINT8:FLOAT"}, "precision"),
        ({"precision": 5}, "precision"),
        ({"nireq": 100_001}, "nireq"),
        ({"nireq": -1}, "nireq"),
        ({"plugin_config": "{"}, "plugin_config"),
        ({"model_version_policy": "latest"}, "model_version_policy"),
        ({"allow_cache": "yes"}, "allow_cache"),
        ({"shpae": "(1)"}, "shpae"),
    ],
)
def test_a_faulty_value_is_told_with_its_path(config: dict[str, Any], path: str) -> None:
    """One fault, one line, by the path a user finds in the file."""
    with pytest.raises(InvalidDocument) as caught:
        parse(config)

    assert [problem.path for problem in caught.value.problems] == [f"model_config_list[0].config.{path}"]


def test_objects_may_be_given_as_json_texts() -> None:
    """As on OVMS's command line."""
    config = {"plugin_config": '{"A": 1}', "model_version_policy": '{"all": {}}'}

    assert parse(config).models[0].plugin_config == {"A": 1}
    assert parse(config) == parse({"plugin_config": {"A": 1}, "model_version_policy": {"all": {}}})


@pytest.mark.parametrize(
    ("config", "strategy", "bounds"),
    [
        ({"shape": "(8,3)"}, Strategy.FIXED, (1, None)),
        ({"shape": "(-1,3)"}, Strategy.DYNAMIC, (1, None)),
        ({"shape": "(2:8,3)"}, Strategy.DYNAMIC, (2, 8)),
        ({"shape": {"x": "(4,3)", "y": "(2:8)"}}, Strategy.DYNAMIC, (2, 8)),
        ({"shape": {"x": "(-1,3)"}, "layout": {"x": "HW"}}, Strategy.FIXED, (1, None)),
        ({"shape": "(-1,3)", "batch_size": 4}, Strategy.DYNAMIC, (1, None)),
    ],
)
def test_a_shape_decides_the_batch(
    config: dict[str, Any], strategy: Strategy, bounds: tuple[int, int | None]
) -> None:
    """Its first dimension says how batches are taken, before batch_size does."""
    batching = parse(config).models[0].effective_batching

    assert batching.strategy is strategy
    assert (batching.dynamic.min, batching.dynamic.max) == bounds
    assert batching.fixed.batch_size is None


def test_what_is_taken_in_another_way_is_a_warning() -> None:
    """batch_size beside shape, old property names, metrics that cannot be turned off."""
    document = parse(
        {"shape": "(1,2)", "batch_size": 4, "plugin_config": {"CPU_THREADS_NUM": 1}},
        monitoring={"metrics": {"enable": False, "metrics_list": ["ovms_streams", "ovms_strems"]}},
    )

    assert [warning.path for warning in document.warnings] == [
        "model_config_list[0].config.batch_size",
        "model_config_list[0].config.plugin_config",
        "monitoring",
        "monitoring",
    ]
    assert "ovms_strems" in document.warnings[-1].message


def test_a_document_as_it_should_be_has_no_warnings() -> None:
    """Nothing is told where nothing differs."""
    assert parse({"batch_size": "auto"}, monitoring={"metrics": {"enable": True}}).warnings == ()


@pytest.mark.parametrize("shape", ["auto", {"x": "auto", "y": "(1,2)"}])
def test_shape_auto_reloads(shape: Any) -> None:
    """A new shape is compiled when it comes, unless `batching` says otherwise."""
    batching = {"strategy": "dynamic"}

    assert parse({"shape": shape}).models[0].effective_batching.strategy is Strategy.RELOAD
    native = parse({"shape": shape, "batching": batching}).models[0]
    assert native.effective_batching.strategy is Strategy.DYNAMIC


@pytest.mark.parametrize(
    ("value", "numbers"),
    [
        ("127.5", 127.5),
        (2, 2.0),
        ("[1, 2.5 ,3]", (1.0, 2.5, 3.0)),
        ("(4)", (4.0,)),
        ([5, 6], (5.0, 6.0)),
    ],
)
def test_means_and_scales_are_read_in_every_form(value: Any, numbers: object) -> None:
    """As OVMS takes them: a number, or one for each channel, as a text or as such."""
    model = parse({"mean": value, "scale": value}).models[0]

    assert (model.mean, model.scale) == (numbers, numbers)


def test_both_sides_of_a_colon_are_in_ovms_order() -> None:
    """Colors have the model's first, element types have the clients' first."""
    model = parse({"color_format": "rgb:BGR", "precision": "uint8 : fp32"}).models[0]

    assert model.color == Conversion(clients="BGR", model="RGB")
    assert model.element_type == Conversion(clients="UINT8", model="FP32")

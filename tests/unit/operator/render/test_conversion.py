"""Configuration documents to manifests and back."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from batchwright_operator.render.conversion import Placing, render_model_server
from batchwright_operator.render.export import export_document
from batchwright_operator.render.settings import Settings
from batchwright_operator.resources.modelserver import ModelServer
from batchwright_server.config.document import Document, ModelConfig, parse_document, render_document
from tests.support.modelservers import make_server, model_document

SETTINGS = Settings()
PLACING = Placing({"models": SETTINGS.claim_path("models"), "other": SETTINGS.claim_path("other")})

sizes = st.integers(1, 1000)
shapes = st.sampled_from(["(1,3,224,224)", "(-1,4)", "(2:8,-1)", {"x": "(4,3)", "y": "(1:2,5)"}])
policies = st.one_of(
    st.builds(lambda count: {"latest": {"num_versions": count}}, st.integers(1, 9)),
    st.builds(lambda versions: {"specific": {"versions": versions}}, st.lists(sizes, min_size=1)),
    st.just({"all": {}}),
)
batch_sizes = st.one_of(
    sizes,
    st.just("auto"),
    st.just("-1"),
    st.tuples(sizes, sizes).map(lambda two: "{}:{}".format(*sorted(two))),
)
batchings = st.fixed_dictionaries(
    {"strategy": st.sampled_from(["reload", "demultiplex", "dynamic"])},
    optional={
        "candidates": st.lists(st.sampled_from(["reload", "demultiplex", "dynamic"]), unique=True),
        "max_batch_size": sizes,
        "reload": st.fixed_dictionaries(
            {
                "queue": st.fixed_dictionaries(
                    {"max_wait_seconds": sizes}, optional={"max_bytes": st.integers(1 << 20, 1 << 40)}
                )
            }
        ),
    },
)
common = {
    "base_path": st.sampled_from(["/models/models/resnet", "/models/other", "/models/other/a/b"]),
    "name": st.from_regex(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,8}[A-Za-z0-9]", fullmatch=True),
}
optional = {
    "nireq": sizes,
    "target_device": st.sampled_from(["CPU", "GPU", "AUTO:GPU,CPU"]),
    "plugin_config": st.dictionaries(
        st.text("ABC_", min_size=1), st.text(max_size=5) | st.integers(-9, 9)
    ),
    "model_version_policy": policies,
    "layout": st.sampled_from(["NCHW", {"x": "NHWC:NCHW", "y": "NC"}]),
}
configs = st.one_of(
    st.fixed_dictionaries(common, optional={**optional, "shape": shapes}),
    st.fixed_dictionaries(common, optional={**optional, "batch_size": batch_sizes}),
    st.fixed_dictionaries({**common, "batching": batchings}, optional={**optional, "shape": shapes}),
)


def parse(*raw: dict[str, Any], **top: Any) -> Document:
    text = json.dumps({"model_config_list": [{"config": config} for config in raw], **top})
    return parse_document(text.encode())


def meaning(config: ModelConfig) -> dict[str, Any]:
    """What a server does by a configuration, however it is written."""
    batching = config.effective_batching
    return {
        "where": (config.name, config.base_path, config.version_policy),
        "device": (config.target_device, config.nireq, config.properties),
        "network": (config.shapes, config.layouts),
        "batching": batching.model_copy(update={"candidates": (), "streams": None}),
        "plans": batching.plans,
    }


@given(raw=configs)
def test_a_document_comes_back_with_its_meaning(raw: dict[str, Any]) -> None:
    """To a manifest and back: the same models, served in the same way, and nothing lost."""
    document = parse(raw)

    converted = render_model_server(document, "m", PLACING)
    exported = export_document(ModelServer.model_validate(converted.manifest), SETTINGS)

    assert (converted.losses, exported.losses) == ((), ())
    assert [meaning(config) for config in exported.document.models] == [
        meaning(config) for config in document.models
    ]
    assert parse_document(render_document(exported.document)) == exported.document


@given(raw=configs)
def test_a_manifest_comes_back_the_same(raw: dict[str, Any]) -> None:
    """To a document and back: the same object, once it says only what a document can."""
    first = render_model_server(parse(raw), "m", PLACING).manifest
    document = export_document(ModelServer.model_validate(first), SETTINGS).document

    again = render_model_server(document, "m", PLACING).manifest

    assert again == first


@pytest.mark.parametrize("batch_size", [None, 8, "auto", "-1", "1:16"])
def test_what_ovms_can_say_is_said_in_its_words(batch_size: int | str | None) -> None:
    """A plain `batch_size` comes back as one, so that the document also serves OVMS."""
    config = {"name": "m", "base_path": "/models/models/m"}
    if batch_size is not None:
        config["batch_size"] = batch_size  # type: ignore[assignment]  # one of OVMS's two types
    manifest = render_model_server(parse(config), "m", PLACING).manifest

    document = export_document(ModelServer.model_validate(manifest), SETTINGS).document

    assert json.loads(render_document(document))["model_config_list"] == [{"config": config}]


def test_old_property_names_are_written_in_todays() -> None:
    """A manifest starts with what OpenVINO takes today."""
    config = {
        "name": "m",
        "base_path": "/models/other",
        "plugin_config": {"CPU_THREADS_NUM": 2, "F": 0.5, "B": True},
    }

    manifest = render_model_server(parse(config), "m", PLACING).manifest

    assert manifest is not None
    assert manifest["spec"]["models"][0]["pluginConfig"] == {
        "INFERENCE_NUM_THREADS": 2,
        "F": "0.5",
        "B": "YES",
    }


@pytest.mark.parametrize(
    ("config", "path"),
    [
        ({"allow_cache": True}, "allow_cache"),
        ({"base_path": "/elsewhere/m"}, "base_path"),
        ({"batching": {"strategy": "reload", "streams": "optimum"}}, "batching.streams"),
        ({"batching": {"strategy": "fixed", "candidates": ["reload"]}}, "batching.candidates"),
        (
            {"batching": {"strategy": "reload", "calibration": {"max_seconds": 1}}},
            "batching.calibration",
        ),
        (
            {"batching": {"strategy": "reload", "reload": {"queue": {"max_wait_seconds": 0.5}}}},
            "batching.reload.queue.max_wait_seconds",
        ),
    ],
)
def test_what_a_manifest_cannot_say_is_listed(config: dict[str, Any], path: str) -> None:
    """By its path in the document; nothing is dropped silently."""
    converted = render_model_server(
        parse({"name": "m", "base_path": "/models/other", **config}), "m", PLACING
    )

    assert f"model_config_list[0].config.{path}" in [loss.path for loss in converted.losses]


def test_a_name_that_a_manifest_cannot_have_is_told() -> None:
    """Without a valid object there is no manifest, and the reason is there."""
    converted = render_model_server(parse({"name": "a/b", "base_path": "/models/other"}), "m", PLACING)

    assert converted.manifest is None
    assert [loss.path for loss in converted.losses] == ["spec.models[0].name"]


@pytest.mark.parametrize(
    ("spec", "path"),
    [
        ({"replicas": 2}, "spec.replicas"),
        ({"service": {"grpcPort": 9100}}, "spec.service"),
        ({"pod": {"image": "x"}}, "spec.pod"),
        ({"tls": {"secretName": "x"}}, "spec.tls"),
        ({"auth": {"secretName": "x"}}, "spec.auth"),
        ({"networkPolicy": {}}, "spec.networkPolicy"),
        ({"autoscaling": {"maxReplicas": 2}}, "spec.autoscaling"),
        ({"monitoring": {"serviceMonitor": True}}, "spec.monitoring"),
        ({"update": {"policy": "WithOperator"}}, "spec.update"),
    ],
)
def test_what_a_document_cannot_say_is_listed(spec: dict[str, Any], path: str) -> None:
    """By its path in the manifest."""
    server = make_server(model_document(batching={"strategy": "Reload"}), **spec)

    assert [loss.path for loss in export_document(server, SETTINGS).losses] == [path]


def test_the_policy_of_a_model_is_listed() -> None:
    """A server alone never switches, unless the policy only observed."""
    enforcing = make_server()
    observing = make_server(model_document(batching={"adaptive": {"mode": "Observe"}}))

    assert [loss.path for loss in export_document(enforcing, SETTINGS).losses] == [
        "spec.models[0].batching.adaptive"
    ]
    assert export_document(observing, SETTINGS).losses == ()

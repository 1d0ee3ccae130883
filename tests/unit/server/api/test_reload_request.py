import pytest

from batchwright_server.api import reload_request
from batchwright_server.config.document import Document, parse_document
from batchwright_server.config.problems import InvalidDocument
from batchwright_server.errors import InvalidInput
from batchwright_server.protos.model_management_pb2 import ReloadConfigRequest

CURRENT = parse_document(
    b'{"model_config_list": [{"config": {"name": "a", "base_path": "/a", "batch_size": "auto",'
    b' "nireq": 3}}]}'
)


def request_for(*models: tuple[str, str]) -> ReloadConfigRequest:
    request = ReloadConfigRequest()
    request.config.model_config_list.SetInParent()
    for name, base_path in models:
        request.config.model_config_list.config.add(
            name=name, base_path=base_path, model_platform="tensorflow"
        )
    return request


def convert(request: ReloadConfigRequest) -> Document:
    return reload_request.to_document(request, CURRENT)


def test_the_models_of_the_request_replace_those_that_are() -> None:
    """What is not named goes; an empty list leaves nothing."""
    names = [model.name for model in convert(request_for(("b", "/b"), ("c", "/c"))).models]

    assert names == ["b", "c"]
    assert convert(request_for()).models == ()


def test_a_model_keeps_what_the_request_cannot_say() -> None:
    """Its path is the request's, its batching and infer requests stay."""
    (model,) = convert(request_for(("a", "/elsewhere"))).models

    assert (model.base_path, model.batch_size, model.nireq) == ("/elsewhere", "auto", 3)


def test_version_policies_are_taken() -> None:
    """Each kind of policy means the same in the document; none is the latest version."""
    request = request_for(("a", "/a"), ("b", "/b"), ("c", "/c"), ("d", "/d"))
    configs = request.config.model_config_list.config
    configs[0].model_version_policy.latest.num_versions = 2
    configs[1].model_version_policy.all.SetInParent()
    configs[2].model_version_policy.specific.versions.extend([1, 4])

    policies = [
        model.model_version_policy.model_dump(exclude_none=True) for model in convert(request).models
    ]

    assert policies == [
        {"latest": {"num_versions": 2}},
        {"all": {}},
        {"specific": {"versions": (1, 4)}},
        {"latest": {"num_versions": 1}},
    ]


def test_what_cannot_be_a_configuration_is_told() -> None:
    """Neither another kind of configuration, labels, nor a model without a path is taken."""
    labelled = request_for(("a", "/a"))
    labelled.config.model_config_list.config[0].version_labels["stable"] = 1

    with pytest.raises(InvalidInput, match="expected model_config_list"):
        convert(ReloadConfigRequest())
    with pytest.raises(InvalidInput, match="labels are not served"):
        convert(labelled)
    with pytest.raises(InvalidDocument, match=r"model_config_list\[0\].config.base_path"):
        convert(request_for(("a", "")))
    with pytest.raises(InvalidDocument, match="name of its own"):
        convert(request_for(("a", "/a"), ("a", "/b")))

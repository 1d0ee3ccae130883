import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from batchwright_server.config.document import parse_document, render_document
from batchwright_server.config.problems import InvalidDocument, problems_of
from batchwright_server.config.version_policy import (
    AllVersions,
    LatestVersions,
    SpecificVersions,
    VersionPolicy,
    VersionPolicyBlock,
    select,
)

policies: st.SearchStrategy[VersionPolicy] = st.one_of(
    st.builds(LatestVersions, num_versions=st.integers(1, 5)),
    st.builds(SpecificVersions, versions=st.lists(st.integers(1, 9), min_size=1).map(tuple)),
    st.just(AllVersions()),
)


@pytest.mark.parametrize(
    ("policy", "expected"),
    [
        (LatestVersions(), (7,)),
        (LatestVersions(num_versions=2), (3, 7)),
        (LatestVersions(num_versions=9), (1, 3, 7)),
        (SpecificVersions(versions=(7, 2, 1)), (1, 7)),
        (AllVersions(), (1, 3, 7)),
    ],
)
def test_each_policy_chooses_as_in_ovms(policy: VersionPolicy, expected: tuple[int, ...]) -> None:
    """The latest N, those that are named and there, or all."""
    assert select(policy, [3, 7, 1]) == expected


@given(policy=policies, available=st.sets(st.integers(1, 9)))
def test_what_is_selected_is_there_and_in_order(policy: VersionPolicy, available: set[int]) -> None:
    """Never a version that is not in the repository, none twice, ascending."""
    chosen = select(policy, available)

    assert set(chosen) <= available
    assert list(chosen) == sorted(set(chosen))


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        ({"latest": {"num_versions": 2}}, LatestVersions(num_versions=2)),
        ({"latest": {}}, LatestVersions()),
        ({"specific": {"versions": [1, 3]}}, SpecificVersions(versions=(1, 3))),
        ({"all": {}}, AllVersions()),
    ],
)
def test_a_policy_is_read_and_written(raw: dict[str, object], expected: VersionPolicy) -> None:
    """OVMS's JSON, and back through a rendered document."""
    config = {"name": "m", "base_path": "/m", "model_version_policy": raw}

    document = parse_document(json.dumps({"model_config_list": [{"config": config}]}).encode())

    assert document.models[0].version_policy == expected
    assert parse_document(render_document(document)) == document


@pytest.mark.parametrize(
    ("raw", "path"),
    [
        ({}, ""),
        ({"latest": {}, "all": {}}, ""),
        ({"latest": {"num_versions": 0}}, "latest.num_versions"),
        ({"specific": {"versions": []}}, "specific.versions"),
        ({"specific": {"versions": [0]}}, "specific.versions[0]"),
        ({"newest": {}}, "newest"),
    ],
)
def test_a_faulty_policy_is_refused_with_its_path(raw: dict[str, object], path: str) -> None:
    """Exactly one known key, with a number of versions or their numbers."""
    with pytest.raises(ValidationError) as caught:
        VersionPolicyBlock.model_validate(raw)

    assert path in {problem.path for problem in problems_of(caught.value)}


def test_a_policy_that_is_no_object_is_refused() -> None:
    """A number where an object belongs is a fault of the document."""
    config = {"name": "m", "base_path": "/m", "model_version_policy": 3}
    with pytest.raises(InvalidDocument, match="model_version_policy"):
        parse_document(json.dumps({"model_config_list": [{"config": config}]}).encode())

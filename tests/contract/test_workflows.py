"""What runs at every change elsewhere is what runs here."""

import re
from pathlib import Path

import pytest
import yaml

from tests.support import workflows
from tests.support.cluster import access
from tests.support.node import images

FILES = sorted(workflows.FOLDER.glob("*.yml"))
TEXTS = {path.stem: path.read_text() for path in FILES}
ROOT = workflows.FOLDER.parents[1]


@pytest.fixture(scope="module")
def actionlint() -> str:
    """The linter."""
    found = workflows.find()
    if found is None:
        pytest.skip("no actionlint: neither Go to build it nor installed")
    return found


def test_workflows_are_sound(actionlint: str) -> None:
    """A linter that knows GitHub's contexts, actions and shells has nothing to say."""
    assert workflows.lint(actionlint, FILES) == ""


def test_the_linter_sees_mistakes(actionlint: str, tmp_path: Path) -> None:
    """A key that GitHub does not know is told, so silence means something."""
    (tmp_path / "bad.yml").write_text(TEXTS["check"].replace("runs-on:", "run-on:"))

    assert "run-on" in workflows.lint(actionlint, [tmp_path / "bad.yml"])


def test_all_supported_pythons_are_tried() -> None:
    """From the oldest that the project's metadata admits to the newest."""
    project = (ROOT / "pyproject.toml").read_text()
    named = re.findall(r'"Programming Language :: Python :: (3\.\d+)"', project)
    matrix = yaml.safe_load(TEXTS["check"])["jobs"]["test"]["strategy"]["matrix"]["python"]

    assert matrix == named
    following = f"3.{int(matrix[-1].removeprefix('3.')) + 1}"
    assert f'requires-python = ">={matrix[0]},<{following}"' in project


def test_stories_get_the_images_they_name() -> None:
    """What stories run by name is what the workflow loads into its cluster, and nothing is missing."""
    text = TEXTS["e2e"]
    for image in images.IMAGES:
        name, _, tag = image.reference.removeprefix("localhost/batchwright/").partition(":")
        assert f"{name}:{tag}" in text
        assert re.search(rf"for target in [a-z ]*\b{image.target}\b", text)
    assert f"docker tag {images.SERVER.reference} {images.NEXT_SERVER}" in text
    assert "build/models.tar" in text


def test_the_cluster_is_one_that_stories_take() -> None:
    """Its name is that of a disposable one, or everything would be refused."""
    workflow = yaml.safe_load(TEXTS["e2e"])

    assert f"kind-{workflow['env']['CLUSTER']}".startswith(access.DISPOSABLE)
    assert access.KUBECONFIG in workflow["env"]


def test_workflows_may_write_nothing_but_a_release() -> None:
    """Each says what it may, and only the release may write."""
    rights = {name: yaml.safe_load(text)["permissions"] for name, text in TEXTS.items()}

    assert {name for name, given in rights.items() if "write" in given.values()} == {"release"}

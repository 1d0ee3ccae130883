"""Each pod template revision renders what it always did.

For a new revision: `python -m tests.support.template_revisions r2 > tests/golden/template_r2.yaml`, and
read it.
"""

import pytest
import yaml

from batchwright_operator.render.revisions.registry import REVISIONS, Revision
from tests.support.template_revisions import GOLDEN, render_golden

ADVICE = (
    "the pods of revision {name} are no longer rendered as they were: an upgrade of the operator would "
    "replace the pods of every user. Leave {name} as it was, and make the change in a copy of it, as "
    "the next revision in render/revisions/registry.py, with a golden file of its own."
)


@pytest.mark.parametrize("revision", REVISIONS, ids=lambda revision: revision.name)
def test_a_revision_is_frozen(revision: Revision) -> None:
    """Pods that were made by a revision are never replaced because this project has changed."""
    expected = yaml.safe_load((GOLDEN / f"template_{revision.name}.yaml").read_text())
    assert render_golden(revision) == expected, ADVICE.format(name=revision.name)


def test_golden_files_are_of_revisions() -> None:
    """A revision that was released stays: pods may have been made by it."""
    names = {path.stem.removeprefix("template_") for path in GOLDEN.glob("template_*.yaml")}
    assert names == {revision.name for revision in REVISIONS}

"""`batchwright explain` tells a decision with its numbers."""

import json
from dataclasses import replace
from pathlib import Path

from click.testing import CliRunner

from batchwright_operator.cli.group import batchwright
from batchwright_operator.policy.rules import Mode
from tests.unit.operator.policy.samples import RULES, Desk, Pod, mixed_on_reload


def _write_status(state: Path) -> str:
    """The status that `batchwright up` would keep after some mixed traffic on reload."""
    desk = Desk(rules=replace(RULES, mode=Mode.OBSERVE))
    pod = Pod()
    for _ in range(15):
        pod = mixed_on_reload(pod)
        desk.tick(pod)
    decision = desk.last
    model = {
        "name": "resnet",
        "strategy": "reload",
        "streams": "one",
        "decision": {
            "action": decision.action.value,
            "reason": decision.reason.value,
            "message": decision.message,
            "observed": dict(decision.observed),
            "predicted": dict(decision.predicted),
        },
    }
    (state / "demo").mkdir()
    (state / "demo" / "status.json").write_text(json.dumps({"status": {"models": [model]}}))
    return decision.message


def test_a_decision_is_told_with_its_table_and_its_histogram(tmp_path: Path) -> None:
    """The sentence, each plan's cost, the batch sizes as bars, and what would change it."""
    message = _write_status(tmp_path)
    result = CliRunner().invoke(batchwright, ["explain", "demo", "--state-dir", str(tmp_path)])
    assert result.exit_code == 0, result.output
    told = " ".join(result.output.split())
    assert message in told
    assert "█" in told
    assert "Demultiplex" in told
    assert "Another decision would follow from:" in told


def test_the_sizes_of_buckets_are_told(tmp_path: Path) -> None:
    """Those that serve are named."""
    _write_status(tmp_path)
    path = tmp_path / "demo" / "status.json"
    told = json.loads(path.read_text())
    (model,) = told["status"]["models"]
    model |= {"strategy": "buckets", "bucketSizes": [3, 7]}
    path.write_text(json.dumps(told))
    result = CliRunner().invoke(batchwright, ["explain", "demo", "--state-dir", str(tmp_path)])
    assert result.exit_code == 0, result.output
    assert "It serves with Buckets of 3 and 7." in result.output.splitlines()


def test_a_model_that_is_not_there_is_told(tmp_path: Path) -> None:
    """A wrong name is an error that says what was looked for."""
    _write_status(tmp_path)
    arguments = ["explain", "demo", "--model", "other", "--state-dir", str(tmp_path)]
    result = CliRunner().invoke(batchwright, arguments)
    assert result.exit_code == 1
    assert "expected model 'other'" in result.output

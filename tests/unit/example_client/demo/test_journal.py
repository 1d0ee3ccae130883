import json
from pathlib import Path

from example_client.demo import journal

SWITCH = {
    "reason": "StrategySwitched",
    "message": "faster",
    "model": "resnet",
    "from": "a/x",
    "to": "b/y",
}
BACK = {"reason": "StrategyReturned", "message": "", "model": "resnet", "from": "b/y", "to": "a/x"}
OTHER = {"reason": "Applied", "message": "", "model": "", "from": "", "to": ""}


def _write_events(home: Path, *events: tuple[float, dict[str, str]], rest: str = "") -> None:
    lines = [json.dumps({"at": at, "type": "Normal", **event}) + "\n" for at, event in events]
    (home / "events.jsonl").write_text("".join(lines) + rest, "utf-8")


def test_switches_there_and_back(tmp_path: Path) -> None:
    """Every change of plan since the traffic began is found, in both directions, and nothing else."""
    _write_events(tmp_path, (90.0, SWITCH), (100.0, OTHER), (110.5, SWITCH), (130.0, BACK))

    found = journal.Journal(tmp_path).switches(100.0)

    assert [(one.at, one.source, one.target) for one in found] == [
        (10.5, "a/x", "b/y"),
        (30.0, "b/y", "a/x"),
    ]


def test_a_line_half_written_waits(tmp_path: Path) -> None:
    """An event that is being written is passed over until its line is whole."""
    _write_events(tmp_path, (110.0, SWITCH), rest='{"at": 12')

    assert len(journal.Journal(tmp_path).switches(100.0)) == 1


def test_status_tells_ready_and_the_decision(tmp_path: Path) -> None:
    """Ready and the decision are read from the status; before there is one, neither is there."""
    book = journal.Journal(tmp_path)
    assert (book.is_ready(), book.decision("resnet"), book.switches(0.0)) == (False, {}, ())

    models = [{"name": "resnet", "decision": {"message": "stays"}}]
    status = {"conditions": [{"type": "Ready", "status": "True"}], "models": models}
    (tmp_path / "status.json").write_text(json.dumps({"status": status}), "utf-8")

    assert book.is_ready()
    assert book.decision("resnet") == {"message": "stays"}

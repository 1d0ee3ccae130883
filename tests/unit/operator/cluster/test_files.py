"""What the local cluster keeps in files."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from batchwright_operator.cluster import journal, leftovers, projection
from batchwright_operator.cluster.process import last_words
from batchwright_operator.reconcile.outcome import Event, EventType
from batchwright_operator.resources.metadata import ObjectKey
from batchwright_operator.resources.status import ModelServerStatus

KEY = ObjectKey("default", "vision")


def test_projection_is_replaced_in_one_step(tmp_path: Path) -> None:
    """A reader who follows the links sees one version; nothing of the old one is left."""
    projection.apply_projection(tmp_path, {"config.json": "1", "old": "x"})
    projection.apply_projection(tmp_path, {"config.json": "2"})
    assert (tmp_path / "config.json").read_text() == "2"
    assert (tmp_path / "config.json").readlink() == Path("..data/config.json")
    assert projection.load_projection(tmp_path) == {"config.json": "2"}
    assert len(list(tmp_path.iterdir())) == 3  # the visible link, ..data, and what it leads to


def test_nothing_projected(tmp_path: Path) -> None:
    """A directory without a projection has none."""
    assert projection.load_projection(tmp_path / "missing") is None


def test_a_projection_that_cannot_be_read(tmp_path: Path) -> None:
    """What is no text any more counts as absent, and is replaced like any other."""
    projection.apply_projection(tmp_path, {"config.json": "1"})
    (tmp_path / "config.json").write_bytes(b"\xff\xfe")
    assert projection.load_projection(tmp_path) is None
    projection.apply_projection(tmp_path, {"config.json": "2"})
    assert projection.load_projection(tmp_path) == {"config.json": "2"}


def test_status_is_read_back(tmp_path: Path) -> None:
    """What is written is what is read, as a whole object."""
    path = tmp_path / "vision" / "status.json"
    status = ModelServerStatus(observed_generation=3, replicas=2)
    journal.apply_status(path, KEY, status)
    assert journal.load_status(path) == status
    assert json.loads(path.read_text())["metadata"] == {"name": "vision", "namespace": "default"}


@pytest.mark.parametrize("content", [None, b"", b"{", b"[]", b"{}", b'{"status": {"replicas": "x"}}'])
def test_status_that_cannot_be_read(tmp_path: Path, content: bytes | None) -> None:
    """A status that is missing or broken is none, and no error."""
    path = tmp_path / "status.json"
    if content is not None:
        path.write_bytes(content)
    assert journal.load_status(path) is None


def test_events_are_lines(tmp_path: Path) -> None:
    """Each event is one line of JSON with the keys that readers rely on."""
    event = Event(1.5, EventType.NORMAL, "StrategySwitched", "why", "m", "reload/one", "fixed/one")
    for _ in range(2):
        journal.append_event(tmp_path / "events.jsonl", event)
    lines = (tmp_path / "events.jsonl").read_text().splitlines()
    assert [json.loads(line) for line in lines] == 2 * [
        {
            "at": 1.5,
            "type": "Normal",
            "reason": "StrategySwitched",
            "message": "why",
            "model": "m",
            "pipeline": "",
            "from": "reload/one",
            "to": "fixed/one",
        }
    ]


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("a\nb\n\n", "b"),
        ("", ""),
        ("x" * 9000, "x" * 300),
        ("one", "one"),
        ("1 ERROR app no port\n2 INFO app ending\n", "1 ERROR app no port"),
        ("1 ERROR app one\n2 ERROR app two\n", "2 ERROR app two"),
    ],
)
def test_last_words(tmp_path: Path, text: str, line: str) -> None:
    """A log's last words are its last error, else its last line, at a bearable length."""
    log = tmp_path / "log"
    log.write_text(text)
    assert last_words(log) == line


def test_last_words_are_of_one_life(tmp_path: Path) -> None:
    """What an earlier process printed explains nothing about this one."""
    log = tmp_path / "log"
    log.write_text("1 ERROR app no port\n")
    assert last_words(log, since=log.stat().st_size) == ""


def test_one_run_for_each_state_directory(tmp_path: Path) -> None:
    """A second run is refused while the first lives, and let in afterwards."""
    with leftovers.lock_state(tmp_path), pytest.raises(leftovers.StateInUseError, match="another run"):
        leftovers.lock_state(tmp_path)
    leftovers.lock_state(tmp_path).close()


def test_an_object_may_be_named_lock(tmp_path: Path) -> None:
    """The lock takes no name that an object's folder could have."""
    with leftovers.lock_state(tmp_path):
        path = tmp_path / "lock" / "status.json"
        journal.apply_status(path, ObjectKey("default", "lock"), ModelServerStatus())
        assert journal.load_status(path) is not None


def test_leftovers_are_ended(tmp_path: Path) -> None:
    """A pod of a killed run is ended; a stranger that got its number is not."""
    pods = tmp_path / "vision" / "pods"
    pods.mkdir(parents=True)
    wait = [sys.executable, "-c", "import time; print(flush=True); time.sleep(60)"]
    mark = f"--config_path={tmp_path}/vision/config/config.json"
    ours = subprocess.Popen([*wait, mark], start_new_session=True, stdout=subprocess.PIPE)
    stranger = subprocess.Popen(wait, start_new_session=True)
    try:
        assert ours.stdout is not None
        ours.stdout.readline()  # it runs: before, it may have no command line yet
        (pods / "a.pid").write_text(f"{ours.pid}\n")
        (pods / "b.pid").write_text(f"{stranger.pid}\n")
        (pods / "c.pid").write_text("?")
        assert leftovers.end_leftovers(tmp_path) == (ours.pid,)
        assert ours.wait(10) < 0
        assert stranger.poll() is None
        assert list(pods.iterdir()) == []
    finally:
        for process in (ours, stranger):
            process.kill()
            process.communicate()

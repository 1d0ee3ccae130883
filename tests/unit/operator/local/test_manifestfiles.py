"""Manifest files are read and watched."""

from pathlib import Path

import pytest
import yaml

from batchwright_operator.local.manifestfiles import Contents, Watch, load_manifests
from batchwright_operator.resources.manifests import InvalidManifests
from tests.support.modelservers import server_document


def _write(path: Path, name: str) -> Path:
    path.write_text(yaml.safe_dump(server_document(name=name)))
    return path


def test_faults_of_all_files(tmp_path: Path) -> None:
    """A broken file does not hide the faults of the next; a missing one is a fault too."""
    broken, good = tmp_path / "broken.yaml", _write(tmp_path / "good.yaml", "good")
    broken.write_text("kind: Pod")
    with pytest.raises(InvalidManifests) as caught:
        load_manifests([broken, tmp_path / "missing.yaml", good, good])
    text = str(caught.value)
    assert all(
        part in text for part in ("broken.yaml: document 1: kind", "missing.yaml: cannot be read", "too")
    )


def test_a_change_is_told_once_it_has_stayed(tmp_path: Path) -> None:
    """The first look at a change waits for the second; afterwards it is old news."""
    file = _write(tmp_path / "a.yaml", "one")
    watch = Watch(Contents.read([file]))
    assert watch.poll() is None
    _write(file, "other")
    looks = [watch.poll() for _ in range(3)]
    assert [look.parse()[0].name if look else None for look in looks] == [None, "other", None]


def test_a_file_saved_unchanged_is_no_change(tmp_path: Path) -> None:
    """Saving the same content does nothing."""
    file = _write(tmp_path / "a.yaml", "one")
    watch = Watch(Contents.read([file]))
    file.unlink()
    assert watch.poll() is None
    _write(file, "one")
    assert [watch.poll() for _ in range(3)] == [None, None, None]


def test_a_change_before_the_first_look(tmp_path: Path) -> None:
    """An edit between reading the files and the first look at them is told too."""
    file = _write(tmp_path / "a.yaml", "one")
    contents = Contents.read([file])
    _write(file, "other")
    watch = Watch(contents)
    assert watch.poll() is None
    assert watch.poll() is not None

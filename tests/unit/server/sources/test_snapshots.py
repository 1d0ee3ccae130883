"""The volume after whatever was cut: what is noted and whole is kept, and nothing else."""

import tempfile
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from batchwright_server.sources.entries import Entry
from batchwright_server.sources.snapshots import Shelf, Staging

ENTRIES = tuple(Entry(f"1/{name}", name, size, f"tag-{name}") for name, size in (("a", 3), ("é", 5)))


def stage(folder: Path) -> Staging:
    """A staging with all entries' files, noted."""
    staging = Shelf(folder).stage("digest")
    for entry in ENTRIES:
        (staging.folder / entry.path).parent.mkdir(exist_ok=True)
        (staging.folder / entry.path).write_bytes(bytes(entry.size or 0))
        staging.note(entry)
    return staging


@given(cut=st.integers(0, 200), junk=st.binary(max_size=12))
def test_a_journal_cut_anywhere_tells_only_what_was_noted(cut: int, junk: bytes) -> None:
    """However much of a journal is left, and whatever follows it, only whole files are believed."""
    with tempfile.TemporaryDirectory() as folder:
        staging = stage(Path(folder))
        whole = staging.journal.read_bytes()
        staging.journal.write_bytes(whole[:cut] + junk)
        kept = whole[:cut].count(b"\n")

        arrived = staging.arrived()

        assert arrived <= {entry.identity for entry in ENTRIES}
        assert arrived >= {entry.identity for entry in ENTRIES[:kept]}


@pytest.mark.parametrize("length", [0, 2, 4])
def test_a_noted_file_of_another_length_has_not_arrived(tmp_path: Path, length: int) -> None:
    """A file that was cut or grew after it was noted is brought again."""
    staging = stage(tmp_path)
    (staging.folder / ENTRIES[0].path).write_bytes(bytes(length))

    assert staging.arrived() == {ENTRIES[1].identity}


@given(cut=st.integers(0, 300))
def test_a_record_cut_anywhere_is_no_snapshot_or_the_same(cut: int) -> None:
    """A record of which a part is lost is not believed."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        shelf = Shelf(folder)
        with shelf.lock():
            shelf.put("digest", stage(folder), ENTRIES, [entry.path for entry in ENTRIES])
        record = folder / "snapshots" / "digest.json"
        whole = record.read_bytes()
        record.write_bytes(whole[:cut])

        current = Shelf(folder).current()

        assert (current is not None) == (cut >= len(whole))
        assert current is None or current.is_whole


def test_what_is_staged_is_taken_into_use_in_one_step(tmp_path: Path) -> None:
    """After a put the model's files are there by the link, and nothing else is left on the volume."""
    shelf = Shelf(tmp_path)
    for digest in ("first", "second"):
        staging = shelf.stage(digest)
        (staging.folder / "m.xml").write_text(digest)
        shelf.put(digest, staging, (), ["m.xml"])

    assert (tmp_path / "model" / "m.xml").read_text() == "second"
    assert {path.name for path in tmp_path.iterdir()} == {"model", "snapshots"}
    assert {path.name for path in (tmp_path / "snapshots").iterdir()} == {"second", "second.json"}

"""Names of files: what stays inside of a folder is taken, and nothing else."""

from pathlib import PurePosixPath

import pytest
from hypothesis import given
from hypothesis import strategies as st

from batchwright_server.sources.entries import Entry, Listing, check_path, check_paths
from batchwright_server.sources.faults import FetchFailed

PARTS = st.sampled_from(["..", ".", "", "a", "1", "a\\b", "a\0b", "…", "x" * 255, "x" * 256, "é" * 128])
PATHS = st.lists(PARTS, min_size=1, max_size=8).map("/".join) | st.text(max_size=40)


@given(PATHS)
def test_a_path_that_is_taken_stays_inside(path: str) -> None:
    """Whatever the name, it is refused or leads to a place below the folder that a file can have."""
    try:
        taken = check_path(path)
    except FetchFailed:
        return
    target = PurePosixPath("/volume/folder") / taken
    assert target.is_relative_to("/volume/folder/")
    assert not {"..", "."} & set(taken.split("/"))
    assert all(0 < len(part.encode()) <= 255 for part in taken.split("/"))
    assert "\0" not in taken


@pytest.mark.parametrize(
    "path",
    ["../x", "1/../../x", "/etc/x", "1//x", "", ".", "1/", "1\\..\\x", "x\0", "x" * 256, "a/" * 600],
)
def test_names_that_lead_elsewhere_are_refused(path: str) -> None:
    """What leads out, is absolute, has empty parts or is too long is no name."""
    with pytest.raises(FetchFailed, match="rename or remove it"):
        check_path(path)


@given(st.lists(st.sampled_from(["a", "a/b", "a/b/c", "b", "b/a", "c/d"]), max_size=4))
def test_taken_paths_can_all_be_there_at_once(paths: list[str]) -> None:
    """No file is there twice, and none is where another's folder is."""
    is_twice = len(set(paths)) < len(paths)
    is_both = any(other.startswith(f"{path}/") for path in paths for other in paths)
    if is_twice or is_both:
        with pytest.raises(FetchFailed, match="remove one of them"):
            check_paths(paths)
    else:
        check_paths(paths)


ENTRIES = st.builds(
    Entry,
    path=st.sampled_from("abc"),
    remote=st.text(max_size=2),
    size=st.integers(0, 2),
    tag=st.text(max_size=2),
)


@given(st.lists(ENTRIES, max_size=3), st.permutations(range(3)))
def test_the_order_of_a_list_is_no_change(entries: list[Entry], order: list[int]) -> None:
    """The same files in another order have the same digest; another tag makes another."""
    shuffled = [entries[index] for index in order if index < len(entries)]
    digest = Listing(tuple(entries)).digest("latest")

    assert Listing(tuple(shuffled)).digest("latest") == digest
    if entries:
        first = Entry(entries[0].path, entries[0].remote, entries[0].size, entries[0].tag + "x")
        assert Listing((first, *entries[1:])).digest("latest") != digest

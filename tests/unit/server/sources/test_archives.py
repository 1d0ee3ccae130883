"""Archives: what is taken out of one is inside of the folder, no longer than it says, and fits."""

import io
import tarfile
import zipfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from batchwright_server.config.version_policy import DEFAULT_POLICY
from batchwright_server.sources import archives
from batchwright_server.sources.faults import FetchFailed
from batchwright_server.sources.layout import Selection

SELECTION = Selection(DEFAULT_POLICY.policy, max_files=8)
MOST_BYTES = 1000
NAMES = st.lists(st.sampled_from(["..", ".", "", "1", "2", "m.xml", "x" * 300]), min_size=1, max_size=4)
MEMBERS = st.lists(st.tuples(NAMES.map("/".join), st.integers(0, 600)), max_size=12)
LINKS = {
    "symbolic link": tarfile.SYMTYPE,
    "hard link": tarfile.LNKTYPE,
    "device": tarfile.CHRTYPE,
    "pipe": tarfile.FIFOTYPE,
}


def pack_tar(folder: Path, members: list[tuple[str, int]], *, link: bytes = b"") -> Path:
    """A tar of files of so many bytes; with `link` also one special member of that type."""
    path = folder / "m.tar"
    with tarfile.open(path, "w") as tar:
        for name, size in members:
            item = tarfile.TarInfo(name)
            item.size = size
            tar.addfile(item, io.BytesIO(bytes(size)))
        if link:
            item = tarfile.TarInfo("1/special")
            item.type, item.linkname = link, "/etc/passwd"
            tar.addfile(item)
    return path


def unpack(archive: Path, into: Path) -> tuple[str, ...]:
    """What is taken out of an archive."""
    into.mkdir()
    return archives.unpack(archive, into, SELECTION, most_bytes=MOST_BYTES)


@given(members=MEMBERS)
@settings(max_examples=60, deadline=None)
def test_nothing_is_written_elsewhere_or_beyond_the_bounds(
    tmp_path_factory: pytest.TempPathFactory, members: list[tuple[str, int]]
) -> None:
    """Whatever the members' names and sizes, files are below the folder, few enough and small enough."""
    folder = tmp_path_factory.mktemp("archive")
    archive = pack_tar(folder, members)
    try:
        taken = unpack(archive, folder / "into")
    except FetchFailed:
        taken = ()
    files = {path for path in folder.rglob("*") if path.is_file()} - {archive}

    assert all(path.is_relative_to(folder / "into") for path in files)
    assert not taken or {str(path.relative_to(folder / "into")) for path in files} == set(taken)
    assert len(files) <= SELECTION.max_files
    assert sum(path.stat().st_size for path in files) <= MOST_BYTES


@pytest.mark.parametrize("kind", LINKS)
def test_links_and_devices_are_refused(tmp_path: Path, kind: str) -> None:
    """An archive with anything but files and folders is not taken."""
    archive = pack_tar(tmp_path, [("1/m.xml", 1)], link=LINKS[kind])

    with pytest.raises(FetchFailed, match="is a link or a device; pack files"):
        unpack(archive, tmp_path / "into")


def test_a_link_in_a_zip_is_a_file_like_others(tmp_path: Path) -> None:
    """What a zip marks as a link comes as a file with the link's text, and leads nowhere."""
    archive = tmp_path / "m.zip"
    link = zipfile.ZipInfo("1/m.xml")
    link.external_attr = 0o120777 << 16
    with zipfile.ZipFile(archive, "w") as opened:
        opened.writestr(link, "/etc/passwd")

    unpack(archive, tmp_path / "into")

    assert not (tmp_path / "into/1/m.xml").is_symlink()
    assert (tmp_path / "into/1/m.xml").read_text() == "/etc/passwd"


@pytest.mark.parametrize(
    ("members", "told"),
    [
        ([("1/m.xml", 1001)], "unpacks to 1001 bytes, and 1000 are left"),
        ([("1/m.xml", 600), ("1/m.bin", 600)], "unpacks to 1200 bytes, and 1000 are left"),
        ([(f"1/{index}.xml", 1) for index in range(9)], "the archive has 9 files, more than 8"),
        ([(f"{index}/m.xml", 1) for index in range(1, 40)], "the archive has more than 32 files"),
        ([("1/m.xml", 1), ("1/m.xml/x", 1)], "both as a file and as a folder"),
    ],
)
def test_what_is_beyond_the_bounds_is_refused_before_it_is_written(
    tmp_path: Path, members: list[tuple[str, int]], told: str
) -> None:
    """Too many bytes or files are told with their numbers, and none is written."""
    with pytest.raises(FetchFailed, match=told):
        unpack(pack_tar(tmp_path, members), tmp_path / "into")
    assert list((tmp_path / "into").iterdir()) == []


def test_a_zip_that_unpacks_to_more_than_it_says_is_refused(tmp_path: Path) -> None:
    """A header that lies about a length does not let more in."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as opened:
        opened.writestr("1/m.xml", bytes(50_000))
    lied = packed.getvalue().replace((50_000).to_bytes(4, "little"), (5).to_bytes(4, "little"))
    archive = tmp_path / "m.zip"
    archive.write_bytes(lied)

    with pytest.raises(FetchFailed):
        unpack(archive, tmp_path / "into")
    files = [path for path in (tmp_path / "into").rglob("*") if path.is_file()]
    assert sum(path.stat().st_size for path in files) <= MOST_BYTES

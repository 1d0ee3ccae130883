"""The file tree that final images begin with."""

from pathlib import Path

import pytest

from tests.support.node import rootfs


@pytest.fixture
def debian(tmp_path: Path) -> Path:
    """An installation with one file, one link and a folder that is a link, for each package."""
    tree = tmp_path / "debian"
    info = tree / "var/lib/dpkg/info"
    info.mkdir(parents=True)
    (tree / "usr/lib").mkdir(parents=True)
    (tree / "lib").symlink_to("usr/lib")
    stanzas = []
    for name in rootfs.RUN_TIME_PACKAGES:
        (tree / "usr/lib" / name).write_text(name)
        (tree / "usr/lib" / f"{name}.link").symlink_to(name)
        (info / f"{name}.list").write_text(
            f"/.\n/lib\n/lib/{name}\n/lib/{name}.link\n/usr/share/doc/{name}\n"
        )
        stanzas.append(f"Package: {name}\nVersion: 1")
    (tree / "usr/lib/perl").write_text("not of these packages")
    (tree / "var/lib/dpkg/status").write_text("\n\n".join(stanzas))
    return tree


def test_only_what_packages_list_is_taken(debian: Path, tmp_path: Path) -> None:
    """Files and links, at their place behind folders that are links; nothing else."""
    rootfs.make_run_time(debian, tmp_path / "runtime")

    taken = tmp_path / "runtime/usr/lib"
    assert (taken / "libc6").read_text() == "libc6"
    assert (taken / "libc6.link").readlink() == Path("libc6")
    assert (tmp_path / "runtime/lib").readlink() == Path("usr/lib")
    assert not (taken / "perl").exists()


def test_packages_are_recorded_for_scanners(debian: Path, tmp_path: Path) -> None:
    """Each has its stanza of the package manager's status."""
    rootfs.make_run_time(debian, tmp_path / "runtime")

    recorded = tmp_path / "runtime/var/lib/dpkg/status.d"
    assert sorted(path.name for path in recorded.iterdir()) == sorted(rootfs.RUN_TIME_PACKAGES)
    assert "Version: 1" in (recorded / "libssl3").read_text()

"""The images that are built from this tree."""

import json
import os
import subprocess
import sys
import tarfile
from collections.abc import Iterator
from pathlib import Path
from typing import IO

import pytest

from tests.support.cluster import access
from tests.support.node import images
from tests.support.node.images import CLIENT, OPERATOR, SERVER, Image

_COMPILERS = ("gcc", "cc", "g++", "c++", "clang", "ld", "make", "rustc", "go")
_SHELLS = ("sh", "bash", "dash", "busybox")
_INSTALLERS = ("pip", "pip3", "apt", "apt-get", "dpkg", "uv", "conda")
_NOT_IN = {
    SERVER: {"kopf", "kubernetes", "click"},
    OPERATOR: {"openvino", "grpcio", "numpy"},
    CLIENT: {"openvino", "kopf", "kubernetes"},
}
_IN = {
    SERVER: {"openvino", "grpcio", "numpy", "pillow", "obstore", "batchwright"},
    OPERATOR: {"kopf", "kubernetes", "batchwright"},
    CLIENT: {"grpcio", "batchwright"},
}


@pytest.fixture(params=images.IMAGES, ids=lambda image: image.target)
def image(request: pytest.FixtureRequest) -> Image:
    """Each of the images, where they were built here."""
    if access.KUBECONFIG in os.environ:
        pytest.skip(f"{access.KUBECONFIG} is set: its images were built elsewhere")
    found: Image = request.param
    return found


@pytest.fixture
def root(image: Image) -> Iterator[Path]:
    """Its files."""
    with images.store().mounted(image.reference) as path:
        yield path


def test_an_image_stays_within_its_limit(image: Image) -> None:
    """What nodes have to pull and keep does not grow unnoticed."""
    assert images.store().size(image.reference) <= image.limit_megabytes * images.MEGABYTE


def test_nothing_can_be_installed_or_compiled_in_an_image(root: Path) -> None:
    """There is no installer, compiler or shell, and no package index is left configured."""
    folders = ("usr/bin", "usr/sbin", "usr/local/bin", "opt/batchwright/bin")
    programs = {path.name for folder in folders for path in (root / folder).glob("*")}
    configured = [*root.glob("etc/pip.conf"), *root.glob("etc/apt/**/*"), *root.glob("**/pip.conf")]

    assert programs & {*_COMPILERS, *_SHELLS, *_INSTALLERS} == set()
    assert [path for path in configured if path.is_file() and path.stat().st_size] == []
    assert list(root.glob("opt/batchwright/lib/python3*/site-packages/pip")) == []


def test_an_image_has_what_it_runs_and_not_what_others_run(image: Image) -> None:
    """Its bill of materials, beside the archive, names the packages that are in it."""
    bill = json.loads(image.bill_of_materials.read_text())
    names = {item["name"].lower() for item in bill["components"]}

    assert bill["bomFormat"] == "CycloneDX"
    assert names & _NOT_IN[image] == set()
    assert names >= _IN[image] - {"batchwright"}
    assert "batchwright" in names | {bill["metadata"].get("component", {}).get("name", "")}


def test_the_bill_of_materials_is_in_the_image_too(image: Image, root: Path) -> None:
    """Whoever has the image has its bill."""
    assert (root / images.SBOM).read_bytes() == image.bill_of_materials.read_bytes()


def test_no_file_of_an_image_raises_rights_or_is_open_to_all(root: Path) -> None:
    """None is set-user-ID or set-group-ID, and nobody but root may change one."""
    found = [
        str(path.relative_to(root))
        for path in root.rglob("*")
        if not path.is_symlink() and path.is_file() and path.stat().st_mode & 0o6002
    ]

    assert found == []


def test_an_image_runs_as_a_user_without_rights(image: Image) -> None:
    """Its user is said in numbers and its program by path, so that no shell has to look for them."""
    with tarfile.open(image.archive) as archive:
        manifest = json.load(_open(archive, "manifest.json"))[0]
        config = json.load(_open(archive, manifest["Config"]))["config"]

    assert config["User"] == "5000:5000"
    assert config["Entrypoint"][0].startswith("/opt/batchwright/bin/")


def _open(archive: tarfile.TarFile, name: str) -> IO[bytes]:
    file = archive.extractfile(name)
    assert file is not None, name
    return file


def test_images_are_built_again_only_for_what_changed(image: Image) -> None:
    """A second run finds them, in a moment."""
    assert images.is_current(image)
    command = [sys.executable, "-m", "tests.support.node", "images"]
    done = subprocess.run(
        command, cwd=images.ROOT, capture_output=True, text=True, timeout=60, check=True
    )

    assert f"there: {image.archive}" in done.stderr
    assert "built in" not in done.stderr

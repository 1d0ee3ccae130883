"""The project's images as files, each built again only when what goes into it is not what it was."""

import hashlib
import shutil
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from tests.support.cluster import binaries
from tests.support.node import requirements, rootfs
from tests.support.node.buildah import Buildah

ROOT = Path(__file__).parents[3]
MEGABYTE = 1_000_000
SBOM = "opt/batchwright/sbom.cdx.json"
_BUILD_BASE = "localhost/batchwright-build:test"
_RUN_TIME = "localhost/batchwright-runtime:test"
_SHARED_INPUTS = (
    "Dockerfile",
    ".dockerignore",
    "constraints.txt",
    "pyproject.toml",
    "README.md",
    "LICENSE",
)

Say = Callable[[str], None]


@dataclass(frozen=True)
class Image:
    """One target of the Dockerfile. `limit_megabytes`: of its files, with those of its base."""

    target: str
    reference: str
    folders: tuple[str, ...]
    limit_megabytes: int

    @property
    def archive(self) -> Path:
        """The image as a file."""
        return folder() / f"{self.target}.tar"

    @property
    def bill_of_materials(self) -> Path:
        """What is in it, as CycloneDX."""
        return folder() / f"{self.target}.cdx.json"


SERVER = Image("server", "localhost/batchwright/server:test", ("bench", "operator", "server"), 480)
OPERATOR = Image("operator", "localhost/batchwright/operator:test", ("bench", "operator", "server"), 260)
CLIENT = Image(
    "client", "localhost/batchwright/client:test", ("bench", "operator", "server", "example_client"), 200
)
IMAGES = (SERVER, OPERATOR, CLIENT)
NEXT_SERVER = "localhost/batchwright/server:next"
"""Another name of the server's image, for pods to be rolled to."""
MODELS = "localhost/batchwright/models:test"
"""Nothing but the sample models, for pods to mount."""


class TooLarge(Exception):
    """An image outgrew its limit."""


def folder() -> Path:
    """Where images and what they are made of are kept."""
    return binaries.cache_folder().parent / "images"


def store() -> Buildah:
    """The store in which they are built."""
    return Buildah(folder())


def make(say: Say) -> None:
    """Build what is missing or out of date. Raises Unfit, BuildFailed or TooLarge."""
    if all(is_current(image) for image in IMAGES):
        return
    requirements.check_images()
    folder().mkdir(parents=True, exist_ok=True)
    _make_bases(say)
    for image in IMAGES:
        if not is_current(image):
            _make(image, say)


def is_current(image: Image) -> bool:
    """Whether its file was built from what is in the tree now."""
    stamp = _stamp(image.target)
    return image.archive.exists() and stamp.exists() and stamp.read_text() == digest(image)


def digest(image: Image) -> str:
    """A digest of all that goes into it."""
    sha = hashlib.sha256(_base_digest().encode())
    for path in _inputs(image):
        sha.update(f"{path.relative_to(ROOT)}\0".encode())
        sha.update(hashlib.sha256(path.read_bytes()).digest())
    return sha.hexdigest()


def _inputs(image: Image) -> Iterator[Path]:
    yield from (ROOT / name for name in _SHARED_INPUTS)
    for name in image.folders:
        found = (ROOT / name).rglob("*")
        yield from sorted(path for path in found if path.is_file() and "__pycache__" not in path.parts)


def _base_digest() -> str:
    return hashlib.sha256(Path(rootfs.__file__).read_bytes()).hexdigest()


def _make_bases(say: Say) -> None:
    stamp = _stamp("bases")
    here = store()
    if (
        stamp.exists()
        and stamp.read_text() == _base_digest()
        and here.has(_BUILD_BASE)
        and here.has(_RUN_TIME)
    ):
        return
    say("making the base images by debootstrap (once, about a minute)")
    debian, run_time = folder() / "debian", folder() / "runtime"
    rootfs.make_debian(debian)
    rootfs.make_run_time(debian, run_time)
    here.import_tree(debian, _BUILD_BASE)
    here.import_tree(run_time, _RUN_TIME)
    for tree in (debian, run_time):
        shutil.rmtree(tree)
    say(f"base image: {here.size(_BUILD_BASE) / MEGABYTE:.0f} MB to build in")
    say(f"base image: {here.size(_RUN_TIME) / MEGABYTE:.0f} MB to run on")
    stamp.write_text(_base_digest())


def _make(image: Image, say: Say) -> None:
    began = time.monotonic()
    wanted = digest(image)
    here = store()
    here.build(ROOT, image.target, image.reference, {"BASE": _BUILD_BASE, "RUNTIME": _RUN_TIME})
    size = here.size(image.reference) / MEGABYTE
    say(
        f"image {image.target}: {size:.0f} MB of at most {image.limit_megabytes}, "
        f"built in {time.monotonic() - began:.0f} s"
    )
    if size > image.limit_megabytes:
        raise TooLarge(f"image {image.target} has {size:.0f} MB, more than {image.limit_megabytes}")
    with here.mounted(image.reference) as root:
        shutil.copyfile(root / SBOM, image.bill_of_materials)
    here.write(image.reference, image.archive)
    _stamp(image.target).write_text(wanted)


def _stamp(name: str) -> Path:
    return folder() / f"{name}.digest"

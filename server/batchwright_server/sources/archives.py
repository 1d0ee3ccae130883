"""Archives unpacked: regular files inside of the folder, bounded, and nothing else."""

import errno
import lzma
import shutil
import struct
import tarfile
import zipfile
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import IO

from batchwright_server.sources import layout
from batchwright_server.sources.entries import check_path, check_paths
from batchwright_server.sources.faults import FetchFailed
from batchwright_server.sources.layout import ONLY_VERSION, Selection

_BLOCK = 1 << 20
_BROKEN = (
    *(tarfile.TarError, zipfile.BadZipFile, EOFError, zlib.error, lzma.LZMAError, struct.error),
    *(NotImplementedError, RuntimeError, ValueError, OverflowError),
)


@dataclass(frozen=True)
class _Member:
    path: str
    size: int
    open: Callable[[], IO[bytes] | None]


def unpack(archive: Path, into: Path, selection: Selection, *, most_bytes: int) -> tuple[str, ...]:
    """Unpack the versions that are wanted; the paths of their files. Raises FetchFailed and OSError."""
    try:
        if archive.name.lower().endswith(".zip"):
            with zipfile.ZipFile(archive) as opened:
                return _unpack(_zip_members(opened), into, selection, most_bytes)
        with tarfile.open(archive) as tar:
            return _unpack(_tar_members(tar), into, selection, most_bytes)
    except _BROKEN as error:
        raise FetchFailed(f"{archive.name} is no archive that can be read; pack it anew") from error
    except OSError as error:
        is_gzips_own = "ompress" in str(error) or "gzip" in str(error).lower()
        if is_gzips_own or error.errno == errno.EINVAL:  # about content: an offset before the beginning
            raise FetchFailed(f"{archive.name} is no archive that can be read; pack it anew") from error
        raise


def _unpack(
    members: Iterator[_Member], into: Path, selection: Selection, most_bytes: int
) -> tuple[str, ...]:
    found: dict[str, _Member] = {}
    for member in members:
        if len(found) >= selection.max_files * 4:  # versions that are not wanted are among them
            raise FetchFailed(f"the archive has more than {selection.max_files * 4} files")
        found[check_path(member.path)] = member
    wanted = _place(found, selection)
    check_paths(wanted)
    if len(wanted) > selection.max_files:
        raise FetchFailed(f"the archive has {len(wanted)} files, more than {selection.max_files}")
    size = sum(member.size for member in wanted.values())
    if size > most_bytes:
        raise FetchFailed(
            f"the archive unpacks to {size} bytes, and {most_bytes} are left: raise modelCache.sizeLimit"
        )
    for path, member in wanted.items():
        _write(member, into / path)
    return tuple(wanted)


def _place(found: dict[str, _Member], selection: Selection) -> dict[str, _Member]:
    """The wanted members by their paths in the repository."""
    found = _without_cover(found)
    folders = sorted({path.split("/", 1)[0] for path in found if "/" in path})
    chosen = layout.choose_versions(folders, selection.policy)
    if chosen:
        return {path: member for path, member in found.items() if path.split("/", 1)[0] in chosen}
    layout.check_model([path for path in found if "/" not in path], folders)
    return {f"{ONLY_VERSION}/{path}": member for path, member in found.items()}


def _without_cover(found: dict[str, _Member]) -> dict[str, _Member]:
    """Without the one folder that everything is in, where that is no version's."""
    tops = {path.split("/", 1)[0] for path in found}
    if len(tops) != 1 or any("/" not in path for path in found) or layout.is_version(next(iter(tops))):
        return found
    return {path.split("/", 1)[1]: member for path, member in found.items()}


def _tar_members(tar: tarfile.TarFile) -> Iterator[_Member]:
    for item in tar:
        if item.isdir():
            continue
        if not item.isreg():
            raise FetchFailed(f"{item.name[:120]!r} in the archive is a link or a device; pack files")
        yield _Member(item.name.removeprefix("./"), item.size, partial(tar.extractfile, item))


def _zip_members(opened: zipfile.ZipFile) -> Iterator[_Member]:
    for item in opened.infolist():
        if not item.is_dir():
            yield _Member(item.filename.removeprefix("./"), item.file_size, partial(opened.open, item))


def _write(member: _Member, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    source = member.open()
    if source is None:
        raise FetchFailed(f"the archive has no content for {member.path[:120]!r}; pack it anew")
    with source, target.open("xb") as file:
        shutil.copyfileobj(source, file, _BLOCK)
        if file.tell() != member.size:  # a header that lies
            raise FetchFailed(f"{member.path[:120]!r} in the archive is not as long as it says")

"""What of a store's files becomes which file of the repository: folders named by versions, no more."""

from collections.abc import Iterator
from dataclasses import dataclass

from batchwright_server.config import version_policy
from batchwright_server.config.origins import ARCHIVES, MODEL_FILES, Origin
from batchwright_server.config.version_policy import VersionPolicy
from batchwright_server.sources.entries import Entry, Listing, check_paths
from batchwright_server.sources.faults import FetchFailed
from batchwright_server.sources.stores import Info, Store

ONLY_VERSION = "1"  # of files without a folder named by a version
_EXPECTED = (
    "expected folders named by version numbers, one model's files "
    f"({', '.join(MODEL_FILES)}), or an archive ({', '.join(ARCHIVES)})"
)
_BESIDE = {".xml": ".bin", ".pdmodel": ".pdiparams"}  # weights that lie beside a model's one file
_DEEPEST = 16


@dataclass(frozen=True)
class Selection:
    """Which files are wanted: those of the versions that `policy` chooses, and how many at most."""

    policy: VersionPolicy
    max_files: int


def list_origin(store: Store, origin: Origin, selection: Selection) -> Listing:
    """What is to be brought from an origin. Raises FetchFailed, and what the store raises."""
    if origin.is_archive or origin.is_model_file:
        info = store.look(store.root)
        if not info.is_folder:
            return _list_file(store, origin, info)
    entries = tuple(_list_folder(store, selection))
    check_paths(entry.path for entry in entries)
    return Listing(entries)


def choose_versions(folders: list[str], policy: VersionPolicy) -> frozenset[str]:
    """Those of a folder's folders that are versions to be served; none, if none is a version.

    Raises FetchFailed if there are versions, but none that is wanted.
    """
    numbers: dict[int, str] = {}
    for name in sorted(folders, key=len):
        if is_version(name):
            numbers.setdefault(int(name), name)
    chosen = version_policy.select(policy, numbers)
    if numbers and not chosen:
        there = ", ".join(map(str, sorted(numbers)[:10]))
        raise FetchFailed(f"none of the versions wanted is there, only {there}: change versionPolicy")
    return frozenset(numbers[number] for number in chosen)


def is_version(name: str) -> bool:
    """Whether a folder's name is a version's number."""
    return name.isascii() and name.isdecimal() and len(name) < 19 and int(name) > 0


def check_model(names: list[str], folders: list[str]) -> None:
    """Raise FetchFailed unless one of the files of a folder without versions is a model."""
    if any(name.lower().endswith(MODEL_FILES) for name in names):
        return
    found = ", ".join(sorted([*(f"{name}/" for name in folders), *names])[:10])
    raise FetchFailed(f"{_EXPECTED}; found {found or 'nothing'}: name the model's own folder")


def _list_file(store: Store, origin: Origin, info: Info) -> Listing:
    if origin.is_archive:
        return Listing((Entry(origin.name, info.path, info.size, info.tag),), is_archive=True)
    found = [Entry(f"{ONLY_VERSION}/{origin.name}", info.path, info.size, info.tag)]
    stem, dot, suffix = origin.name.rpartition(".")
    beside = _BESIDE.get((dot + suffix).lower())
    if beside is not None:
        try:
            weights = store.look(store.beside(stem + beside))
        except FileNotFoundError:  # a model may be without
            pass
        else:
            found.append(
                Entry(f"{ONLY_VERSION}/{stem}{beside}", weights.path, weights.size, weights.tag)
            )
    check_paths(entry.path for entry in found)
    return Listing(tuple(found))


def _list_folder(store: Store, selection: Selection) -> Iterator[Entry]:
    top = store.list(store.root)
    folders = {_name(info): info for info in top if info.is_folder}
    chosen = choose_versions(list(folders), selection.policy)
    if chosen:
        starts = [(info, name) for name, info in folders.items() if name in chosen]
        files: list[Info] = []
    else:
        files = [info for info in top if not info.is_folder and _name(info)]
        check_model([_name(info) for info in files], list(folders))
        starts = [(info, f"{ONLY_VERSION}/{name}") for name, info in folders.items()]
    found = [_to_entry(info, f"{ONLY_VERSION}/{_name(info)}") for info in files]
    for info, path in starts:
        found.extend(_walk(store, info, path, selection.max_files - len(found)))
        _check_count(len(found), selection.max_files)
    if not any(entry.size != 0 for entry in found):
        raise FetchFailed(f"{_EXPECTED}; found no file that has any content")
    yield from found


def _walk(store: Store, folder: Info, path: str, left: int) -> list[Entry]:
    """The files below a folder; a few more than are `left` once they are too many."""
    found: list[Entry] = []
    waiting = [(folder, path)]
    while waiting and len(found) <= left:
        here, at = waiting.pop()
        if at.count("/") > _DEEPEST:
            raise FetchFailed(f"its folders are more than {_DEEPEST} deep at {at[:120]!r}")
        for info in store.list(here.path):
            inner = f"{at}/{_name(info)}"
            if info.is_folder:
                waiting.append((info, inner))
            elif _name(info):  # what ends with a slash only stands for a folder
                found.append(_to_entry(info, inner))
    return found


def _check_count(count: int, most: int) -> None:
    if count > most:
        raise FetchFailed(f"it has more than {most} files; name the model's own folder")


def _to_entry(info: Info, path: str) -> Entry:
    return Entry(path, info.path, info.size, info.tag)


def _name(info: Info) -> str:
    trimmed = info.path.rstrip("/") if info.is_folder else info.path
    return trimmed.rpartition("/")[2]

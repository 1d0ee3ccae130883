"""The model repository: a folder for each model, in it a folder for each numeric version.

A model may also be a single file, which then is its version 1.
"""

import re
from pathlib import Path

from batchwright_server import errors
from batchwright_server.config.document import ModelConfig
from batchwright_server.engine import model_files
from batchwright_server.runtime.ports import Fingerprint, Version

ONLY_VERSION = Version(1)  # of a model that is a single file

_LARGEST = 2**63 - 1  # what the protocols can say
_REMOTE = re.compile(r"[a-z0-9+]+://")


class Repository:
    """Finds models; a relative `base_path` is taken from `root`, the configuration file's folder."""

    def __init__(self, root: Path) -> None:
        self._root = root

    def find_versions(self, config: ModelConfig) -> dict[Version, Fingerprint]:
        """The versions, each with its files' identity. Raises ModelUnavailable naming the path."""
        places = self._places(config)
        return {
            version: Fingerprint(model_files.fingerprint(places[version])) for version in sorted(places)
        }

    def find_place(self, config: ModelConfig, version: Version) -> Path:
        """The folder, or the file, of a version, safe to be read. Raises ModelUnavailable."""
        base = self._base(config)
        place = self._places(config).get(version)
        if place is None:
            raise errors.ModelUnavailable(config.name, f"version {version} is not there any more")
        try:
            if place != base:
                model_files.check_inside(place, base)
        except model_files.Misplaced as fault:
            raise errors.ModelUnavailable(config.name, str(fault)) from fault
        return place

    def _base(self, config: ModelConfig) -> Path:
        if _REMOTE.match(config.base_path):
            reason = (
                f"base_path {config.base_path!r} is remote storage, which is not read; "
                "mount it, or copy the model to a volume"
            )
            raise errors.ModelUnavailable(config.name, reason)
        return self._root / config.base_path

    def _places(self, config: ModelConfig) -> dict[Version, Path]:
        base = self._base(config)
        if base.is_file():
            return {ONLY_VERSION: base}
        try:
            places = _version_folders(base)
        except OSError as error:
            reason = f"base_path {config.base_path!r} is not a readable directory or file: {error}"
            raise errors.ModelUnavailable(config.name, reason) from error
        if places:
            return places
        reason = (
            f"base_path {config.base_path!r} has no version directory; expected one named by a number"
        )
        raise errors.ModelUnavailable(config.name, reason)


def _version_folders(base: Path) -> dict[Version, Path]:
    # Sorted, so that 1 stands before 001, should both be there.
    entries = sorted(base.iterdir(), key=lambda entry: -len(entry.name))
    return {Version(int(entry.name)): entry for entry in entries if _is_version(entry)}


def _is_version(entry: Path) -> bool:
    name = entry.name
    is_number = name.isascii() and name.isdecimal() and len(name) < 20
    return is_number and 0 < int(name) <= _LARGEST and entry.is_dir()

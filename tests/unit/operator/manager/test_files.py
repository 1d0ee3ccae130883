"""The files that the operator is given."""

import os
from pathlib import Path

import pytest

from batchwright_operator.manager.files import AdminKeys, FileFault, pod_resolver
from batchwright_operator.manager.settings import OperatorSettings, new_identity


def write(path: Path, text: str, *, at: int) -> None:
    path.write_text(text)
    os.utime(path, (at, at))


def test_keys_are_read_again_when_they_change(tmp_path: Path) -> None:
    """The newest first; a file that went bad leaves the last good ones."""
    path = tmp_path / "keys"
    write(path, "one\n", at=1)
    keys = AdminKeys(path)
    assert keys() == (b"one",)
    write(path, "two\n\none\n", at=2)
    assert keys() == (b"two", b"one")
    write(path, "", at=3)
    assert keys() == (b"two", b"one")
    path.unlink()
    assert keys() == (b"two", b"one")


def test_the_operator_does_not_begin_without_the_keys_it_was_promised(tmp_path: Path) -> None:
    """An empty file is a fault that names it; no file at all means no tokens."""
    write(tmp_path / "keys", "\n", at=1)
    with pytest.raises(FileFault, match="keys: no key in it"):
        AdminKeys(tmp_path / "keys")
    with pytest.raises(FileFault):
        AdminKeys(tmp_path / "none")
    assert AdminKeys(None)() == ()


def test_pods_are_found_where_the_file_says(tmp_path: Path) -> None:
    """Addresses that it does not have are left as they are, and so are all while it is not there."""
    resolve = pod_resolver(tmp_path / "addresses")
    assert resolve is not None
    assert resolve("10.0.0.1") == "10.0.0.1"
    write(tmp_path / "addresses", '{"10.0.0.1": "127.0.0.9"}', at=1)
    assert (resolve("10.0.0.1"), resolve("10.0.0.2")) == ("127.0.0.9", "10.0.0.2")
    assert pod_resolver(None) is None


def test_no_two_processes_have_one_identity() -> None:
    """A container that is started again in its pod is another holder of the lease."""
    assert new_identity("pod-0") != new_identity("pod-0")
    assert new_identity("pod-0").startswith("pod-0_")


def test_heartbeats_are_where_the_watch_is() -> None:
    """In each namespace that is served, or in the operator's own if all are."""
    assert OperatorSettings(namespaces=("a", "b")).heartbeat_namespaces == ("a", "b")
    assert OperatorSettings(operator_namespace="o").heartbeat_namespaces == ("o",)

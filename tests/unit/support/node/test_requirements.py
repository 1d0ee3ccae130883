"""What a machine must have for a node."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.node import requirements


@pytest.fixture
def ordinary_user() -> Iterator[None]:
    """Let this process be nobody's for a while, if it is root's."""
    user = os.geteuid()
    if user == 0:
        os.seteuid(65534)
    yield
    os.seteuid(user)


@pytest.mark.usefixtures("ordinary_user")
@pytest.mark.parametrize("check", [requirements.check_node, requirements.check_images])
def test_who_is_not_root_is_told_what_to_do_in_one_line(check: "requirements.Check") -> None:
    """As root, or with a disposable cluster."""
    with pytest.raises(requirements.Unfit) as refused:
        check()

    assert "\n" not in str(refused.value)
    assert "root" in str(refused.value)
    assert "BATCHWRIGHT_TEST_KUBECONFIG" in str(refused.value)


@pytest.mark.skipif(os.geteuid() != 0, reason="who is not root is refused before")
def test_what_is_missing_is_told_as_a_command(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """One line installs all of it."""
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(requirements, "_ROOTS_PATH", str(tmp_path))

    with pytest.raises(requirements.Unfit) as refused:
        requirements.check_images()

    assert str(refused.value) == (
        "not installed: apt-get install --no-install-recommends buildah debootstrap"
    )

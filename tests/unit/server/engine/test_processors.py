from pathlib import Path

import pytest

from batchwright_server.engine import processors


@pytest.mark.parametrize(
    ("quota", "cores"),
    [("100000 100000", 1), ("150000 100000", 2), ("10000 100000", 1), ("max 100000", 8)],
)
def test_the_quota_of_cgroup_v2_bounds_the_cores(
    quota: str, cores: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A pod with a limit of 1.5 processors gets two threads, whatever the machine has."""
    (tmp_path / "cpu.max").write_text(quota + "\n")
    monkeypatch.setattr(processors, "_V2_QUOTA", tmp_path / "cpu.max")
    monkeypatch.setattr(processors, "_V1_QUOTA", tmp_path / "none")
    monkeypatch.setattr("os.sched_getaffinity", lambda _pid: set(range(8)))

    assert processors.count_cores() == cores


@pytest.mark.parametrize(("quota", "cores"), [("200000", 2), ("-1", 4)])
def test_the_quota_of_cgroup_v1_bounds_the_cores(
    quota: str, cores: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The older layout is read where the newer one is not there."""
    (tmp_path / "quota").write_text(quota)
    (tmp_path / "period").write_text("100000")
    monkeypatch.setattr(processors, "_V2_QUOTA", tmp_path / "none")
    monkeypatch.setattr(processors, "_V1_QUOTA", tmp_path / "quota")
    monkeypatch.setattr(processors, "_V1_PERIOD", tmp_path / "period")
    monkeypatch.setattr("os.sched_getaffinity", lambda _pid: set(range(4)))

    assert processors.count_cores() == cores

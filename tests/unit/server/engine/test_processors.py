from pathlib import Path

import pytest

from batchwright_server.engine.cgroups import Cgroups
from batchwright_server.engine.processors import count_cores


def make_groups(tmp_path: Path, own: str, files: dict[str, str]) -> Cgroups:
    """Groups as the kernel shows them: the process's own, and the files of the hierarchy."""
    (tmp_path / "own").write_text(own)
    for name, text in files.items():
        path = tmp_path / "groups" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text + "\n")
    return Cgroups(tmp_path / "groups", tmp_path / "own")


def allow(monkeypatch: pytest.MonkeyPatch, processors: int) -> None:
    monkeypatch.setattr("os.sched_getaffinity", lambda _pid: set(range(processors)))


@pytest.mark.parametrize(
    ("quota", "cores"),
    [("100000 100000", 1), ("150000 100000", 2), ("10000 100000", 1), ("max 100000", 8)],
)
def test_the_quota_of_cgroup_v2_bounds_the_cores(
    quota: str, cores: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A pod with a limit of 1.5 processors gets two threads, whatever the machine has."""
    allow(monkeypatch, 8)
    assert count_cores(make_groups(tmp_path, "0::/\n", {"cpu.max": quota})) == cores


@pytest.mark.parametrize("folder", ["cpu", "cpu,cpuacct"])
@pytest.mark.parametrize(("quota", "cores"), [("200000", 2), ("-1", 4)])
def test_the_quota_of_cgroup_v1_bounds_the_cores(
    quota: str, cores: int, folder: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The older layout is read where the newer one is not there, wherever it is mounted."""
    allow(monkeypatch, 4)
    files = {f"{folder}/cpu.cfs_quota_us": quota, f"{folder}/cpu.cfs_period_us": "100000"}
    assert count_cores(make_groups(tmp_path, f"4:{folder}:/\n", files)) == cores


def test_the_tightest_of_all_groups_above_counts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A quota on a group above the process's own holds for the process too."""
    allow(monkeypatch, 8)
    files = {
        "pods/cpu.max": "300000 100000",
        "pods/one/cpu.max": "max 100000",
        "other/cpu.max": "100000 100000",
    }
    assert count_cores(make_groups(tmp_path, "0::/pods/one\n", files)) == 3


def test_a_group_that_is_not_visible_is_the_one_mounted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In a container the path may be the host's: what is mounted is the container's own group."""
    allow(monkeypatch, 8)
    files = {"cpu/cpu.cfs_quota_us": "200000", "cpu/cpu.cfs_period_us": "100000"}
    assert count_cores(make_groups(tmp_path, "4:cpu:/docker/0f3a\n", files)) == 2


def test_affinity_bounds_the_cores_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The smaller of the two: a process bound to one processor gets one thread, whatever its quota."""
    allow(monkeypatch, 1)
    assert count_cores(make_groups(tmp_path, "0::/\n", {"cpu.max": "400000 100000"})) == 1


@pytest.mark.parametrize("prefix", ["", "total_"])
def test_memory_left_does_not_count_files(prefix: str, tmp_path: Path) -> None:
    """What the kernel can take back is no use of memory; of nested groups the fuller one counts."""
    own = "0::/pods/one\n" if not prefix else "9:memory:/pods/one\n"
    names = ("memory.max", "memory.current")
    folder = "pods"
    if prefix:
        names, folder = ("memory.limit_in_bytes", "memory.usage_in_bytes"), "memory/pods"
    stat = f"{prefix}inactive_file 100\n{prefix}active_file 200"
    files = {
        f"{folder}/{names[0]}": "5000",
        f"{folder}/{names[1]}": "1000",
        f"{folder}/one/{names[0]}": "2000",
        f"{folder}/one/{names[1]}": "900",
        f"{folder}/one/memory.stat": stat,
    }
    group = make_groups(tmp_path, own, files).memory()

    assert group is not None
    assert (group.limit, group.used) == (2000, 600)


@pytest.mark.parametrize("limit", ["max", "9223372036854771712"])
def test_no_limit_is_none(limit: str, tmp_path: Path) -> None:
    """Both versions' way of saying that there is no limit is understood."""
    files = {"memory.max": limit, "memory.current": "1"}
    assert make_groups(tmp_path, "0::/\n", files).memory() is None

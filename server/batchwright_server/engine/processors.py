"""How many processors this process may really use.

OpenVINO counts the machine's processors and ignores a container's quota; threads beyond the quota only
make each other wait (measured with a quota of one core: two threads 54 images/s, one thread 81).
"""

import math
import os
from pathlib import Path

_V2_QUOTA = Path("/sys/fs/cgroup/cpu.max")
_V1_QUOTA = Path("/sys/fs/cgroup/cpu/cpu.cfs_quota_us")
_V1_PERIOD = Path("/sys/fs/cgroup/cpu/cpu.cfs_period_us")


def count_cores() -> int:
    """The smaller of the affinity and the cgroup's quota (v2 or v1), rounded up; at least 1."""
    affinity = len(os.sched_getaffinity(0))
    quota = _read_v2_quota() or _read_v1_quota()
    return max(1, min(affinity, math.ceil(quota))) if quota else affinity


def _read_v2_quota() -> float | None:
    text = _read(_V2_QUOTA).split()
    if len(text) != 2 or text[0] == "max":
        return None
    return int(text[0]) / int(text[1])


def _read_v1_quota() -> float | None:
    quota, period = _read(_V1_QUOTA), _read(_V1_PERIOD)
    if not quota or not period or int(quota) <= 0:
        return None
    return int(quota) / int(period)


def _read(path: Path) -> str:
    try:
        return path.read_text().strip()
    except OSError:
        return ""

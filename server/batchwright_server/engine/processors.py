"""How many processors this process may really use.

OpenVINO counts the machine's processors and ignores a container's quota; threads beyond the quota only
make each other wait (measured with a quota of one core: two threads 54 images/s, one thread 81).
"""

import math
import os

from batchwright_server.engine.cgroups import Cgroups


def count_cores(groups: Cgroups | None = None) -> int:
    """The smaller of the affinity and the cgroups' quota (v2 or v1), rounded up; at least 1."""
    affinity = len(os.sched_getaffinity(0))
    quota = (groups or Cgroups()).cpu_quota()
    return max(1, min(affinity, math.ceil(quota))) if quota else affinity

"""What the protocols are given to answer from."""

from collections.abc import Callable
from dataclasses import dataclass

from batchwright_server.runtime.configuration import Configuration
from batchwright_server.runtime.dataplane import DataPlane
from batchwright_server.runtime.serving_statistics import StatisticsReport


@dataclass(frozen=True)
class Backend:
    """The parts of the runtime that clients reach; `is_ready` says whether requests are welcome.

    With `has_admin_port`, clients cannot change the configuration.
    """

    dataplane: DataPlane
    configuration: Configuration
    statistics: StatisticsReport
    is_ready: Callable[[], bool]
    has_admin_port: bool = False

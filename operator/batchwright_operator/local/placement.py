"""Where on this machine each object gets its volumes and ports."""

import itertools
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from batchwright_operator.cluster.local import (
    calibration_directory,
    config_directory,
    fetched_directory,
    pods_directory,
)
from batchwright_operator.render.settings import POD_IP, Settings
from batchwright_operator.resources.modelserver import ModelServer

GRPC_ADDRESS = "127.0.0.1"


@dataclass(frozen=True)
class Placement:
    """Volumes and ports. With `first_port`, each object gets the next two; else what its spec says."""

    state: Path
    volumes: Mapping[str, Path]
    first_port: int | None = None

    def place(
        self, servers: Iterable[ModelServer], running: Iterable[ModelServer] = ()
    ) -> tuple[ModelServer, ...]:
        """The objects at the ports they get.

        One that is `running` keeps its own; the others get the lowest that are left, those of an object
        that is to go among them.
        """
        if self.first_port is None:
            return tuple(servers)
        wanted = {server.key: server for server in servers}
        kept = {one.key: one.spec.service.grpc_port for one in running if one.key in wanted}
        left = (port for port in itertools.count(self.first_port, 2) if port not in kept.values())
        ports = {key: kept[key] if key in kept else next(left) for key in wanted}
        return tuple(
            server.with_ports(grpc_port=ports[key], http_port=ports[key] + 1)
            for key, server in wanted.items()
        )

    def settings(self, server: ModelServer) -> Settings:
        """What rendering for this machine needs to know."""
        return Settings(
            config_mount=str(config_directory(self.state, server.name)),
            claim_mounts={claim: str(path) for claim, path in self.volumes.items()},
            grpc_bind_address=GRPC_ADDRESS,
            rest_bind_address=POD_IP,
            scratch_mount=None,
            cache_mount=str(fetched_directory(self.state)),
            termination_log=f"{pods_directory(self.state, server.name)}/$(POD_NAME).failure",
            # A server that died is back as soon as its models are compiled.
            calibration_mount=str(calibration_directory(self.state, server.name)),
            admin_port=None,  # each pod's HTTP side has an address of its own
            # All replicas listen on one port, as behind a Service; the kernel shares them out.
            server_args=("--grpc_channel_arguments=grpc.so_reuseport=1",),
        )

"""Where on this machine each object gets its volumes and ports, and what stands against it."""

import socket
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from batchwright_operator.cluster.local import config_directory
from batchwright_operator.render.settings import POD_IP, Settings
from batchwright_operator.resources.metadata import ObjectKey
from batchwright_operator.resources.model import Model
from batchwright_operator.resources.modelserver import ModelServer

GRPC_ADDRESS = "127.0.0.1"


@dataclass
class Placement:
    """Volumes and ports. With `first_port`, each object gets the next two; else what its spec says."""

    state: Path
    volumes: Mapping[str, Path]
    first_port: int | None = None
    _indices: dict[ObjectKey, int] = field(default_factory=dict)

    def place(self, servers: Iterable[ModelServer]) -> tuple[ModelServer, ...]:
        """The objects at the ports they get; an object keeps its ports as long as it is known."""
        return tuple(self._place(server) for server in servers)

    def settings(self, server: ModelServer) -> Settings:
        """What rendering for this machine needs to know."""
        return Settings(
            config_mount=str(config_directory(self.state, server.name)),
            claim_mounts={claim: str(path) for claim, path in self.volumes.items()},
            grpc_bind_address=GRPC_ADDRESS,
            rest_bind_address=POD_IP,
            # All replicas listen on one port, as behind a Service; the kernel shares them out.
            server_args=("--grpc_channel_arguments=grpc.so_reuseport=1",),
        )

    def _place(self, server: ModelServer) -> ModelServer:
        if self.first_port is None:
            return server
        index = self._indices.setdefault(server.key, len(self._indices))
        first = self.first_port + 2 * index
        return server.with_ports(grpc_port=first, http_port=first + 1)


def check_volumes(servers: Iterable[ModelServer], volumes: Mapping[str, Path]) -> Iterator[str]:
    """A sentence for each claim without a directory and each model that is not in one."""
    for claim, path in volumes.items():
        if not path.is_dir():
            yield f"--volume {claim}={path}: expected a directory; there is none"
    for server in servers:
        for model in server.spec.models:
            fault = _why_not_found(model, volumes)
            if fault:
                yield f"{server.name}: model {model.name}: {fault}"


def _why_not_found(model: Model, volumes: Mapping[str, Path]) -> str:
    claim = model.source.claim
    directory = volumes.get(claim.claim_name)
    if directory is None:
        name = claim.claim_name
        return f"it is on the claim {name!r}; say where that is: --volume {name}=DIRECTORY"
    path = directory / claim.path
    if directory.is_dir() and not path.is_dir():
        return f"expected a directory at {path}; there is none"
    return ""


def check_ports(servers: Iterable[ModelServer]) -> Iterator[str]:
    """A sentence for each port that two objects want, and each that is no port."""
    owners: dict[int, str] = {}
    for server in servers:
        for port in (server.spec.service.grpc_port, server.spec.service.http_port):
            if port in owners:
                yield f"{server.name}: port {port} is {owners[port]}'s too; change it or use --port"
            if not 0 < port <= 65535:
                yield f"{server.name}: expected ports from 1 to 65535, got {port}"
            owners.setdefault(port, server.name)


def check_free(servers: Iterable[ModelServer]) -> Iterator[str]:
    """A sentence for each port that another program of this machine uses."""
    for server in servers:
        service = server.spec.service
        places = [(GRPC_ADDRESS, service.grpc_port)]
        places += [(f"127.0.0.{1 + i}", service.http_port) for i in range(server.spec.replicas)]
        for address, port in places:
            reason = _why_not_free(address, port)
            if reason:
                yield f"{server.name}: cannot listen at {address}:{port}: {reason}; choose with --port"


def _why_not_free(address: str, port: int) -> str:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((address, port))
            probe.listen()
        except OSError as error:
            return error.strerror or str(error)
    return ""

"""What on this machine stands against running objects, told before anything starts."""

import socket
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from batchwright_operator.local.clusteronly import check_cluster_only
from batchwright_operator.local.placement import GRPC_ADDRESS, Placement
from batchwright_operator.resources.model import Model
from batchwright_operator.resources.modelserver import ModelServer

MOST_REPLICAS = 250  # each has an address from 127.0.0.1 on, and one more while pods are replaced
_Address = tuple[str, int]


class SetupError(Exception):
    """What stands against it; nothing has been started or changed."""


def check_setup(servers: tuple[ModelServer, ...], placement: Placement) -> None:
    """Raise SetupError with a sentence for each fault that can be seen without listening."""
    _raise_any(_check(servers, placement))


def check_start(servers: tuple[ModelServer, ...]) -> None:
    """Raise SetupError with a sentence for each port that is in use."""
    _raise_any(check_free(servers))


def check_edit(
    servers: tuple[ModelServer, ...], placement: Placement, running: tuple[ModelServer, ...]
) -> None:
    """Raise SetupError with a sentence for each fault of what is to run in place of `running`."""
    check_setup(servers, placement)
    _raise_any(check_free(servers, running))


def _check(servers: tuple[ModelServer, ...], placement: Placement) -> Iterator[str]:
    yield from check_cluster_only(servers)
    yield from check_replicas(servers)
    yield from check_volumes(servers, placement.volumes)
    yield from check_ports(servers)


def _raise_any(problems: Iterator[str]) -> None:
    found = list(problems)
    if found:
        raise SetupError("\n".join(found))


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
    claim = model.source.pvc
    if claim is None:
        return ""  # told by what only a cluster has
    directory = volumes.get(claim.claim_name)
    if directory is None:
        name = claim.claim_name
        return f"it is on the claim {name!r}; say where that is: --volume {name}=DIRECTORY"
    path = directory / claim.path
    if directory.is_dir() and not path.is_dir():
        return f"expected a directory at {path}; there is none"
    return ""


def check_replicas(servers: Iterable[ModelServer]) -> Iterator[str]:
    """A sentence for each object with more pods than there are addresses for."""
    for server in servers:
        replicas = server.spec.replicas
        if replicas > MOST_REPLICAS:
            yield f"{server.name}: at most {MOST_REPLICAS} replicas fit on one machine, got {replicas}"


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


def check_free(servers: Iterable[ModelServer], running: Iterable[ModelServer] = ()) -> Iterator[str]:
    """A sentence for each port that another program than `running` uses on this machine."""
    # By port alone: after a replacement a pod may be at any of its object's addresses.
    ours = {port for server in running for _, port in _listens_at(server)}
    for server in servers:
        for address, port in _listens_at(server):
            reason = "" if port in ours else _why_not_free(address, port)
            if reason:
                yield f"{server.name}: cannot listen at {address}:{port}: {reason}; choose with --port"


def _listens_at(server: ModelServer) -> Iterator[_Address]:
    service = server.spec.service
    yield GRPC_ADDRESS, service.grpc_port
    yield from ((f"127.0.0.{1 + index}", service.http_port) for index in range(server.spec.replicas))


def _why_not_free(address: str, port: int) -> str:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((address, port))
            probe.listen()
        except OSError as error:
            return error.strerror or str(error)
    return ""

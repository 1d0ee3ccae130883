"""The gRPC server: our services, `grpc.health.v1`, and reflection, on one port."""

import asyncio
import socket
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import grpc
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection, reflection_pb2_grpc

from batchwright_server.api.admission import Admission
from batchwright_server.api.auth_grpc import TokenInterceptor
from batchwright_server.api.backend import Backend
from batchwright_server.api.calls import Edge
from batchwright_server.api.grpc_kserve import InferenceServicer
from batchwright_server.api.grpc_tfs import ModelServicer, PredictionServicer
from batchwright_server.api.guarded_server import GuardedServer
from batchwright_server.api.health_service import HealthService
from batchwright_server.api.limits import leaving_seconds
from batchwright_server.api.protection import Protection
from batchwright_server.protos import (
    grpc_predict_v2_pb2,
    grpc_predict_v2_pb2_grpc,
    model_service_pb2,
    model_service_pb2_grpc,
    prediction_service_pb2,
)

_OPTIONS = {
    "grpc.max_send_message_length": 1 << 30,  # as OVMS
    "grpc.so_reuseport": 0,  # a second server on the same port is a mistake unless asked for
}
_ANY_IPV4, _ANY_IPV6 = "0.0.0.0", "::"  # noqa: S104
_PREDICTION = prediction_service_pb2.DESCRIPTOR.services_by_name["PredictionService"].full_name
_SERVICES = (
    _PREDICTION,
    model_service_pb2.DESCRIPTOR.services_by_name["ModelService"].full_name,
    grpc_predict_v2_pb2.DESCRIPTOR.services_by_name["GRPCInferenceService"].full_name,
    health_pb2.DESCRIPTOR.services_by_name["Health"].full_name,
    reflection.SERVICE_NAME,
)


@dataclass(frozen=True)
class GrpcAddress:
    """Where to listen, and gRPC channel arguments beyond our own."""

    hosts: tuple[str, ...]
    port: int
    arguments: Mapping[str, str | int]

    def __str__(self) -> str:
        return ", ".join(self.each())

    def each(self) -> tuple[str, ...]:
        """As gRPC takes them. All of IPv6 has all of IPv4 in it there, which therefore goes unsaid."""
        hosts = [host for host in self.hosts if host != _ANY_IPV4 or _ANY_IPV6 not in self.hosts]
        return tuple(f"[{host}]:{self.port}" if ":" in host else f"{host}:{self.port}" for host in hosts)


class GrpcServer:
    """Serves every gRPC service."""

    def __init__(
        self, backend: Backend, address: GrpcAddress, edge: Edge, protection: Protection
    ) -> None:
        options = list((_OPTIONS | dict(address.arguments)).items())
        self._admission = Admission()
        self._certificates = protection.certificates
        guards = [TokenInterceptor(protection.tokens)] if protection.tokens else []
        self._server = grpc.aio.server(interceptors=guards, options=options)
        self._listening = address
        self._is_shared = bool(dict(options)["grpc.so_reuseport"])
        self._leaving_seconds = leaving_seconds(address.arguments)
        self._health = HealthService(backend, _SERVICES)
        guarded: Any = GuardedServer(self._server, self._admission, edge)
        prediction = PredictionServicer(backend.dataplane)
        guarded.add_registered_method_handlers(_PREDICTION, prediction.handlers())
        model_service_pb2_grpc.add_ModelServiceServicer_to_server(ModelServicer(backend), guarded)
        self._inference = InferenceServicer(backend)
        grpc_predict_v2_pb2_grpc.add_GRPCInferenceServiceServicer_to_server(self._inference, guarded)
        health_pb2_grpc.add_HealthServicer_to_server(self._health, guarded)
        reflected = reflection.aio.ReflectionServicer(_SERVICES)  # type: ignore[attr-defined]  # in __all__
        reflection_pb2_grpc.add_ServerReflectionServicer_to_server(reflected, guarded)

    def check_free(self) -> None:
        """Raise OSError now if the port is in use; without it that would show when models are loaded."""
        if self._is_shared:
            return
        for host in self._listening.hosts:
            try:
                _check_free(host, self._listening.port)
            except OSError as error:
                where = f"[{host}]" if ":" in host else host
                reason = f"cannot listen on {where}:{self._listening.port}: {error.strerror}"
                raise OSError(reason) from error

    async def start(self) -> int:
        """Listen; gives the port, chosen by the system where 0 was asked for. Raises OSError."""
        try:
            port = self._add_port()
        except RuntimeError as error:
            raise OSError(f"cannot listen on {self._listening}: {error}") from error
        await self._server.start()
        return port

    def _add_port(self) -> int:
        port = 0
        for address in self._listening.each():
            if self._certificates is None:
                port = self._server.add_insecure_port(address)
            else:
                port = self._server.add_secure_port(address, self._certificates.to_credentials())
        return port

    async def stop(self, grace_seconds: float) -> None:
        """Take no new calls and let those that came finish, for `grace_seconds` at most.

        Where connections have an age, they are first let come to it: a call that crosses the news that
        the server ends is lost, one that crosses the end of its connection's age is not.
        """
        self._health.end()
        self._inference.end()
        await self._admission.until_deserted(self._leaving_seconds)
        await self._admission.hold()
        stopping = asyncio.create_task(self._server.stop(grace_seconds))
        await asyncio.sleep(0)  # the task begins: clients are told to go elsewhere
        self._admission.release()
        await stopping


def _check_free(host: str, port: int) -> None:
    """Raise OSError if one of the addresses that `host` names cannot be listened on."""
    for family, kind, protocol, _, address in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM):
        with socket.socket(family, kind, protocol) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            if family is socket.AF_INET6:
                probe.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
            probe.bind(address)

"""A real server's health, reflection and reload requests, over gRPC."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import grpc
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection_pb2, reflection_pb2_grpc

from batchwright_server.protos import model_management_pb2, model_service_pb2_grpc
from tests.support import models, serving

STATUS = health_pb2.HealthCheckResponse.ServingStatus


@pytest.fixture
async def server(tmp_path: Path) -> AsyncIterator[serving.Serving]:
    folder = models.save(models.affine(), tmp_path / "affine")
    configs = [
        serving.model_config("affine", folder, batch_size="auto"),
        serving.model_config("broken", tmp_path / "nowhere"),
    ]
    async with serving.serve(tmp_path, serving.document(*configs)) as running:
        yield running


@pytest.fixture
async def channel(server: serving.Serving) -> AsyncIterator[grpc.aio.Channel]:
    async with grpc.aio.insecure_channel(server.target) as opened:
        yield opened


def reload_request(**models: Path) -> model_management_pb2.ReloadConfigRequest:
    request = model_management_pb2.ReloadConfigRequest()
    request.config.model_config_list.SetInParent()
    for name, base_path in models.items():
        request.config.model_config_list.config.add(name=name, base_path=str(base_path))
    return request


@pytest.mark.parametrize(
    ("name", "status"),
    [
        ("", STATUS.SERVING),
        ("inference.GRPCInferenceService", STATUS.SERVING),
        ("affine", STATUS.SERVING),
        ("broken", STATUS.NOT_SERVING),
    ],
)
async def test_health_is_known_for_the_server_its_services_and_its_models(
    channel: grpc.aio.Channel, name: str, status: int
) -> None:
    """A model that failed does not serve, while the server does."""
    answer = await health_pb2_grpc.HealthStub(channel).Check(health_pb2.HealthCheckRequest(service=name))

    assert answer.status == status


async def test_health_of_a_stranger(channel: grpc.aio.Channel) -> None:
    """Check answers NOT_FOUND for a name that nobody knows."""
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await health_pb2_grpc.HealthStub(channel).Check(health_pb2.HealthCheckRequest(service="nobody"))

    assert caught.value.code() is grpc.StatusCode.NOT_FOUND


async def test_health_is_watched_as_models_come_and_go(
    server: serving.Serving, channel: grpc.aio.Channel, tmp_path: Path
) -> None:
    """A watcher is told of a model that comes, and that it goes again."""
    watch = health_pb2_grpc.HealthStub(channel).Watch(health_pb2.HealthCheckRequest(service="late"))
    models_stub = model_service_pb2_grpc.ModelServiceStub(channel)

    told = [(await asyncio.wait_for(watch.read(), 10)).status]
    for request in (
        reload_request(late=tmp_path / "affine"),
        reload_request(affine=tmp_path / "affine"),
    ):
        await models_stub.HandleReloadConfigRequest(request, timeout=30)
        told.append((await asyncio.wait_for(watch.read(), 10)).status)
    watch.cancel()

    assert told == [STATUS.SERVICE_UNKNOWN, STATUS.SERVING, STATUS.SERVICE_UNKNOWN]


async def test_reflection_lists_every_service(channel: grpc.aio.Channel) -> None:
    """A client without stubs finds all services."""
    stub = reflection_pb2_grpc.ServerReflectionStub(channel)
    request = reflection_pb2.ServerReflectionRequest(list_services="")

    async def requests() -> AsyncIterator[reflection_pb2.ServerReflectionRequest]:
        yield request

    answers = [answer async for answer in stub.ServerReflectionInfo(requests())]

    assert {service.name for service in answers[0].list_services_response.service} == {
        "tensorflow.serving.PredictionService",
        "tensorflow.serving.ModelService",
        "inference.GRPCInferenceService",
        "grpc.health.v1.Health",
        "grpc.reflection.v1alpha.ServerReflection",
    }


async def test_a_configuration_sent_holds_until_the_file_changes(
    server: serving.Serving, channel: grpc.aio.Channel, tmp_path: Path
) -> None:
    """Polling does not undo it; an edit or a reload that is asked for brings back the file's models."""
    stub = model_service_pb2_grpc.ModelServiceStub(channel)
    before = (await server.process_signals()).config.hash
    await stub.HandleReloadConfigRequest(reload_request(other=tmp_path / "affine"), timeout=30)
    sent = (await server.process_signals()).config.hash

    assert not server.server.configuration._is_news()
    assert [model.name for model in (await server.process_signals()).models] == ["other"]
    assert sent != before

    only = serving.model_config("affine", tmp_path / "affine", batch_size="auto")
    status, body = await server.reload(serving.document(only))
    assert (status, list(body)) == (201, ["affine"])

"""Containers as commands of this machine."""

import ssl
import sys
from typing import Any

from tests.support.cluster.apiclient import ApiClient
from tests.support.cluster.kubeconfig import Access
from tests.support.cluster.kubelet.payloads import Sources
from tests.support.cluster.kubelet.programs import Program, Surroundings, resolve_program

_POD: dict[str, Any] = {"metadata": {"name": "vision-1", "namespace": "test", "labels": {"app": "v"}}}


async def test_paths_and_addresses_are_those_of_this_machine() -> None:
    """Arguments keep their meaning: mounted paths lead to volumes, the server listens at its pod."""
    mounts = {"/etc/batchwright": "/node/config", "/etc/batchwright/tls": "/node/tls"}
    args = [
        "--config_path=/etc/batchwright/config.json",
        "--tls_cert_path=/etc/batchwright/tls/tls.crt",
        "--cache_dir=/etc/batchwright-cache",
        "--grpc_bind_address=$(POD_IP),127.0.0.1",
        "--rest_bind_address=0.0.0.0",
        "--admin_port=8002",
    ]
    env = [{"name": "POD_IP", "valueFrom": {"fieldRef": {"fieldPath": "status.podIP"}}}]

    program = await resolve({"args": args, "env": env}, mounts)

    assert program.command == (
        sys.executable,
        "-m",
        "batchwright_server",
        "--config_path=/node/config/config.json",
        "--tls_cert_path=/node/tls/tls.crt",
        "--cache_dir=/etc/batchwright-cache",
        "--grpc_bind_address=127.200.9.1,127.73.9.1",
        "--rest_bind_address=127.200.9.1,127.73.9.1",
        "--admin_port=8002",
        "--admin_bind_address=127.200.9.1,127.73.9.1",
    )


async def test_variables_carry_fields_and_refer_to_each_other() -> None:
    """A pod's own fields are there, its address is the one it can listen on, `$(NAME)` is replaced."""
    env = [
        {"name": "POD_NAME", "valueFrom": {"fieldRef": {"fieldPath": "metadata.name"}}},
        {"name": "POD_IP", "valueFrom": {"fieldRef": {"fieldPath": "status.podIP"}}},
        {"name": "APP", "valueFrom": {"fieldRef": {"fieldPath": "metadata.labels['app']"}}},
        {"name": "LIMIT", "valueFrom": {"resourceFieldRef": {"resource": "limits.cpu"}}},
        {"name": "BOTH", "value": "$(POD_NAME) at $(POD_IP), $$(APP) $(NONE)"},
    ]
    container = {
        "env": env,
        "args": ["$(BOTH)"],
        "command": ["run"],
        "resources": {"limits": {"cpu": "2"}},
    }

    program = await resolve(container, {})

    assert program.command == ("run", "vision-1 at 127.200.9.1, $(APP) $(NONE)")
    assert (program.environ["APP"], program.environ["LIMIT"]) == ("v", "2")


async def resolve(container: dict[str, Any], mounts: dict[str, str]) -> Program:
    nothing = ApiClient(Access("https://127.0.0.1:1", ssl.create_default_context(), None))
    return await resolve_program(
        container, Surroundings(_POD, "127.200.9.1", mounts), Sources(nothing, _POD)
    )

"""What stands against running objects on one machine."""

import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from batchwright_operator.local.checks import check_free, check_ports, check_replicas, check_volumes
from batchwright_operator.local.clusteronly import check_cluster_only
from tests.support.modelservers import make_server


@pytest.fixture
def taken() -> Iterator[int]:
    """A port that somebody listens on."""
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        yield int(other.getsockname()[1])


def test_port_clash() -> None:
    """Two objects on one port are told, with the one that has it."""
    problems = list(check_ports([make_server(name="one"), make_server(name="two")]))
    assert problems[0] == "two: port 9000 is one's too; change it or use --port"


def test_replicas() -> None:
    """More pods than addresses are refused in a sentence; on a cluster they may be as many."""
    assert list(check_replicas([make_server(replicas=250)])) == []
    assert list(check_replicas([make_server(replicas=300)])) == [
        "vision: at most 250 replicas fit on one machine, got 300"
    ]


def test_volumes(tmp_path: Path) -> None:
    """Missing volumes, directories and models are told, each with what to do."""
    server = make_server()
    assert "say where that is: --volume models=DIRECTORY" in next(check_volumes([server], {}))
    missing = {"models": tmp_path / "none"}
    assert list(check_volumes([server], missing)) == [
        f"--volume models={tmp_path}/none: expected a directory; there is none"
    ]
    assert list(check_volumes([server], {"models": tmp_path})) == [
        f"vision: model resnet: expected a directory at {tmp_path}/resnet; there is none"
    ]
    (tmp_path / "resnet").mkdir()
    assert list(check_volumes([server], {"models": tmp_path})) == []


def test_a_port_in_use(taken: int) -> None:
    """A port that somebody listens on is told before anything starts."""
    server = make_server(service={"grpcPort": taken, "httpPort": 1})
    assert f"127.0.0.1:{taken}" in next(check_free([server]))


def test_ports_of_ones_own(taken: int) -> None:
    """What runs already listens at its own ports: they are no clash, even for another object."""
    running = make_server(service={"grpcPort": taken, "httpPort": taken - 1})
    edited = make_server(name="other", service={"grpcPort": taken, "httpPort": taken - 1})
    assert list(check_free([edited], [running])) == []


def test_an_address_that_a_pod_moved_to() -> None:
    """One more replica is no clash with a pod that a replacement brought to the next address."""
    with socket.socket() as moved:
        moved.bind(("127.0.0.2", 0))
        moved.listen()
        service = {"grpcPort": 1, "httpPort": moved.getsockname()[1]}
        more = make_server(replicas=2, service=service)
        assert list(check_free([more], [make_server(service=service)])) == []
        assert "127.0.0.2" in list(check_free([more]))[-1]


def test_what_only_a_cluster_has() -> None:
    """Models in images and ConfigMaps, Secrets, and values from elsewhere are told one by one."""
    image = {"name": "a", "source": {"image": {"reference": "models:1"}}}
    items = [{"key": "m", "path": "1/m.xml"}]
    config_map = {"name": "b", "source": {"configMap": {"name": "c", "items": items}}}
    variable = {"name": "E", "valueFrom": {"fieldRef": {"fieldPath": "spec.nodeName"}}}
    server = make_server(
        models=[image, config_map],
        tls={"secretName": "t"},
        auth={"secretName": "u"},
        pod={"env": [variable]},
        autoscaling={"maxReplicas": 3},
    )
    told = [line.split(", which only")[0] for line in check_cluster_only([server])]
    assert told == [
        "vision: model a comes from an image",
        "vision: model b comes from a ConfigMap",
        "vision: tls is in the Secret t",
        "vision: auth is in the Secret u",
        "vision: the variable E has its value from elsewhere",
    ]
    assert list(check_volumes([server], {})) == []
    assert list(check_cluster_only([make_server()])) == []

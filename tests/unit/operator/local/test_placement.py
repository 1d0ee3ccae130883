"""Volumes and ports on one machine."""

import socket
from pathlib import Path

from batchwright_operator.local.placement import Placement, check_free, check_ports, check_volumes
from tests.support.modelservers import make_server


def test_ports_follow_the_first(tmp_path: Path) -> None:
    """Each object gets two ports and keeps them, even when one before it goes."""
    placement = Placement(tmp_path, {}, 7000)
    one, two = placement.place([make_server(name="one"), make_server(name="two")])
    (again,) = placement.place([make_server(name="two")])
    assert (one.spec.service.grpc_port, one.spec.service.http_port) == (7000, 7001)
    assert (two.spec.service.grpc_port, two.spec.service.http_port) == (7002, 7003)
    assert again == two


def test_ports_of_the_manifest(tmp_path: Path) -> None:
    """Without a first port the manifest decides."""
    server = make_server(service={"grpcPort": 5, "httpPort": 6})
    assert Placement(tmp_path, {}).place([server]) == (server,)


def test_port_clash() -> None:
    """Two objects on one port are told, with the one that has it."""
    problems = list(check_ports([make_server(name="one"), make_server(name="two")]))
    assert problems[0] == "two: port 9000 is one's too; change it or use --port"


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


def test_a_port_in_use() -> None:
    """A port that somebody listens on is told before anything starts."""
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        server = make_server(service={"grpcPort": port, "httpPort": 1 if port != 1 else 2})
        assert f"127.0.0.1:{port}" in next(check_free([server]))

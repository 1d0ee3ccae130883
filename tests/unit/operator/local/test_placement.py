"""Ports on one machine."""

from pathlib import Path

from batchwright_operator.local.placement import Placement
from batchwright_operator.resources.modelserver import ModelServer
from tests.support.modelservers import make_server


def _first_ports(servers: tuple[ModelServer, ...]) -> dict[str, int]:
    assert all(one.spec.service.http_port == one.spec.service.grpc_port + 1 for one in servers)
    return {server.name: server.spec.service.grpc_port for server in servers}


def test_ports_follow_the_first(tmp_path: Path) -> None:
    """Each object gets two ports and keeps them, even when one before it goes."""
    placement = Placement(tmp_path, {}, 7000)
    running = placement.place([make_server(name="one"), make_server(name="two")])
    assert _first_ports(running) == {"one": 7000, "two": 7002}
    assert _first_ports(placement.place([make_server(name="two")], running)) == {"two": 7002}


def test_ports_are_given_out_again(tmp_path: Path) -> None:
    """Renamed, an object stays at its ports; a new one gets the lowest that are left."""
    placement = Placement(tmp_path, {}, 7000)
    running = placement.place([make_server(name="one"), make_server(name="two")])
    renamed = placement.place([make_server(name="uno"), make_server(name="two")], running)
    assert _first_ports(renamed) == {"uno": 7000, "two": 7002}
    three = placement.place([*renamed, make_server(name="three")], running)
    assert _first_ports(three) == {"uno": 7000, "two": 7002, "three": 7004}


def test_ports_of_the_manifest(tmp_path: Path) -> None:
    """Without a first port the manifest decides."""
    server = make_server(service={"grpcPort": 5, "httpPort": 6})
    assert Placement(tmp_path, {}).place([server]) == (server,)

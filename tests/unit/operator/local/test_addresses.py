"""Where objects are reached is told when it changes."""

from batchwright_operator.local.addresses import Addresses
from tests.support.modelservers import make_server
from tests.support.runs import make_run


def test_addresses_are_told_once() -> None:
    """What was said at the start is not said again when the pods are ready there."""
    addresses = Addresses()
    server = make_server(replicas=2)
    told = addresses.begin(server)
    assert told == "vision: gRPC at 127.0.0.1:9000, HTTP at 127.0.0.1:8000, 127.0.0.2:8000"
    assert addresses.news(make_run(server, ips=("127.0.0.1", "127.0.0.2"))) == ""


def test_a_pod_that_moved() -> None:
    """After a rolling replacement the new pod's address is told, once, and not before it is ready."""
    addresses, server = Addresses(), make_server()
    addresses.begin(server)
    assert addresses.news(make_run(server, ips=())) == ""
    moved = make_run(server, ips=("127.0.0.2",))
    told = "vision: gRPC at 127.0.0.1:9000, HTTP at 127.0.0.2:8000"
    assert [addresses.news(moved) for _ in range(2)] == [told, ""]


def test_no_pods() -> None:
    """An object without pods is reached nowhere."""
    assert Addresses().begin(make_server(replicas=0)).endswith(", no pod is ready")

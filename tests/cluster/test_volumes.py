"""ConfigMaps and Secrets in a pod's volumes, as they change.

The same holds on a real node: with BATCHWRIGHT_TEST_KUBECONFIG and BATCHWRIGHT_TEST_REAL_NODE_IMAGE (an
image with `python3`) it is asked there.
"""

import base64
import os
from dataclasses import dataclass
from functools import partial
from typing import Any

import pytest

from tests.support.cluster.apiclient import ApiClient, Object
from tests.support.cluster.node import Kubelet
from tests.support.cluster.readerpod import REAL_NODE_IMAGE, ReaderPod, Sight, create_reader

_LENGTH = 5000  # of a text: longer than what is written at once by chance


@dataclass(frozen=True)
class Node:
    """The node that is asked, and how long it may take to change a file."""

    kubelet: Kubelet | None
    seconds: float

    async def read(self, api: ApiClient, namespace: str, *volumes: Object) -> ReaderPod:
        """A pod on this node that reads `volumes`."""
        return await create_reader(api, namespace, list(volumes), self.kubelet)


@pytest.fixture
def node(request: pytest.FixtureRequest) -> Node:
    """The node that plays a kubelet, or a real one."""
    if REAL_NODE_IMAGE in os.environ:
        return Node(None, 150.0)
    kubelet: Kubelet = request.getfixturevalue("kubelet")
    kubelet.order(refresh_seconds=0.1)
    return Node(kubelet, 10.0)


async def test_a_reader_never_sees_two_versions(api: ApiClient, namespace: str, node: Node) -> None:
    """Files of one ConfigMap change together, and none is ever seen half-written."""
    await create_config_map(api, namespace, "both", texts(0))
    reader = await node.read(api, namespace, volume("both"))
    for number in range(1, 6):
        await api.patch("ConfigMap", "both", namespace, patch={"data": texts(number)})
        await reader.sees("both", partial(is_version, texts(number)), seconds=node.seconds)

    for sight in await reader.sights("both"):
        [content] = set(sight.texts.values())
        assert content == str(content[0]) * _LENGTH


async def test_a_key_that_goes_takes_its_file_along(api: ApiClient, namespace: str, node: Node) -> None:
    """A removed key's file is no longer there, an added one's is; and modes are as asked for."""
    await create_config_map(api, namespace, "keys", {"stays": "1", "goes": "1"})
    reader = await node.read(api, namespace, volume("keys", defaultMode=0o440))
    first = await reader.sees("keys", lambda sight: "goes" in sight.seen, seconds=node.seconds)

    await api.patch("ConfigMap", "keys", namespace, patch={"data": {"goes": None, "comes": "1"}})

    last = await reader.sees(
        "keys", lambda sight: sight.seen == ("comes", "stays"), seconds=node.seconds
    )
    assert set(first.texts) == {"stays", "goes"}
    assert set(last.texts) == {"stays", "comes"}
    assert set(first.modes.values()) == set(last.modes.values()) == {0o440}


async def test_what_does_not_change_is_left_alone(api: ApiClient, namespace: str, node: Node) -> None:
    """A ConfigMap whose content stays keeps its files, whatever else is written to it."""
    await create_config_map(api, namespace, "still", {"key": "1"})
    await create_config_map(api, namespace, "moving", {"key": "1"})
    reader = await node.read(api, namespace, volume("still"), volume("moving"))
    await reader.sees("still", lambda sight: True, seconds=node.seconds)

    await api.patch("ConfigMap", "still", namespace, patch={"metadata": {"annotations": {"a": "b"}}})
    for number in ("2", "3"):  # twice: whatever is looked at first, it was looked at in between
        await api.patch("ConfigMap", "moving", namespace, patch={"data": {"key": number}})
        await reader.sees("moving", partial(is_version, {"key": number}), seconds=node.seconds)

    assert len(await reader.sights("still")) == 1
    assert len({sight.target for sight in await reader.sights("moving")}) == 3


async def test_items_choose_keys_paths_and_modes(api: ApiClient, namespace: str, node: Node) -> None:
    """Only the keys that are listed are there, under their paths, with modes of their own."""
    await create_config_map(api, namespace, "chosen", {"a": "1", "b": "2", "c": "3"})
    items = [{"key": "a", "path": "first"}, {"key": "b", "path": "second", "mode": 0o400}]
    reader = await node.read(api, namespace, volume("chosen", items=items))

    sight = await reader.sees("chosen", lambda sight: bool(sight.seen), seconds=node.seconds)

    assert sight.texts == {"first": "1", "second": "2"}
    assert sight.modes == {"first": 0o644, "second": 0o400}


async def test_secrets_change_as_config_maps_do(api: ApiClient, namespace: str, node: Node) -> None:
    """A renewed Secret reaches a running pod."""
    secret = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "token"}}
    await api.create({**secret, "data": {"token": encoded("old")}}, namespace=namespace)
    block = {"name": "token", "secret": {"secretName": "token"}}
    reader = await node.read(api, namespace, block)
    await reader.sees("token", lambda sight: sight.texts == {"token": "old"}, seconds=node.seconds)

    await api.patch("Secret", "token", namespace, patch={"data": {"token": encoded("new")}})

    await reader.sees("token", lambda sight: sight.texts == {"token": "new"}, seconds=node.seconds)


async def test_a_write_to_the_pod_hastens_its_volumes(
    api: ApiClient, namespace: str, node: Node
) -> None:
    """A node that looks seldom looks at once when somebody writes to the pod."""
    if node.kubelet is not None:
        node.kubelet.order(refresh_seconds=90)
    await create_config_map(api, namespace, "late", {"key": "1"})
    reader = await node.read(api, namespace, volume("late"))
    await reader.sees("late", lambda sight: sight.texts == {"key": "1"}, seconds=node.seconds)

    await api.patch("ConfigMap", "late", namespace, patch={"data": {"key": "2"}})
    await api.patch("Pod", reader.name, namespace, patch={"metadata": {"annotations": {"look": "now"}}})

    await reader.sees("late", lambda sight: sight.texts == {"key": "2"}, seconds=10)


async def create_config_map(api: ApiClient, namespace: str, name: str, data: dict[str, str]) -> None:
    manifest = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name}, "data": data}
    await api.create(manifest, namespace=namespace)


def volume(name: str, **more: Any) -> Object:
    return {"name": name, "configMap": {"name": name, **more}}


def texts(number: int) -> dict[str, str]:
    return {name: str(number) * _LENGTH for name in ("a", "b", "c")}


def is_version(wanted: dict[str, str], sight: Sight) -> bool:
    return sight.texts == wanted


def encoded(text: str) -> str:
    return base64.b64encode(text.encode()).decode()

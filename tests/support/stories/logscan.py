"""The logs of pods, and what in them no user should ever find."""

import json
from collections.abc import Iterator

from tests.support.cluster.apiclient import ApiClient, ApiError
from tests.support.cluster.kinds import find_kind

_MARKS = ("Traceback (most recent call last)", "exc_info", "never awaited", "was never retrieved")
_LINES_AROUND = 12


async def find_faults(api: ApiClient, namespace: str, labels: str = "") -> list[str]:
    """Each log of a container, of its run before too, that has a traceback: its name and those lines."""
    found = []
    for pod in await api.list("Pod", namespace, labels=labels):
        for container in pod["spec"]["containers"]:
            for previous in ("false", "true"):
                name = f"{pod['metadata']['name']}/{container['name']}"
                query = f"container={container['name']}&previous={previous}"
                text = await read_log(api, namespace, pod["metadata"]["name"], query)
                found += [f"{name}:\n{part}" for part in _parts(text)]
    return found


async def read_log(api: ApiClient, namespace: str, pod: str, query: str = "") -> str:
    """What a pod's container said; nothing where there is no log (any more)."""
    path = find_kind("Pod").path(namespace, pod, "log")
    try:
        return await api.read_text(f"{path}?{query}")
    except ApiError as error:
        if error.status in (400, 404, 500):  # not started, gone, or its file is
            return ""
        raise


def _parts(text: str) -> Iterator[str]:
    lines = text.splitlines()
    for number, line in enumerate(lines):
        if any(mark in line for mark in _MARKS) or _has_trace(line):
            yield "\n".join(lines[max(0, number - 2) : number + _LINES_AROUND])


def _has_trace(line: str) -> bool:
    if not line.startswith("{"):
        return False
    try:
        return bool(json.loads(line).get("exception"))
    except ValueError:
        return False

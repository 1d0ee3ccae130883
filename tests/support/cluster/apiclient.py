"""A client of the API server for tests: objects are dictionaries, as the server sends them."""

import asyncio
import json
import time
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import aiohttp

from tests.support.cluster.kinds import Kind, find_kind
from tests.support.cluster.kubeconfig import Access, load_access

Object = dict[str, Any]
_LONGEST_LINE = 1 << 24
_LATER = 429  # not now: a kind's storage is being made, say
_PATIENCE_SECONDS = 10.0


class Patch(Enum):
    """How a patch is meant."""

    MERGE = "application/merge-patch+json"
    JSON = "application/json-patch+json"
    STRATEGIC = "application/strategic-merge-patch+json"
    APPLY = "application/apply-patch+yaml"


class ApiError(Exception):
    """The API server's refusal."""

    def __init__(self, status: int, reason: str, message: str) -> None:
        super().__init__(f"{status} {reason}: {message}")
        self.status = status
        self.reason = reason
        self.message = message


@dataclass(frozen=True)
class Change:
    """One event of a watch."""

    type: str  # ADDED, MODIFIED, DELETED, BOOKMARK
    object: Object


class ApiClient:
    """Calls one API server as one user. To be used as an async context manager."""

    def __init__(self, access: Access | Path, *, timeout_seconds: float = 20.0) -> None:
        self._access = load_access(access) if isinstance(access, Path) else access
        self._timeout = aiohttp.ClientTimeout(total=timeout_seconds)
        self._session: aiohttp.ClientSession | None = None

    async def __aenter__(self) -> Self:
        connector = aiohttp.TCPConnector(ssl=self._access.context, limit=0)
        self._session = aiohttp.ClientSession(
            self._access.url, connector=connector, headers=self._access.headers, timeout=self._timeout
        )
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self._http.close()

    async def create(self, manifest: Object, *, namespace: str = "", **query: str) -> Object:
        """The object as it was created."""
        where = namespace or manifest["metadata"].get("namespace", "")
        return await self.call("POST", _kind(manifest).path(where), body=manifest, query=query)

    async def get(self, kind: str, name: str, namespace: str = "") -> Object:
        """The object. Raises ApiError with status 404 where there is none."""
        return await self.call("GET", find_kind(kind).path(namespace, name))

    async def find(self, kind: str, name: str, namespace: str = "") -> Object | None:
        """The object; None where there is none."""
        try:
            return await self.get(kind, name, namespace)
        except ApiError as error:
            if error.status == 404:
                return None
            raise

    async def list(
        self, kind: str, namespace: str = "", *, labels: str = "", fields: str = ""
    ) -> list[Object]:
        """The objects, by namespace or all, that fit the selectors."""
        query = {"labelSelector": labels, "fieldSelector": fields}
        answer = await self.call("GET", find_kind(kind).path(namespace), query=query)
        items: list[Object] = answer["items"]
        return items

    async def patch(
        self,
        kind: str,
        name: str,
        namespace: str = "",
        *,
        patch: Any,
        how: Patch = Patch.MERGE,
        subresource: str = "",
    ) -> Object:
        """The object as it is after the patch."""
        path = find_kind(kind).path(namespace, name, subresource)
        return await self.call("PATCH", path, body=patch, content_type=how.value)

    async def apply(self, manifest: Object, *, manager: str = "tests", namespace: str = "") -> Object:
        """The object after a server-side apply that takes over what others wrote."""
        where = namespace or manifest["metadata"].get("namespace", "")
        path = _kind(manifest).path(where, manifest["metadata"]["name"])
        query = {"fieldManager": manager, "force": "true"}
        return await self.call("PATCH", path, body=manifest, query=query, content_type=Patch.APPLY.value)

    async def delete(
        self, kind: str, name: str, namespace: str = "", *, grace_seconds: int | None = None
    ) -> None:
        """Delete the object; what it owns goes in the background."""
        options: Object = {"propagationPolicy": "Background"}
        if grace_seconds is not None:
            options["gracePeriodSeconds"] = grace_seconds
        await self.call("DELETE", find_kind(kind).path(namespace, name), body=options)

    async def delete_if_there(
        self, kind: str, name: str, namespace: str = "", *, grace_seconds: int | None = None
    ) -> None:
        """Delete the object, unless it has gone."""
        try:
            await self.delete(kind, name, namespace, grace_seconds=grace_seconds)
        except ApiError as error:
            if error.status != 404:
                raise

    async def wait_for(
        self,
        kind: str,
        name: str,
        namespace: str = "",
        *,
        until: Callable[[Object], bool],
        seconds: float = 20.0,
    ) -> Object:
        """The object, once `until` holds for it; fails with what it is after `seconds`."""
        deadline = time.monotonic() + seconds
        while True:
            found = await self.find(kind, name, namespace)
            if found is not None and until(found):
                return found
            if time.monotonic() > deadline:
                told = json.dumps(_without_managed_fields(found), indent=1)
                raise AssertionError(f"{kind} {name} not as awaited within {seconds} s: {told}")
            await asyncio.sleep(0.05)

    async def wait_until_gone(
        self, kind: str, name: str, namespace: str = "", *, seconds: float = 20.0
    ) -> None:
        """Return once there is no such object; fails after `seconds`."""
        deadline = time.monotonic() + seconds
        while await self.find(kind, name, namespace) is not None:
            assert time.monotonic() < deadline, f"{kind} {name} still there after {seconds} s"
            await asyncio.sleep(0.05)

    async def watch(
        self, kind: str, namespace: str = "", *, resource_version: str, **query: str
    ) -> AsyncIterator[Change]:
        """Changes after a resourceVersion, until the server ends the watch. Raises ApiError on 410."""
        parameters = {**query, "watch": "true", "allowWatchBookmarks": "true"}
        parameters["resourceVersion"] = resource_version
        path = find_kind(kind).path(namespace)
        timeout = aiohttp.ClientTimeout(total=None, sock_connect=5)
        async with self._http.get(
            path, params=parameters, timeout=timeout, read_bufsize=_LONGEST_LINE
        ) as response:
            await _raise_for(response)
            async for line in response.content:
                event = json.loads(line)
                if event["type"] == "ERROR":
                    status = event["object"]
                    raise ApiError(status.get("code", 0), status.get("reason", ""), status["message"])
                yield Change(event["type"], event["object"])

    async def call(
        self,
        method: str,
        path: str,
        *,
        body: Any = None,
        query: Mapping[str, str] | None = None,
        content_type: str = "application/json",
    ) -> Object:
        """One request; the answer's document. Raises ApiError."""
        data = None if body is None else json.dumps(body).encode()
        parameters = {key: value for key, value in (query or {}).items() if value}
        headers = {"Content-Type": content_type}
        deadline = time.monotonic() + _PATIENCE_SECONDS
        while True:
            async with self._http.request(
                method, path, data=data, params=parameters, headers=headers
            ) as response:
                if response.status != _LATER or time.monotonic() > deadline:
                    await _raise_for(response)
                    answer: Object = await response.json()
                    return answer
                pause = float(response.headers.get("Retry-After", 1))
            await asyncio.sleep(pause)

    async def read_text(self, path: str) -> str:
        """What is at an address that gives text: a log, say. Raises ApiError."""
        async with self._http.get(path) as response:
            await _raise_for(response)
            return await response.text()

    @property
    def _http(self) -> aiohttp.ClientSession:
        assert self._session is not None, "to be used as an async context manager"
        return self._session


async def _raise_for(response: aiohttp.ClientResponse) -> None:
    if response.status < 400:
        return
    text = await response.text()
    try:
        status = json.loads(text)
    except ValueError:
        status = {}
    raise ApiError(response.status, status.get("reason", ""), status.get("message", text[:500]))


def _kind(manifest: Object) -> Kind:
    return find_kind(manifest["kind"])


def _without_managed_fields(found: Object | None) -> Object | None:
    if found is None:
        return None
    metadata = {key: value for key, value in found["metadata"].items() if key != "managedFields"}
    return {**found, "metadata": metadata}

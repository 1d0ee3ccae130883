"""Calls to the API server: each bounded in time, counted, and failing only with the cluster's errors."""

import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, Protocol

import orjson
from kubernetes.aio.client.api_client import ApiClient
from kubernetes.aio.client.exceptions import ApiException
from kubernetes.aio.client.rest import aiohttp  # type: ignore[attr-defined] # its errors come through
from kubernetes.aio.dynamic import DynamicClient

from batchwright_operator.cluster.errors import ClusterError, Unavailable
from batchwright_operator.cluster.kubernetes import failures
from batchwright_operator.cluster.kubernetes.connection import Credentials
from batchwright_operator.cluster.kubernetes.resources_table import route_of
from batchwright_operator.render.names import MANAGER, Manifest
from batchwright_operator.resources.metadata import ObjectKey

TIMEOUT_SECONDS = 10.0
_UNAUTHORIZED = 401
_NETWORK_FAULTS = (aiohttp.ClientError, OSError, TimeoutError)
_MANAGER = ("fieldManager", MANAGER)
_STRICT = ("fieldValidation", "Strict")
_NAMES_ONLY = "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1"
_PAGE = 500  # objects in one answer to a list


def _dynamic(api: ApiClient) -> DynamicClient:
    # Not awaited: that would ask the API server for all kinds it has.
    return DynamicClient(api)  # type: ignore[no-untyped-call] # has no annotations


@dataclass(frozen=True)
class _Call:
    verb: str
    kind: str
    key: ObjectKey
    body: object = None
    query: tuple[tuple[str, str], ...] = ()
    content_type: str = "application/json"
    accept: str = "application/json"
    subresource: str = ""


class CallObserver(Protocol):
    """Told of each call, for metrics; `code` is the HTTP status, or `error` where there was none."""

    def __call__(self, verb: str, kind: str, code: str, seconds: float) -> None: ...


def _observe_nothing(verb: str, kind: str, code: str, seconds: float) -> None:
    pass


class Client:
    """The API server by kinds and names. Must be closed."""

    def __init__(
        self,
        credentials: Credentials,
        *,
        observe_call: CallObserver = _observe_nothing,
        timeout_seconds: float = TIMEOUT_SECONDS,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._credentials = credentials
        self._api = ApiClient(credentials.configuration)
        self._api.user_agent = MANAGER
        self._dynamic = _dynamic(self._api)
        self._observe_call = observe_call
        self._timeout_seconds = timeout_seconds
        self._clock = clock

    async def close(self) -> None:
        """Give back the connections."""
        await self._api.close()  # type: ignore[no-untyped-call] # has no annotations

    async def get(self, kind: str, key: ObjectKey) -> Manifest:
        """The object. Raises Missing."""
        return await self._send(_Call("get", kind, key))

    async def create(self, manifest: Manifest) -> Manifest:
        """A new object. Raises AlreadyThere."""
        everywhere = ObjectKey(manifest["metadata"]["namespace"], "")
        query = (_MANAGER, _STRICT)
        return await self._send(_Call("post", manifest["kind"], everywhere, manifest, query))

    async def apply(self, manifest: Manifest) -> Manifest:
        """Server-side apply by our field manager; where others wrote our fields, ours win."""
        query = (_MANAGER, ("force", "true"), _STRICT)
        form = "application/apply-patch+yaml"
        return await self._send(
            _Call("patch", manifest["kind"], _key(manifest), manifest, query, content_type=form)
        )

    async def patch(
        self, kind: str, key: ObjectKey, changes: Manifest | list[Manifest], *, subresource: str = ""
    ) -> Manifest:
        """The object with `changes`: a JSON patch if they are a list, else a merge patch."""
        form = "json-patch" if isinstance(changes, list) else "merge-patch"
        call = _Call("patch", kind, key, changes, (_MANAGER,), content_type=f"application/{form}+json")
        return await self._send(replace(call, subresource=subresource))

    async def replace(self, manifest: Manifest) -> Manifest:
        """The object as `manifest` has it, if its resourceVersion is still the one in there."""
        return await self._send(_Call("put", manifest["kind"], _key(manifest), manifest, (_MANAGER,)))

    async def delete(self, kind: str, key: ObjectKey, *, uid: str) -> None:
        """Remove the object of that uid, and what it owns afterwards. Raises Missing, Outdated."""
        body = {"preconditions": {"uid": uid}, "propagationPolicy": "Background"}
        await self._send(_Call("delete", kind, key, body))

    async def list_names(
        self, kind: str, namespace: str, *, selector: str = ""
    ) -> tuple[list[Manifest], int]:
        """The metadata of all objects of a kind, and the resourceVersion they were listed at."""
        query = (("limit", str(_PAGE)), ("labelSelector", selector))
        call = _Call("get", kind, ObjectKey(namespace, ""), query=query, accept=_NAMES_ONLY)
        found: list[Manifest] = []
        follow = ""
        while True:
            page = (("continue", follow),) if follow else ()
            answer = await self._send(replace(call, query=query + page))
            found += answer["items"] or ()  # null where there are none
            follow = answer["metadata"].get("continue", "")
            if not follow:
                return found, int(answer["metadata"]["resourceVersion"])

    async def _send(self, call: _Call) -> Manifest:
        started = self._clock()
        code = "error"
        try:
            response = await self._request(call)
            body = await response.read()
            code = str(response.status)
        except ApiException as error:
            code = str(error.status)
            raise self._failure(error) from error
        except _NETWORK_FAULTS as error:
            reason = str(error) or type(error).__name__
            raise Unavailable(f"no answer from the API server: {reason}") from error
        finally:
            self._observe_call(call.verb, call.kind, code, self._clock() - started)
        return _parse(body)

    async def _request(self, call: _Call) -> Any:
        return await self._dynamic.request(
            call.verb,
            route_of(call.kind).path(call.key.namespace, call.key.name, call.subresource),
            body=call.body,
            query_params=list(call.query),
            header_params={"Accept": call.accept},
            content_type=call.content_type,
            serialize=False,
            _request_timeout=self._timeout_seconds,
        )

    def _failure(self, error: ApiException) -> ClusterError:
        if error.status == _UNAUTHORIZED:
            self._credentials.expire()
        text = str(error.body or error.reason or "")
        headers = error.headers or {}
        return failures.to_error(int(error.status or 0), text.encode(), headers.get("Retry-After"))


def _key(manifest: Manifest) -> ObjectKey:
    metadata = manifest["metadata"]
    return ObjectKey(metadata["namespace"], metadata["name"])


def _parse(body: bytes) -> Manifest:
    try:
        answer = orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise Unavailable(f"an answer that is no JSON from the API server: {error}") from error
    if not isinstance(answer, dict):
        raise Unavailable("an answer that is no object from the API server")
    return answer

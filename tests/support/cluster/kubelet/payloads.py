"""Volume sources of the API server as files: ConfigMaps, Secrets, fields of the pod, tokens."""

import base64
import time
from collections.abc import Mapping, Sequence
from typing import Any

from tests.support.cluster.apiclient import ApiClient, ApiError, Object
from tests.support.cluster.kinds import find_kind
from tests.support.cluster.kubelet.atomicwriter import File
from tests.support.cluster.kubelet.podfields import read_field

_DEFAULT_MODE = 0o644
_TOKEN_AGE = 0.8  # of its time, after which a kubelet replaces a token


class NotYet(Exception):
    """Something that a pod needs is not there (yet); the message is a user's."""


class ConfigFault(NotYet):
    """A variable whose source is not there: a container that is not even begun."""


class Sources:
    """Reads what the volumes and variables of one pod refer to."""

    def __init__(self, api: ApiClient, pod: Object) -> None:
        self._api = api
        self._pod = pod
        self._tokens: dict[str, tuple[float, bytes]] = {}  # when to replace it, by audience

    def update(self, pod: Object) -> None:
        """Take in the pod as it is now."""
        self._pod = pod

    @property
    def namespace(self) -> str:
        """The pod's namespace."""
        return str(self._pod["metadata"]["namespace"])

    async def config_map(self, name: str, *, optional: bool = False) -> dict[str, bytes]:
        """The keys of a ConfigMap, texts and bytes alike."""
        found = await self._find("ConfigMap", name, optional=optional)
        texts = {key: text.encode() for key, text in (found.get("data") or {}).items()}
        binary = {key: base64.b64decode(text) for key, text in (found.get("binaryData") or {}).items()}
        return {**texts, **binary}

    async def secret(self, name: str, *, optional: bool = False) -> dict[str, bytes]:
        """The keys of a Secret."""
        found = await self._find("Secret", name, optional=optional)
        return {key: base64.b64decode(text) for key, text in (found.get("data") or {}).items()}

    async def volume(self, volume: Object) -> dict[str, File]:
        """The files of a configMap, secret, downwardAPI or projected volume. Raises NotYet, ApiError."""
        if "projected" in volume:
            block = volume["projected"]
            files: dict[str, File] = {}
            for source in block.get("sources") or ():
                files |= await self._source(source, block.get("defaultMode", _DEFAULT_MODE))
            return files
        block = next(volume[key] for key in ("configMap", "secret", "downwardAPI") if key in volume)
        if "secretName" in block:
            volume = {"secret": {**block, "name": block["secretName"]}}
        return await self._source(volume, block.get("defaultMode", _DEFAULT_MODE))

    async def _source(self, source: Object, mode: int) -> dict[str, File]:
        if "serviceAccountToken" in source:
            block = source["serviceAccountToken"]
            return {block["path"]: File(await self._token(block), mode)}
        if "downwardAPI" in source:
            items = source["downwardAPI"].get("items") or ()
            return {
                item["path"]: File(read_field(self._pod, item["fieldRef"]["fieldPath"]).encode(), mode)
                for item in items
            }
        kind = "configMap" if "configMap" in source else "secret"
        block = source[kind]
        optional = bool(block.get("optional", False))
        read = self.config_map if kind == "configMap" else self.secret
        data = await read(block["name"], optional=optional)
        return _choose(data, block.get("items"), mode, optional=optional)

    async def _token(self, block: Mapping[str, Any]) -> bytes:
        audience = str(block.get("audience", ""))
        due, kept = self._tokens.get(audience, (0.0, b""))
        if time.monotonic() < due:
            return kept
        seconds = int(block.get("expirationSeconds", 3600))
        token = await self._request_token(audience, seconds)
        self._tokens[audience] = (time.monotonic() + _TOKEN_AGE * seconds, token)
        return token

    async def _request_token(self, audience: str, seconds: int) -> bytes:
        account = self._pod["spec"].get("serviceAccountName", "default")
        spec: Object = {
            "expirationSeconds": seconds,
            "boundObjectRef": {
                "apiVersion": "v1",
                "kind": "Pod",
                "name": self._pod["metadata"]["name"],
                "uid": self._pod["metadata"]["uid"],
            },
        }
        if audience:
            spec["audiences"] = [audience]
        path = find_kind("ServiceAccount").path(self.namespace, account, "token")
        answer = await self._api.call("POST", path, body={"spec": spec})
        return str(answer["status"]["token"]).encode()

    async def _find(self, kind: str, name: str, *, optional: bool) -> Object:
        try:
            found = await self._api.find(kind, name, self.namespace)
        except ApiError as error:
            raise NotYet(f"{kind} {name}: {error.message}") from error  # the graph of rights may lag
        if found is None and not optional:
            raise NotYet(f'{kind.lower()} "{name}" not found')
        return found or {}


def _choose(
    data: Mapping[str, bytes], items: Sequence[Object] | None, mode: int, *, optional: bool
) -> dict[str, File]:
    if not items:
        return {key: File(content, mode) for key, content in data.items()}
    missing = [item["key"] for item in items if item["key"] not in data]
    if missing and not optional:
        raise NotYet(f"references non-existent config key: {missing[0]}")
    return {
        item["path"]: File(data[item["key"]], item.get("mode", mode))
        for item in items
        if item["key"] in data
    }

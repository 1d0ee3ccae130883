"""A container as a command of this machine, with the paths and addresses of here."""

import os
import re
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.support.cluster.apiclient import Object
from tests.support.cluster.kubelet.addresses import own_loopback
from tests.support.cluster.kubelet.payloads import ConfigFault, NotYet, Sources
from tests.support.cluster.kubelet.podfields import read_field

_SERVER = (sys.executable, "-m", "batchwright_server")
_LISTENERS = {"grpc_bind_address": "", "rest_bind_address": "", "admin_bind_address": "admin_port"}
_EVERYWHERE = ("0.0.0.0", "::")  # noqa: S104  as written in a pod: at all of the pod's addresses
_LOOPBACK = ("127.0.0.1", "localhost", "::1")
_OF_THIS_MACHINE = ("PATH", "HOME", "LANG", "LD_LIBRARY_PATH", "PYTHONPATH", "TZ")
_CHECKOUT = str(Path(__file__).parents[4])
_REFERENCE = re.compile(r"\$\$|\$\(([A-Za-z_][A-Za-z0-9_.-]*)\)")


@dataclass(frozen=True)
class Program:
    """What a process is started with."""

    command: tuple[str, ...]
    environ: Mapping[str, str]


@dataclass(frozen=True)
class Surroundings:
    """Where a container is: its pod, the pod's address on loopback, what mount paths are here."""

    pod: Object
    address: str
    mounts: Mapping[str, str]


def is_server(image: str) -> bool:
    """Whether an image is the server's, the only one that can be run here."""
    return "batchwright" in image or image.startswith("server")


async def resolve_program(container: Object, around: Surroundings, sources: Sources) -> Program:
    """The program of a container of the server. Raises ConfigFault if a variable has no source."""
    try:
        variables = await _variables(container, around, sources)
    except NotYet as error:
        raise ConfigFault(str(error)) from error
    given = container.get("command")
    texts = [*(given or ()), *(container.get("args") or ())]
    texts = [_rewrite(_expand(text, variables), around.mounts) for text in texts]
    command = texts if given else [*_SERVER, *_listen_here(texts, around.address)]
    environ = {key: os.environ[key] for key in _OF_THIS_MACHINE if key in os.environ}
    environ |= {key: _rewrite(value, around.mounts) for key, value in variables.items()}
    if "/tmp" in around.mounts:  # noqa: S108
        environ["TMPDIR"] = around.mounts["/tmp"]  # noqa: S108
    return Program(tuple(command), {**environ, "PYTHONUNBUFFERED": "1"})


def _listen_here(texts: Sequence[str], address: str) -> list[str]:
    """Arguments that listen where the pod has here what it was told: all it has, by default."""
    if texts[:1] == ["fetch"]:  # the server's program, but not a server
        return list(texts)
    given = " ".join(texts)
    usual = [
        f"--{flag}={_EVERYWHERE[0]}"
        for flag, port in _LISTENERS.items()
        if f"--{flag}=" not in given and f"--{port}" in given
    ]
    return [_translate(text, address) for text in (*texts, *usual)]


def _translate(text: str, address: str) -> str:
    flag, _, told = text.removeprefix("--").partition("=")
    if flag not in _LISTENERS:
        return text
    here: list[str] = []
    for place in told.split(","):
        if place in _EVERYWHERE:
            here += [address, own_loopback(address)]
        else:
            here.append(own_loopback(address) if place in _LOOPBACK else place)
    return f"--{flag}={','.join(here)}"


async def _variables(container: Object, around: Surroundings, sources: Sources) -> dict[str, str]:
    found: dict[str, str] = {}
    for block in container.get("envFrom") or ():
        found |= await _all_keys(block, sources)
    for item in container.get("env") or ():
        if "valueFrom" in item:
            value = await _value(item["valueFrom"], container, around, sources)
            if value is not None:
                found[item["name"]] = value
        else:
            found[item["name"]] = _expand(item.get("value", ""), found)
    return found


async def _all_keys(block: Object, sources: Sources) -> dict[str, str]:
    is_map = "configMapRef" in block
    reference = block["configMapRef" if is_map else "secretRef"]
    read = sources.config_map if is_map else sources.secret
    data = await read(reference["name"], optional=bool(reference.get("optional")))
    return {f"{block.get('prefix', '')}{key}": value.decode() for key, value in data.items()}


async def _value(
    source: Object, container: Object, around: Surroundings, sources: Sources
) -> str | None:
    if "fieldRef" in source:
        path = source["fieldRef"]["fieldPath"]
        return around.address if path == "status.podIP" else read_field(around.pod, path)
    if "resourceFieldRef" in source:
        kind, name = source["resourceFieldRef"]["resource"].split(".", 1)
        resources: Mapping[str, Any] = container.get("resources") or {}
        return str((resources.get(kind) or {}).get(name, "0"))
    key = "configMapKeyRef" if "configMapKeyRef" in source else "secretKeyRef"
    reference = source[key]
    optional = bool(reference.get("optional"))
    read = sources.config_map if key == "configMapKeyRef" else sources.secret
    data = await read(reference["name"], optional=optional)
    if reference["key"] in data:
        return data[reference["key"]].decode()
    if optional:
        return None
    raise NotYet(f"couldn't find key {reference['key']} in {sources.namespace}/{reference['name']}")


def _expand(text: str, variables: Mapping[str, str]) -> str:
    def replace(match: re.Match[str]) -> str:
        return "$" if match[0] == "$$" else variables.get(match[1], match[0])

    return _REFERENCE.sub(replace, text)


def _rewrite(text: str, mounts: Mapping[str, str]) -> str:
    """Mount paths in a text are where they are here; the checkout is where it is, be it below one."""
    if not mounts or text.startswith(_CHECKOUT):
        return text
    paths = "|".join(re.escape(path) for path in sorted(mounts, key=len, reverse=True))
    return re.sub(rf"(?<![\w./-])({paths})(?![\w.-])", lambda match: mounts[match[1]], text)

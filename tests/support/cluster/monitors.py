"""Kinds of the Prometheus operator for clusters without it: one that keeps all, and its own."""

import json
import shutil
import subprocess
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any

from tests.support.cluster.access import Cluster
from tests.support.cluster.apiclient import ApiClient, Object

_MODULE = "github.com/prometheus-operator/prometheus-operator@v0.85.0"
_FILES = ("servicemonitors", "prometheusrules")
_NAME = "servicemonitors.monitoring.coreos.com"
_KIND = "CustomResourceDefinition"


@asynccontextmanager
async def monitors(api: ApiClient) -> AsyncIterator[None]:
    """There is such a kind within the block."""
    if await api.find(_KIND, _NAME) is not None:
        yield
        return
    await api.create(_definition())
    await api.wait_for(_KIND, _NAME, until=_is_established)
    try:
        yield
    finally:
        await api.delete(_KIND, _NAME)
        await api.wait_until_gone(_KIND, _NAME)


@contextmanager
def real_definitions(cluster: Cluster) -> Iterator[None]:
    """There are the kinds of the Prometheus operator within the block, with all their rules."""
    folder = _download() / "example" / "prometheus-operator-crd"
    files = [f"--filename={folder}/monitoring.coreos.com_{name}.yaml" for name in _FILES]
    cluster.kubectl("apply", "--server-side", *files)
    names = [f"crd/{name}.monitoring.coreos.com" for name in _FILES]
    try:
        cluster.kubectl("wait", "--for=condition=Established", "--timeout=30s", *names)
        yield
    finally:
        cluster.kubectl("delete", *files)


def can_have_real_definitions() -> bool:
    """Whether Go is there, which brings them."""
    return shutil.which("go") is not None


def _download() -> Path:
    command = [shutil.which("go") or "go", "mod", "download", "-json", _MODULE]
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=120, cwd="/")
    return Path(json.loads(done.stdout)["Dir"])


def _definition() -> Object:
    names = {"kind": "ServiceMonitor", "plural": "servicemonitors", "singular": "servicemonitor"}
    anything = {"type": "object", "x-kubernetes-preserve-unknown-fields": True}
    schema = {"type": "object", "properties": {"spec": anything}}
    version: dict[str, Any] = {"name": "v1", "served": True, "storage": True}
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": _KIND,
        "metadata": {"name": _NAME},
        "spec": {
            "group": "monitoring.coreos.com",
            "names": {**names, "listKind": "ServiceMonitorList"},
            "scope": "Namespaced",
            "versions": [{**version, "schema": {"openAPIV3Schema": schema}}],
        },
    }


def _is_established(definition: Object) -> bool:
    conditions = definition.get("status", {}).get("conditions") or ()
    return any(item["type"] == "Established" and item["status"] == "True" for item in conditions)

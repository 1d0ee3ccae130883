"""A cluster as tests use it, whoever runs its control plane."""

import os
import subprocess
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import yaml

from tests.support.cluster import blocking
from tests.support.cluster.apiclient import ApiClient
from tests.support.cluster.kinds import find_kind
from tests.support.cluster.kubeconfig import current_context, load_access, with_token

KUBECONFIG = "BATCHWRIGHT_TEST_KUBECONFIG"
DISPOSABLE = ("kind-", "k3d-", "minikube", "batchwright-")
_CRDS = Path(__file__).parents[3] / "crds"
_WAIT_SECONDS = 30.0


class NotDisposable(Exception):
    """A cluster that tests must not touch."""


class Cluster:
    """An API server with all rights on it. `directory` is for files about it."""

    def __init__(self, directory: Path, kubeconfig: Path, kubectl: Path) -> None:
        self.directory = directory
        self.kubeconfig = kubeconfig
        self.access = load_access(kubeconfig)
        self._kubectl = kubectl

    def client(self) -> ApiClient:
        """A client with all rights, to be used as an async context manager."""
        return ApiClient(self.access)

    def kubectl(self, *arguments: str, stdin: str | None = None) -> str:
        """What kubectl prints. Raises CalledProcessError with its complaints in `stderr`."""
        environ = {**os.environ, "KUBECONFIG": str(self.kubeconfig)}
        command = [str(self._kubectl), *arguments]
        return subprocess.run(
            command, env=environ, input=stdin, capture_output=True, text=True, check=True, timeout=60
        ).stdout

    def kubeconfig_for_service_account(self, namespace: str, name: str, *, seconds: int = 3600) -> Path:
        """A kubeconfig with a token of a ServiceAccount that is there already."""
        path = find_kind("ServiceAccount").path(namespace, name, "token")
        answer = self.request("POST", path, {"spec": {"expirationSeconds": seconds}})
        target = self.directory / "kubeconfigs" / f"{namespace}-{name}.yaml"
        return with_token(self.kubeconfig, target, str(answer["status"]["token"]))

    def request(self, method: str, path: str, body: Any = None) -> Any:
        """One request with all rights, outside any event loop. Fails unless it succeeds."""
        status, answer = blocking.request(self.access, method, path, body)
        assert 200 <= status < 300, f"{method} {path}: {status} {answer}"
        return answer

    def apply_custom_resources(self) -> None:
        """Create the definitions in `crds/`, where there are any, and wait until they are served."""
        kind = find_kind("CustomResourceDefinition")
        for file in sorted(_CRDS.glob("*.yaml")):
            manifest = yaml.safe_load(file.read_text())
            path = kind.path(name=manifest["metadata"]["name"])
            status, answer = blocking.request(self.access, "POST", kind.path(), manifest)
            if status == 409:
                found = self.request("GET", path)
                manifest["metadata"]["resourceVersion"] = found["metadata"]["resourceVersion"]
                status, answer = blocking.request(self.access, "PUT", path, manifest)
            assert 200 <= status < 300, f"{file.name}: {status} {answer}"
            self._wait(partial(self._is_established, path), file.name)

    def _wait(self, check: Callable[[], bool], what: str) -> None:
        deadline = time.monotonic() + _WAIT_SECONDS
        while not check():
            assert time.monotonic() < deadline, f"not within {_WAIT_SECONDS} s: {what}"
            time.sleep(0.05)

    def _is_established(self, path: str) -> bool:
        conditions = self.request("GET", path).get("status", {}).get("conditions") or ()
        return any(item["type"] == "Established" and item["status"] == "True" for item in conditions)


def check_disposable(kubeconfig: Path) -> None:
    """Raises NotDisposable unless the current context is, by its name, a cluster made for tests."""
    context = current_context(kubeconfig)
    if not context.startswith(DISPOSABLE):
        raise NotDisposable(
            f"{KUBECONFIG}: the current context of {kubeconfig} is {context!r}; these tests create and "
            f"delete at will, and take only a context whose name begins with {', '.join(DISPOSABLE)}"
        )

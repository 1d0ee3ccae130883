"""The operator in tests: a process with the rights that its chart gives it, and no others."""

import json
import shutil
import subprocess
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from tests.support.cluster import binaries
from tests.support.cluster.access import Cluster
from tests.support.cluster.node import Kubelet
from tests.support.operator_process import PROGRAM, START_SECONDS, OperatorProcess

ADMIN_KEY = b"of-tests"
_CHART = Path(__file__).parents[3] / "charts" / "batchwright"
_SERIOUS = ("ERROR", "CRITICAL")


class Operators:
    """Replicas of an operator in `namespace`, which serves that one, or with `everywhere` all.

    None of them may log a traceback, or an error that the test has not announced: `end` sees to it.
    """

    def __init__(
        self, cluster: Cluster, namespace: str, directory: Path, *, everywhere: bool = False
    ) -> None:
        self.replicas: list[OperatorProcess] = []
        self._cluster = cluster
        self._namespace = namespace
        self._directory = directory
        self._everywhere = everywhere
        self._announced: list[str] = []
        self._account = ""

    def start(
        self,
        *options: str,
        kubelet: Kubelet | None = None,
        kubeconfig: Path | None = None,
        environment: Mapping[str, str] | None = None,
        program: Sequence[str] = PROGRAM,
    ) -> OperatorProcess:
        """One more replica, with the pods of `kubelet`; of `kubeconfig` instead of the chart's account.

        Returns once it has begun, not when it leads.
        """
        key = self._directory / "admin-keys"
        key.write_bytes(ADMIN_KEY)
        given = [f"--operator-namespace={self._namespace}", f"--admin-key-file={key}", *options]
        if not self._everywhere:
            given.append(f"--namespace={self._namespace}")
        if kubelet is not None:
            given.append(f"--pod-addresses={kubelet.addresses_file}")
            given.append(f"--models-mount={kubelet.models_mount}")
        home = Path(tempfile.mkdtemp(prefix="operator-", dir=self._directory))
        replica = OperatorProcess(home, kubeconfig or self.kubeconfig, *given)
        self.replicas.append(replica)
        replica.start(environment, program=program)
        deadline = time.monotonic() + START_SECONDS
        while not replica.said("The operator begins"):
            said = replica.log.read_text()
            assert replica.is_running, said
            assert time.monotonic() < deadline, said
            time.sleep(0.05)
        return replica

    @property
    def kubeconfig(self) -> Path:
        """That of the service account."""
        return self._cluster.kubeconfig_for_service_account(self._namespace, self.account)

    @property
    def account(self) -> str:
        """The service account; it is made, with its rights, when it is first asked for."""
        if not self._account:
            self._account = install_rights(self._cluster, self._namespace, everywhere=self._everywhere)
        return self._account

    @property
    def user(self) -> str:
        """The name by which the API server knows the service account."""
        return f"system:serviceaccount:{self._namespace}:{self.account}"

    def announce(self, *messages: str) -> None:
        """Errors that begin so are expected in the log."""
        self._announced += messages

    def end(self) -> None:
        """End all replicas, whatever state they are in, and look through what they have said."""
        for replica in self.replicas:
            replica.end()
        if self._everywhere and self._account:
            names = f"{self._namespace}-batchwright"
            self._cluster.kubectl("delete", "clusterrole,clusterrolebinding", names)
        for replica in self.replicas:
            self.check_log(replica)

    def check_log(self, replica: OperatorProcess) -> None:
        """Fail if it has logged a traceback or an error that nobody announced."""
        faults = replica.faults()
        assert not faults, faults
        serious = [event for event in replica.events() if event["level"] in _SERIOUS]
        unannounced = [event for event in serious if not self._is_announced(event)]
        assert not unannounced, unannounced

    def _is_announced(self, event: dict[str, Any]) -> bool:
        return any(event["message"].startswith(message) for message in self._announced)


def install_rights(cluster: Cluster, namespace: str, *, everywhere: bool = False) -> str:
    """Create the service account of the chart and all its rights; the name of the account."""
    values = [] if everywhere else [f"--set=namespaces={{{namespace}}}"]
    manifests = render_chart(namespace, "--show-only=templates/rbac.yaml", *values)
    applied = json.loads(cluster.kubectl("apply", "-f", "-", "-o", "json", stdin=manifests))
    accounts = (item for item in applied["items"] if item["kind"] == "ServiceAccount")
    return str(next(accounts)["metadata"]["name"])


def render_chart(namespace: str, *options: str) -> str:
    """What helm makes of the chart, released into a namespace under its name."""
    command = [str(_helm()), "template", namespace, str(_CHART), f"--namespace={namespace}", *options]
    return subprocess.run(command, capture_output=True, text=True, check=True, timeout=60).stdout


def _helm() -> str:
    built = binaries.cache_folder() / "helm"
    return str(built) if built.exists() else shutil.which("helm") or "helm"

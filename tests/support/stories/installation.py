"""The operator on a cluster, installed by helm: chart and images are those of this tree."""

import os
import shlex
import subprocess
from pathlib import Path

from tests.support.cluster.access import Cluster
from tests.support.node import images

CHART = images.ROOT / "charts" / "batchwright"
NAMESPACE = "batchwright-system"
RELEASE = "batchwright"
_WAIT = "180s"
SELECTOR = "app.kubernetes.io/name=batchwright-operator"


class Installation:
    """One release of the chart."""

    def __init__(self, cluster: Cluster, helm: Path) -> None:
        self._cluster = cluster
        self._helm = helm

    def install(self, *options: str) -> str:
        """Install it, or upgrade it where it is, and wait until it is ready; what helm prints."""
        return self._run(
            "upgrade",
            "--install",
            RELEASE,
            str(CHART),
            "--create-namespace",
            "--wait",
            f"--timeout={_WAIT}",
            *_image_options("image", images.OPERATOR.reference),
            *_image_options("serverImage", images.SERVER.reference),
            *options,
        )

    def roll_back(self) -> str:
        """Go back to the revision before, and wait until it is ready; what helm prints."""
        return self._run("rollback", RELEASE, "--wait", f"--timeout={_WAIT}")

    def uninstall(self) -> str:
        """Take it away; what helm prints."""
        return self._run("uninstall", RELEASE, "--wait", f"--timeout={_WAIT}")

    def test(self) -> str:
        """Run the chart's own test; what helm prints."""
        return self._run("test", RELEASE, f"--timeout={_WAIT}", "--logs")

    def run_documented(self, command: str) -> str:
        """What a line of the chart's README for kubectl or helm prints."""
        program, *arguments = shlex.split(command, comments=True)
        if program == "kubectl":
            return self._cluster.kubectl(*arguments)
        assert program == "helm", command
        return self._run(*arguments)

    def _run(self, *arguments: str) -> str:
        command = [str(self._helm), *arguments, f"--namespace={NAMESPACE}"]
        environ = {**os.environ, "KUBECONFIG": str(self._cluster.kubeconfig)}
        done = subprocess.run(command, env=environ, capture_output=True, text=True, check=False)
        assert done.returncode == 0, f"helm {arguments[0]}: {done.stdout}{done.stderr}"
        return done.stdout


def _image_options(block: str, reference: str) -> list[str]:
    repository, _, tag = reference.rpartition(":")
    return [f"--set={block}.repository={repository}", f"--set={block}.tag={tag}"]

"""`batchwright explain` against a real API server."""

import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

from batchwright_operator.policy.rules import Mode
from tests.support.cluster.access import Cluster
from tests.support.cluster.apiclient import ApiClient
from tests.support.cluster.kubeconfig import current_context
from tests.support.modelservers import server_document
from tests.unit.operator.policy.samples import RULES, Desk, Pod, mixed_on_reload


def told(folder: Path, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """What the command prints, run as users run it."""
    command = [sys.executable, "-m", "batchwright_operator", "explain", *arguments]
    variables = {**os.environ, "COLUMNS": "160", **environment}
    return subprocess.run(
        command, cwd=folder, env=variables, capture_output=True, text=True, check=False, timeout=60
    )


def decided() -> dict[str, Any]:
    """The status of a model after some mixed traffic on reload, which the policy would leave."""
    desk = Desk(rules=replace(RULES, mode=Mode.OBSERVE))
    desk.serve(Pod(), 15, mixed_on_reload)
    decision = desk.last
    numbers = {"observed": dict(decision.observed), "predicted": dict(decision.predicted)}
    words = {"reason": decision.reason.value, "message": decision.message}
    return {
        "name": "resnet",
        "strategy": "reload",
        "streams": "one",
        "decision": {"action": decision.action.value, **words, **numbers},
    }


async def test_a_decision_is_read_from_the_cluster(
    api: ApiClient, namespace: str, control_plane: Cluster, tmp_path: Path
) -> None:
    """By --kubeconfig and --context as by KUBECONFIG: the sentence, the table, the bars, the turns."""
    await api.create(server_document(name="vision", replicas=0), namespace=namespace)
    model = decided()
    status = {"status": {"models": [model]}}
    await api.patch("ModelServer", "vision", namespace, patch=status, subresource="status")
    where = ("vision", "--namespace", namespace)
    kubeconfig = str(control_plane.kubeconfig)
    context = current_context(control_plane.kubeconfig)
    by_flags = told(tmp_path, *where, "--kubeconfig", kubeconfig, "--context", context)
    by_environment = told(tmp_path, *where, KUBECONFIG=f"/nowhere{os.pathsep}{kubeconfig}")
    assert by_flags.stdout == by_environment.stdout
    words = " ".join(by_flags.stdout.split())
    assert model["decision"]["message"] in words
    for part in ("cost of a mean request", "█", "Another decision would follow from:"):
        assert part in words, by_flags.stdout


async def test_what_is_not_there_is_told(namespace: str, control_plane: Cluster, tmp_path: Path) -> None:
    """A name or a context that does not exist is one line that names it, and no traceback."""
    kubeconfig = ("--namespace", namespace, "--kubeconfig", str(control_plane.kubeconfig))
    missing = told(tmp_path, "nothing", *kubeconfig)
    assert (missing.returncode, missing.stdout) == (1, "")
    assert f"{namespace}/nothing" in missing.stderr
    elsewhere = told(tmp_path, "vision", *kubeconfig, "--context", "nobody")
    assert elsewhere.returncode == 1
    assert "nobody" in elsewhere.stderr
    assert "Traceback" not in missing.stderr + elsewhere.stderr

"""Helm, and this project's chart by it."""

import os
import shutil
import subprocess
from pathlib import Path
from typing import Any

import yaml

from tests.support.cluster import binaries

CHART = Path(__file__).parents[2] / "charts" / "batchwright"
EVERYTHING = (
    "--set=metrics.serviceMonitor.enabled=true",
    "--set=metrics.prometheusRule.enabled=true",
    "--set=metrics.dashboard.enabled=true",
    "--set=networkPolicy.egress.enabled=true",
)
"""Options by which nothing is left out."""
_TIMEOUT_SECONDS = 120


def is_there() -> bool:
    """Whether helm was built, or is installed."""
    return shutil.which(_program()) is not None


def run(*arguments: str, kubeconfig: Path | None = None) -> str:
    """What helm prints, on either output. Raises CalledProcessError with its complaints in `stderr`."""
    environ = {**os.environ, **({"KUBECONFIG": str(kubeconfig)} if kubeconfig else {})}
    done = subprocess.run(
        [_program(), *arguments],
        env=environ,
        capture_output=True,
        text=True,
        check=True,
        timeout=_TIMEOUT_SECONDS,
    )
    return done.stdout + done.stderr


def template(release: str, namespace: str, *options: str) -> list[dict[str, Any]]:
    """The manifests that the chart renders, hooks included."""
    command = [_program(), "template", release, str(CHART), f"--namespace={namespace}", *options]
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=_TIMEOUT_SECONDS)
    return [item for item in yaml.safe_load_all(done.stdout) if item]


def _program() -> str:
    built = binaries.cache_folder() / "helm"
    return str(built) if built.exists() else "helm"

"""A real Prometheus and its promtool, where they are."""

import json
import shutil
import subprocess
import urllib.parse
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.support.cluster import binaries
from tests.support.serving import free_port

_SCRAPE = "200ms"


def find(name: str) -> str | None:
    """The path of `prometheus` or `promtool`: in the cache of built programs, or installed."""
    built = binaries.cache_folder() / name
    return str(built) if built.exists() else shutil.which(name)


needs_prometheus = pytest.mark.skipif(
    find("prometheus") is None or find("promtool") is None,
    reason="PROMETHEUS MISSING: apt-get install --no-install-recommends prometheus (and promtool)",
)


def promtool(*arguments: str, folder: Path) -> str:
    """What promtool says. Fails with its complaints."""
    program = find("promtool") or "promtool"
    done = subprocess.run(
        [program, *arguments], cwd=folder, capture_output=True, text=True, check=False, timeout=60
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout + done.stderr


class Prometheus:
    """A running one."""

    def __init__(self, port: int) -> None:
        self.url = f"http://127.0.0.1:{port}"

    def query(self, expression: str) -> list[dict[str, Any]]:
        """The series that an expression gives now. Fails if Prometheus does not understand it."""
        path = "/api/v1/query?" + urllib.parse.urlencode({"query": expression})
        with urllib.request.urlopen(self.url + path, timeout=10) as response:  # noqa: S310  loopback
            answer = json.load(response)
        assert answer["status"] == "success", answer
        result = answer["data"]["result"]
        return result if isinstance(result, list) else [result]


@contextmanager
def scraping(folder: Path, targets: Mapping[str, int]) -> Iterator[Prometheus]:
    """A Prometheus that scrapes ports of loopback, by job, five times a second."""
    jobs = [
        {
            "job_name": job,
            "honor_labels": True,
            "static_configs": [{"targets": [f"127.0.0.1:{port}"], "labels": {"namespace": "tests"}}],
        }
        for job, port in targets.items()
    ]
    interval = {"scrape_interval": _SCRAPE, "scrape_timeout": _SCRAPE}
    (folder / "prometheus.yml").write_text(yaml.safe_dump({"global": interval, "scrape_configs": jobs}))
    port = free_port()
    command = [
        find("prometheus") or "prometheus",
        f"--config.file={folder}/prometheus.yml",
        f"--storage.tsdb.path={folder}/tsdb",
        f"--web.listen-address=127.0.0.1:{port}",
    ]
    with (folder / "prometheus.log").open("wb") as log:
        running = subprocess.Popen(command, cwd=folder, stdout=log, stderr=log)
    try:
        yield Prometheus(port)
    finally:
        running.kill()
        running.wait()

import json
from xml.etree import ElementTree

import numpy as np
import pytest

from example_client.demo import page, panels, records, reference, report, traffic, verdict
from tests.unit.example_client.demo import runs

EXPECTED = reference.Expected(np.zeros((2, 1), np.float32), np.eye(2, dtype=np.float32), 0.0, 1.0)
PROMISED = {
    "requests",
    "failed_requests",
    "samples",
    "mismatched_samples",
    "switches",
    "before",
    "after",
    "longest_stall_during_switch_ms",
    "tolerance",
}


def _story(run: records.Run) -> report.Story:
    return report.Story(run, traffic.Offer(), EXPECTED, verdict.check_mixed(run), "kind: ModelServer\n")


def test_report_has_what_was_promised() -> None:
    """The keys that readers rely on are there, and it is plain JSON."""
    plain = json.loads(json.dumps(report.render(_story(runs.switched()))))

    assert plain.keys() >= PROMISED
    assert plain["success"] is True
    assert plain["requests"] == 86
    assert plain["samples"] == 86 * 8
    assert plain["switches"][0].keys() == {"model", "from", "to", "at_s", "reason", "message"}
    assert plain["before"].keys() >= {"strategy", "samples_per_s", "p50_ms", "p99_ms", "reloads"}


def test_report_without_a_switch() -> None:
    """Without a switch there is no before and after, and the whole is told."""
    plain = report.render(_story(runs.steady()))

    assert plain["before"] is None
    assert plain["after"] is None
    assert plain["whole"]["samples_per_s"] == pytest.approx(15.2)
    assert plain["longest_stall_during_switch_ms"] == 0.0


@pytest.mark.parametrize("run", [runs.switched(), runs.steady(), records.Run((), (), (), 0.4)])
def test_charts_are_well_formed(run: records.Run) -> None:
    """Every chart parses as XML, whatever there was to draw."""
    for panel in (panels.throughput, panels.reloads, panels.latency, panels.batch_sizes):
        root = ElementTree.fromstring(panel(run))  # noqa: S314 (our own text)
        assert root.tag == "svg"


def test_page_is_self_contained() -> None:
    """The page needs no script and nothing from elsewhere, and what the policy said is escaped."""
    text = page.render(_story(runs.switched()))

    assert "50 % of the work &lt;&amp;&gt;" in text
    assert "<script" not in text
    assert "http" not in text
    assert "@import" not in text

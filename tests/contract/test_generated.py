"""What is generated is what the sources say."""

import json
import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree

import pytest

from batchwright_server.config.plan import Strategy
from tools import cli_reference, metrics_reference, strategy_pictures, switch_picture

DOCS = Path(__file__).parents[2] / "docs"
SERVER = Path(__file__).parents[2] / "server"
PROTOS = SERVER / "batchwright_server" / "protos"


def test_the_protocol_stubs_are_fresh(tmp_path: Path) -> None:
    """Compiling the .proto files again gives the committed stubs, byte for byte."""
    sources = sorted(str(path) for path in PROTOS.glob("*.proto"))
    outputs = [f"--{kind}={tmp_path}" for kind in ("python_out", "pyi_out", "grpc_python_out")]

    subprocess.run(
        [sys.executable, "-m", "grpc_tools.protoc", f"-I{SERVER}", *outputs, *sources], check=True
    )

    fresh = {path.name: path.read_text() for path in tmp_path.rglob("*_pb2*")}
    committed = {path.name: path.read_text() for path in PROTOS.glob("*_pb2*")}
    assert fresh == committed


def test_the_reference_of_metrics_is_fresh() -> None:
    """Every metric of server and operator, as `make generate` would write it now."""
    assert (DOCS / "metrics.md").read_text() == metrics_reference.render_reference()


def test_the_reference_of_commands_is_fresh() -> None:
    """Every command and option, as `make generate` would write it now."""
    assert (DOCS / "cli.md").read_text() == cli_reference.render_reference()


def test_every_option_says_what_it_is_for() -> None:
    """No row of the reference of commands is without words."""
    rows = [line for line in (DOCS / "cli.md").read_text().splitlines() if line.startswith("| `-")]
    silent = [row for row in rows if row.endswith("|  |")]

    assert len(rows) > 80
    assert silent == []


@pytest.mark.parametrize("story", strategy_pictures.STORIES, ids=lambda story: story.name)
def test_the_pictures_of_strategies_are_fresh(story: strategy_pictures.Story) -> None:
    """Each is as it would be drawn now, well-formed, and nothing in it takes negative time."""
    text = (DOCS / "images" / f"{story.name}.svg").read_text()
    blocks = [block for request in story.requests for lane in request.lanes for block in lane]

    assert text == strategy_pictures.render(story)
    assert ElementTree.fromstring(text).tag.endswith("svg")  # noqa: S314  # our own
    assert all(block.start < block.end for block in blocks)


def test_every_strategy_has_a_picture() -> None:
    """None is left to words alone."""
    assert {story.name for story in strategy_pictures.STORIES} == {
        strategy.value for strategy in Strategy
    }


def test_the_picture_of_the_switch_is_fresh() -> None:
    """It is drawn from the figures beside it, which are those of a run that went well."""
    figures = json.loads((DOCS / "images" / "switch.json").read_text())

    assert (DOCS / "images" / "switch.svg").read_text() == switch_picture.render(figures)
    assert figures["failed_requests"] == 0
    assert figures["after"]["samples_per_s"] > figures["before"]["samples_per_s"]

"""Pipelines on the command line: checked, rendered, converted."""

import json
from pathlib import Path
from typing import Any

import yaml
from click.testing import CliRunner, Result

from batchwright_operator.cli.group import batchwright
from tests.support.modelservers import server_document
from tests.support.pipelines import pipeline_document


def run(*arguments: str | Path) -> Result:
    return CliRunner().invoke(batchwright, [str(argument) for argument in arguments])


def write(path: Path, *objects: dict[str, Any]) -> Path:
    path.write_text(yaml.safe_dump_all(objects))
    return path


def test_a_pipeline_without_its_server_is_valid_and_told(tmp_path: Path) -> None:
    """`validate` warns, `render` leaves it out and says so; neither fails."""
    file = write(tmp_path / "a.yaml", pipeline_document("lost", server="x"), server_document())

    checked, rendered = run("validate", file), run("render", file)

    assert (checked.exit_code, rendered.exit_code) == (0, 0)
    assert "Pipeline default/lost: valid\n" in checked.stdout
    assert checked.stderr.startswith("warning: Pipeline default/lost: spec.modelServerRef.name: there")
    assert rendered.stderr.startswith("left out: Pipeline default/lost: ")
    assert "lost" not in rendered.stdout


def test_a_pipeline_may_be_in_another_file(tmp_path: Path) -> None:
    """It is in the document of its ModelServer, whichever file comes first."""
    one = write(tmp_path / "a.yaml", pipeline_document())
    other = write(tmp_path / "b.yaml", server_document())

    result = run("render", one, other)

    documents = yaml.safe_load_all(result.stdout)
    config_map = next(item for item in documents if item["kind"] == "ConfigMap")
    pipelines = json.loads(config_map["data"]["config.json"])["pipeline_config_list"]
    assert [pipeline["name"] for pipeline in pipelines] == ["twice"]


def test_conversion_there_and_back(tmp_path: Path) -> None:
    """OVMS's words come back as they were, the name that clients ask for included."""
    source = {"node_name": "request", "data_item": "0"}
    pipeline = {
        "name": "resnet50DAG",
        "inputs": ["0"],
        "demultiply_count": -1,
        "nodes": [
            {
                "name": "resnet-node",
                "model_name": "resnet",
                "type": "DL model",
                "inputs": [{"0": source}],
                "outputs": [{"data_item": "1463", "alias": "1463"}],
            }
        ],
        "outputs": [{"1463": {"node_name": "resnet-node", "data_item": "1463"}}],
    }
    model = {"name": "resnet", "base_path": "/models/resnet50", "batch_size": 1}
    document = {"model_config_list": [{"config": model}], "pipeline_config_list": [pipeline]}
    config = tmp_path / "config.json"
    config.write_text(json.dumps(document))

    manifests = run("convert", config, "--name", "vision")
    (tmp_path / "m.yaml").write_text(manifests.stdout)
    back = run("convert", tmp_path / "m.yaml", "--to-config", "--claim", "models=/models")

    assert [item["metadata"]["name"] for item in yaml.safe_load_all(manifests.stdout)] == [
        "vision",
        "resnet50dag",
    ]
    assert json.loads(back.stdout) == document
    assert (manifests.stderr, back.stderr) == ("", "")

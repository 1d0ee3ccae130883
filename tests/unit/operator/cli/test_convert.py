"""`batchwright convert`: files in, text out, exit codes."""

import json
from pathlib import Path
from typing import Any

import pytest
import yaml
from click.testing import CliRunner, Result

from batchwright_operator.cli.group import batchwright
from tests.support.modelservers import model_document, server_document


def run(*arguments: str | Path) -> Result:
    return CliRunner().invoke(batchwright, ["convert", *map(str, arguments)])


@pytest.fixture
def config_file(tmp_path: Path) -> Path:
    return write(
        tmp_path, {"name": "a", "base_path": "/opt/ml/a"}, {"name": "b", "base_path": "/opt/ml/x/b"}
    )


def write(folder: Path, *configs: dict[str, Any], **top: Any) -> Path:
    path = folder / "config.json"
    path.write_text(json.dumps({"model_config_list": [{"config": item} for item in configs], **top}))
    return path


def test_a_configuration_becomes_a_manifest_that_is_valid(config_file: Path, tmp_path: Path) -> None:
    """The volume is the deepest directory that has every model, unless one is said."""
    result = run(config_file, "--name", "vision", "--claim", "ml")

    manifest = yaml.safe_load(result.stdout)
    assert (result.exit_code, result.stderr) == (0, "")
    assert manifest["metadata"]["name"] == "vision"
    assert [model["source"]["pvc"] for model in manifest["spec"]["models"]] == [
        {"claimName": "ml", "path": "a"},
        {"claimName": "ml", "path": "x/b"},
    ]
    file = tmp_path / "m.yaml"
    file.write_text(result.stdout)
    assert CliRunner().invoke(batchwright, ["validate", str(file)]).exit_code == 0


def test_volumes_are_where_they_are_said_to_be(config_file: Path) -> None:
    """Several claims, each with its directory; the longer one first."""
    result = run(config_file, "--claim", "ml=/opt/ml", "--claim", "x=/opt/ml/x")

    models = yaml.safe_load(result.stdout)["spec"]["models"]
    assert [model["source"]["pvc"] for model in models] == [
        {"claimName": "ml", "path": "a"},
        {"claimName": "x", "path": "b"},
    ]


def test_a_relative_path_begins_at_the_configuration(tmp_path: Path) -> None:
    """As OVMS and the server read it."""
    result = run(write(tmp_path, {"name": "a", "base_path": "models/a"}), "--claim", f"m={tmp_path}")

    [model] = yaml.safe_load(result.stdout)["spec"]["models"]
    assert model["source"]["pvc"] == {"claimName": "m", "path": "models/a"}


def test_nothing_is_written_where_something_is_lost(tmp_path: Path) -> None:
    """The loss is told, exit code 1; with --partial the rest is written."""
    file = write(tmp_path, {"name": "a", "base_path": "/m/a", "allow_cache": True})

    refused, partial = run(file), run(file, "--partial")

    assert (refused.exit_code, refused.stdout) == (1, "")
    assert "model_config_list[0].config.allow_cache" in refused.stderr
    assert partial.exit_code == 0
    assert yaml.safe_load(partial.stdout)["kind"] == "ModelServer"
    assert "allow_cache" in partial.stderr


def test_a_translated_property_is_a_note(tmp_path: Path) -> None:
    """It is told, but it is no loss."""
    file = write(tmp_path, {"name": "a", "base_path": "/m/a", "plugin_config": {"CPU_THREADS_NUM": 1}})

    result = run(file)

    assert result.exit_code == 0
    assert "note: model_config_list[0].config.plugin_config: CPU_THREADS_NUM" in result.stderr


@pytest.mark.parametrize("text", ["{", '{"model_config_list": [{"config": {"name": "a"}}]}'])
def test_a_faulty_configuration_lists_its_faults(tmp_path: Path, text: str) -> None:
    """As the server would."""
    file = tmp_path / "config.json"
    file.write_text(text)

    assert run(file).exit_code == 1
    assert run(file).stderr


def test_an_empty_configuration_makes_no_manifest(tmp_path: Path) -> None:
    """A ModelServer needs a model."""
    result = run(write(tmp_path))

    assert (result.exit_code, result.stdout) == (1, "")


def manifests(folder: Path, *documents: dict[str, Any]) -> Path:
    path = folder / "manifests.yaml"
    path.write_text(yaml.safe_dump_all(documents))
    return path


def test_a_manifest_becomes_a_configuration(tmp_path: Path) -> None:
    """In OVMS's words where it has any, with the volume where it is said to be."""
    file = manifests(tmp_path, server_document(model_document(batching={"strategy": "Reload"})))

    result = run(file, "--to-config", "--claim", "models=/opt/ml")

    assert result.exit_code == 0
    assert json.loads(result.stdout) == {
        "model_config_list": [
            {"config": {"name": "resnet", "base_path": "/opt/ml/resnet", "batch_size": "auto"}}
        ]
    }


def test_one_of_several_manifests_is_chosen_by_name(tmp_path: Path) -> None:
    """Without a name the choice is not guessed."""
    model = model_document(batching={"strategy": "Reload"})
    file = manifests(tmp_path, server_document(model, name="a"), server_document(model, name="b"))

    assert run(file, "--to-config", "--name", "b").exit_code == 0
    assert "there are: a, b" in run(file, "--to-config").stderr


@pytest.mark.parametrize("claim", ["=/x", "m=", "m=x"])
def test_a_malformed_claim_is_a_bad_command_line(config_file: Path, claim: str) -> None:
    """What was expected is told."""
    assert "expected CLAIM or CLAIM=/DIRECTORY" in run(config_file, "--claim", claim).stderr


def test_faults_are_told_in_the_words_of_all_commands(tmp_path: Path) -> None:
    """With the file, the path, what was expected, and the key that was probably meant."""
    file = write(tmp_path, {"name": "a", "base_path": "/m/a", "nireq": -1, "bach_size": 4})

    result = run(file)

    place = f"{file}: model_config_list[0].config"
    assert result.exit_code == 1
    assert f"{place}.bach_size: unknown key; did you mean batch_size?" in result.stderr
    assert f"{place}.nireq: expected at least 0 (got -1)" in result.stderr

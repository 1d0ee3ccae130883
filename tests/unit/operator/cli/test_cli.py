"""The command line: output and exit codes."""

from pathlib import Path
from typing import Any

import pytest
import yaml
from click.testing import CliRunner, Result

from batchwright_operator.cli.group import batchwright
from tests.support.modelservers import server_document


def _write(path: Path, **spec: Any) -> str:
    path.write_text(yaml.safe_dump(server_document(**spec)))
    return str(path)


def _run(*arguments: str) -> Result:
    return CliRunner().invoke(batchwright, list(arguments))


def test_validate(tmp_path: Path) -> None:
    """A valid object is said to be; exit code 0."""
    result = _run("validate", _write(tmp_path / "a.yaml"))
    assert (result.exit_code, result.output) == (0, "ModelServer default/vision: valid\n")


def test_standard_input() -> None:
    """`-` is standard input, in UTF-8 whatever the locale is."""
    text = yaml.safe_dump(
        server_document(pod={"env": [{"name": "A", "value": "ä"}]}), allow_unicode=True
    )
    result = CliRunner().invoke(batchwright, ["validate", "-"], input=text.encode())
    assert result.output == "ModelServer default/vision: valid\n"
    result = CliRunner().invoke(batchwright, ["validate", "-"], input="kind: Pod")
    assert result.output.startswith("standard input: document 1: apiVersion: required")


def test_validate_lists_every_fault(tmp_path: Path) -> None:
    """All faults of all files, and exit code 1."""
    files = [_write(tmp_path / f"{name}.yaml", replicas=-1, tls={}) for name in "ab"]
    result = _run("validate", *files)
    assert result.exit_code == 1
    assert len(result.stderr.splitlines()) == 4


def test_render(tmp_path: Path) -> None:
    """The manifests as YAML documents; as JSON, one list of the same."""
    file = _write(tmp_path / "a.yaml")
    documents = list(yaml.safe_load_all(_run("render", file).stdout))
    assert {"ConfigMap", "Deployment", "Service"} < {item["kind"] for item in documents}
    assert yaml.safe_load(_run("render", file, "--output", "json").stdout)["items"] == documents


@pytest.mark.parametrize(
    "text",
    [
        *("1e3", "0o17", "017", "1234567e89012345", "0x1F", "1_000", "1:30", "2024-02-30", "+1", ".5"),
        *("1.", "12e03", "0b1", "yes", "No", "on", "y", "NULL", "~", ".NaN", "-.inf"),
    ],
)
def test_texts_stay_texts(tmp_path: Path, text: str) -> None:
    """A text that a reader of YAML could take for something else is written in quotes."""
    file = _write(tmp_path / "a.yaml", pod={"env": [{"name": "A", "value": text}]})
    assert f"value: '{text}'\n" in _run("render", file).stdout


def test_up_does_not_start(tmp_path: Path) -> None:
    """What stands against starting is said before anything starts; exit code 2."""
    file = _write(tmp_path / "a.yaml")
    missing = _run("up", file, "--state-dir", str(tmp_path / "state"))
    assert (missing.exit_code, "--volume models=DIRECTORY" in missing.stderr) == (2, True)
    invalid = _run("up", _write(tmp_path / "b.yaml", replicas=-1))
    assert (invalid.exit_code, "spec.replicas" in invalid.stderr) == (2, True)
    malformed = _run("up", file, "--volume", "models")
    assert (malformed.exit_code, "CLAIM=DIRECTORY" in malformed.stderr) == (2, True)
    assert not (tmp_path / "state").exists()


def test_version() -> None:
    """The version is told."""
    assert _run("--version").output.startswith("batchwright, version ")

import json
from pathlib import Path

import pytest

from batchwright_server import settings


def test_one_model_becomes_a_document() -> None:
    """The single-model flags mean what the same keys mean in the configuration file."""
    flags = ["--model_name", "m", "--model_path", "/m", "--batch_size", "auto", "--port", "9000"]

    chosen = settings.parse_settings([*flags, "--plugin_config", '{"NUM_STREAMS": "2"}'])

    assert chosen.document is not None
    assert json.loads(chosen.document)["model_config_list"] == [
        {
            "config": {
                "name": "m",
                "base_path": "/m",
                "batch_size": "auto",
                "plugin_config": {"NUM_STREAMS": "2"},
            }
        }
    ]


def test_channel_arguments_are_pairs() -> None:
    """Numbers are numbers, everything else is text."""
    chosen = settings.parse_settings(
        ["--config_path", "c.json", "--port", "1", "--grpc_channel_arguments", "grpc.so_reuseport=1,a=b"]
    )

    assert chosen.grpc_channel_arguments == {"grpc.so_reuseport": 1, "a": "b"}
    assert chosen.config_path == Path("c.json")


MODEL = ["--model_name", "m", "--model_path", "/m"]
BAD = {
    "no model": (["--port", "1"], "expected --config_path, or --model_name with --model_path"),
    "both": (
        ["--config_path", "c", "--batch_size", "2", "--port", "1"],
        "--config_path and --batch_size exclude",
    ),
    "no port": (MODEL, "cannot both be unset"),
    "same port": ([*MODEL, "--port", "5", "--rest_port", "5"], "cannot have the same value"),
    "typo": ([*MODEL, "--port", "5", "--batchsize", "5"], "unrecognized arguments: --batchsize"),
    "batch size": (
        [*MODEL, "--port", "5", "--batch_size", "atuo"],
        "batch_size: expected a positive integer, 'auto', '-1' or",
    ),
    "port": ([*MODEL, "--port", "70000"], "expected a port, 0 to 65535, got '70000'"),
    "plugin": ([*MODEL, "--port", "5", "--plugin_config", "{"], "--plugin_config: not valid JSON: "),
    "pairs": ([*MODEL, "--port", "5", "--grpc_channel_arguments", "x"], "expected key=value"),
}


@pytest.mark.parametrize(("flags", "message"), BAD.values(), ids=BAD.keys())
def test_a_bad_command_line_says_what_is_wrong(
    flags: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """One line that says what to do, and exit code 64, as OVMS has it."""
    with pytest.raises(SystemExit) as caught:
        settings.parse_settings(flags)

    assert caught.value.code == 64
    assert message in capsys.readouterr().err

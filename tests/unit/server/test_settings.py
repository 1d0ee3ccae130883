import json
from pathlib import Path

import pytest

from batchwright_server import settings
from batchwright_server.config import document, flags
from batchwright_server.config.flags import Kind
from batchwright_server.config.version_policy import SpecificVersions


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


def test_every_flag_of_a_model_is_its_key_in_the_document() -> None:
    """Shape, layout and policy by the texts that OVMS takes."""
    flags_and_values = {
        "shape": '{"x": "(1,3)"}',
        "layout": "NHWC:NCHW",
        "model_version_policy": '{"specific": {"versions": [2]}}',
        "nireq": "3",
        "target_device": "GPU",
    }
    given = [f"--{name}={value}" for name, value in flags_and_values.items()]

    chosen = settings.parse_settings([*MODEL, "--port", "1", *given])

    assert chosen.document is not None
    [model] = document.parse_document(chosen.document).models
    assert list(model.shapes) == ["x"]
    assert model.layouts[""].is_transposed
    assert model.version_policy == SpecificVersions(versions=(2,))
    assert (model.nireq, model.target_device) == (3, "GPU")


def test_what_works_in_another_way_is_taken() -> None:
    """TRACE is as much as there is; metrics are on; the configuration's folder is where paths begin."""
    config = ["--config_path", "/etc/ovms/config.json", "--cache_dir", "/c", "--log_level", "trace"]
    metrics = ["--rest_port", "1", "--metrics_enable", "--metrics_list", "ovms_streams,ovms_strems"]

    chosen = settings.parse_settings([*config, *metrics])

    assert chosen.log_level == "DEBUG"
    assert chosen.root == Path("/etc/ovms")
    assert chosen.cache_dir == Path("/c")
    assert len(chosen.warnings) == 1
    assert "ovms_strems" in chosen.warnings[0]


SAMPLES = {Kind.NUMBER: "1", Kind.SWITCH: "true"}


@pytest.mark.parametrize("flag", flags.ACCEPTED, ids=lambda flag: flag.name)
def test_a_flag_without_effect_is_accepted_with_a_warning(flag: flags.Flag) -> None:
    """A command line that OVMS took starts this server, and the log says what does nothing."""
    value = SAMPLES.get(flag.kind, "text")

    [warning] = settings.parse_settings([*MODEL, "--port", "1", f"--{flag.name}", value]).warnings

    assert warning.startswith(f"--{flag.name} has no effect: ")


@pytest.mark.parametrize("flag", flags.REFUSED, ids=lambda flag: flag.name)
def test_a_flag_that_cannot_be_honoured_is_refused_with_the_reason(
    flag: flags.Flag, capsys: pytest.CaptureFixture[str]
) -> None:
    """Nobody believes it works; asking for nothing is no fault."""
    with pytest.raises(SystemExit):
        settings.parse_settings(
            [*MODEL, "--port", "1", f"--{flag.name}", SAMPLES.get(flag.kind, "text")]
        )

    assert flag.help in capsys.readouterr().err
    if flag.kind is Kind.SWITCH:
        settings.parse_settings([*MODEL, "--port", "1", f"--{flag.name}=false"])


def test_each_flag_is_in_the_table_once() -> None:
    """A name means one thing."""
    names = [flag.name for flag in flags.ALL]

    assert len(set(names)) == len(names)


@pytest.mark.parametrize("flag", ["--help", "--version"])
def test_help_and_version_end_well(flag: str, capsys: pytest.CaptureFixture[str]) -> None:
    """They answer on standard output with exit code 0."""
    with pytest.raises(SystemExit) as caught:
        settings.parse_settings([flag])

    assert caught.value.code == 0
    assert "batchwright-server" in capsys.readouterr().out


def test_channel_arguments_are_pairs() -> None:
    """Numbers are numbers, everything else is text."""
    chosen = settings.parse_settings(
        ["--config_path", "c.json", "--port", "1", "--grpc_channel_arguments", "grpc.so_reuseport=1,a=b"]
    )

    assert chosen.grpc_channel_arguments == {"grpc.so_reuseport": 1, "a": "b"}
    assert chosen.config_path == Path("c.json")


MODEL = ["--model_name", "m", "--model_path", "/m"]
BAD = {
    "no model": (["--port", "1"], "Use config_path or model_path with model_name"),
    "both": (
        ["--config_path", "c", "--batch_size", "2", "--port", "1"],
        "Model parameters in CLI are exclusive with the config file: remove --batch_size",
    ),
    "no port": (MODEL, "port and rest_port cannot both be unset"),
    "same port": (
        [*MODEL, "--port", "5", "--rest_port", "5"],
        "port and rest_port cannot have the same values",
    ),
    "typo": ([*MODEL, "--port", "5", "--batchsize", "5"], "unrecognized arguments: --batchsize"),
    "batch size": (
        [*MODEL, "--port", "5", "--batch_size", "atuo"],
        ": --batch_size: expected a positive integer, 'auto', '-1' or",
    ),
    "port": ([*MODEL, "--port", "70000"], "expected a port, 0 to 65535, got '70000'"),
    "plugin": ([*MODEL, "--port", "5", "--plugin_config", "{"], "--plugin_config: not valid JSON: "),
    "shape": ([*MODEL, "--port", "5", "--shape", "1,3"], ": --shape: expected a shape"),
    "policy": (
        [*MODEL, "--port", "5", "--model_version_policy", "{}"],
        "--model_version_policy: expected",
    ),
    "name": (["--model_name", "x" * 300, "--model_path", "/m", "--port", "5"], ": --model_name: "),
    "metrics": ([*MODEL, "--port", "5", "--metrics_enable"], "rest_port setting is missing, metrics"),
    "metrics list": (
        [*MODEL, "--port", "5", "--metrics_list", "x"],
        "metrics_enable setting is missing",
    ),
    "extension": ([*MODEL, "--port", "5", "--cpu_extension", "/nowhere.so"], "no file '/nowhere.so'"),
    "switch": ([*MODEL, "--rest_port", "5", "--metrics_enable=maybe"], "expected true or false"),
    "poll": ([*MODEL, "--port", "5", "--file_system_poll_wait_seconds=-1"], "expected seconds"),
    "no address": ([*MODEL, "--port", "5", "--grpc_bind_address", "a,,b"], "with commas between them"),
    "admin port": (
        [*MODEL, "--port", "5", "--admin_port", "5", "--admin_bind_address", "::1,0.0.0.0"],
        "port and admin_port cannot have the same values",
    ),
    "half a pair": ([*MODEL, "--port", "5", "--tls_cert_path", "c"], "--tls_key_path: expected both"),
    "no message": ([*MODEL, "--port", "5", "--max_message_bytes=0"], "expected 1 to 2147483647, got 0"),
    "age": ([*MODEL, "--port", "5", "--max_connection_age_seconds=nan"], "expected 0 to 2147484"),
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

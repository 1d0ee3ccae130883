"""The command line: OVMS's flags, with their meaning."""

import argparse
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn

from batchwright_server.config.document import parse_document, render_document
from batchwright_server.config.problems import InvalidDocument

EX_USAGE = 64  # sysexits.h; what OVMS ends with after a bad command line

_MODEL_FLAGS = ("model_name", "model_path", "batch_size", "nireq", "target_device", "plugin_config")


@dataclass(frozen=True)
class Settings:
    """What the command line said. Exactly one of `config_path` and `document` is there."""

    config_path: Path | None
    document: bytes | None
    port: int  # gRPC; 0: off
    rest_port: int  # HTTP; 0: off
    grpc_bind_address: str
    rest_bind_address: str
    grpc_channel_arguments: Mapping[str, str | int]
    poll_seconds: float  # 0: the configuration file is not polled
    log_level: str


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        self.exit(EX_USAGE, f"{self.prog}: {message}\n(see {self.prog} --help)\n")


def parse_settings(arguments: Sequence[str]) -> Settings:
    """The settings in a command line; ends the process with a message if there is a fault in it."""
    parser = _make_parser()
    flags = parser.parse_args(arguments)
    _check(parser, flags)
    try:
        document = None if flags.config_path else _single_model_document(flags)
    except InvalidDocument as error:
        parser.error(str(error))
    return Settings(
        config_path=Path(flags.config_path) if flags.config_path else None,
        document=document,
        port=flags.port,
        rest_port=flags.rest_port,
        grpc_bind_address=flags.grpc_bind_address,
        rest_bind_address=flags.rest_bind_address,
        grpc_channel_arguments=_channel_arguments(parser, flags.grpc_channel_arguments),
        poll_seconds=flags.file_system_poll_wait_seconds,
        log_level=flags.log_level,
    )


def _make_parser() -> _Parser:
    parser = _Parser(
        prog="batchwright-server",
        description="Serves OpenVINO models to gRPC clients whose batch sizes vary.",
        formatter_class=argparse.ArgumentDefaultsHelpFormatter,
        allow_abbrev=False,
    )
    _add_server_flags(parser.add_argument_group("server"))
    _add_model_flags(parser.add_argument_group("one model, instead of --config_path"))
    return parser


def _add_server_flags(group: "argparse._ArgumentGroup") -> None:
    group.add_argument("--config_path", help="configuration file (JSON) with the models")
    group.add_argument("--port", type=_port, default=0, help="gRPC port, 0 for none")
    group.add_argument("--rest_port", type=_port, default=0, help="HTTP port, 0 for none")
    group.add_argument("--grpc_bind_address", default="0.0.0.0", help="address to listen on")  # noqa: S104
    group.add_argument("--rest_bind_address", default="0.0.0.0", help="address to listen on")  # noqa: S104
    group.add_argument("--grpc_channel_arguments", default="", help="key=value,key=value")
    group.add_argument(
        "--file_system_poll_wait_seconds", type=float, default=1.0, help="how often to look, 0 for never"
    )
    levels = ["DEBUG", "INFO", "WARNING", "ERROR"]
    group.add_argument("--log_level", choices=levels, type=str.upper, default="INFO")


def _add_model_flags(group: "argparse._ArgumentGroup") -> None:
    group.add_argument("--model_name", help="name that clients ask for")
    group.add_argument("--model_path", help="folder with a folder for each version")
    group.add_argument("--batch_size", help="a number, or auto: reload for each new size")
    group.add_argument("--nireq", type=int, help="infer requests; 0: OpenVINO's optimum")
    group.add_argument("--target_device", help="OpenVINO device, CPU if not given")
    group.add_argument("--plugin_config", type=_json, help="OpenVINO properties as a JSON object")


def _port(text: str) -> int:
    if not text.isdecimal() or int(text) > 65535:
        raise argparse.ArgumentTypeError(f"expected a port, 0 to 65535, got {text!r}")
    return int(text)


def _json(text: str) -> object:
    try:
        return json.loads(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(f"not valid JSON: {error}") from error


def _check(parser: _Parser, flags: argparse.Namespace) -> None:
    given = [f"--{name}" for name in _MODEL_FLAGS if getattr(flags, name) is not None]
    if flags.config_path and given:
        parser.error(f"--config_path and {', '.join(given)} exclude each other: models are in the file")
    if not flags.config_path and not (flags.model_name and flags.model_path):
        parser.error("expected --config_path, or --model_name with --model_path")
    if not flags.port and not flags.rest_port:
        parser.error("--port and --rest_port cannot both be unset")
    if flags.port == flags.rest_port and flags.grpc_bind_address == flags.rest_bind_address:
        parser.error("--port and --rest_port cannot have the same value")


def _single_model_document(flags: argparse.Namespace) -> bytes:
    config = {
        "name": flags.model_name,
        "base_path": flags.model_path,
        "batch_size": flags.batch_size,
        "nireq": flags.nireq,
        "target_device": flags.target_device,
        "plugin_config": flags.plugin_config,
    }
    given = {key: value for key, value in config.items() if value is not None}
    return render_document(
        parse_document(json.dumps({"model_config_list": [{"config": given}]}).encode())
    )


def _channel_arguments(parser: _Parser, text: str) -> dict[str, str | int]:
    pairs = [item.partition("=") for item in text.split(",") if item]
    for key, separator, _ in pairs:
        if not key or not separator:
            parser.error(f"--grpc_channel_arguments: expected key=value,key=value, got {text!r}")
    return {key: int(value) if value.lstrip("-").isdecimal() else value for key, _, value in pairs}

"""The command line: OVMS's flags, with their meaning."""

import argparse
import dataclasses
import json
import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import Any, NoReturn

from batchwright_server.api import addresses, cors
from batchwright_server.api import limits as limits_of
from batchwright_server.api.limits import Limits
from batchwright_server.api.tls import TlsFiles
from batchwright_server.config import flags, monitoring
from batchwright_server.config.document import parse_document, render_document
from batchwright_server.config.problems import InvalidDocument

EX_USAGE = 64  # sysexits.h; what OVMS ends with after a bad command line
DEFAULT_CACHE = Path("/opt/cache")  # OVMS's

_MODEL_KEYS = {"name": "model_name", "base_path": "model_path"}  # where file and flag differ
_IN_DOCUMENT = "model_config_list[0].config."


@dataclass(frozen=True)
class Settings:
    """What the command line said. Exactly one of `config_path` and `document` is there."""

    config_path: Path | None
    document: bytes | None
    port: int  # gRPC; 0: off
    rest_port: int  # HTTP; 0: off
    admin_port: int  # HTTP for whoever manages the server; 0: off
    grpc_bind_address: tuple[str, ...]
    rest_bind_address: tuple[str, ...]
    admin_bind_address: tuple[str, ...]
    grpc_channel_arguments: Mapping[str, str | int]
    poll_seconds: float  # 0: the configuration file is not polled
    limits: Limits
    tls: TlsFiles | None
    auth_token_file: Path | None
    log_level: str
    log_format: str  # text or json
    log_path: Path | None  # a file that has the log too
    cross_origin: cors.CrossOrigin | None  # None: pages of other origins may not ask
    tracing_endpoint: str | None  # URL of an OTLP/HTTP collector; None: no tracing
    cache_dir: Path | None
    calibration_dir: Path | None
    cpu_extension: Path | None
    workers: int  # processes behind the ports
    warnings: tuple[str, ...]  # of what was given and does nothing

    @property
    def root(self) -> Path:
        """Where a relative path of a model begins: the configuration file's folder, as in OVMS."""
        return self.config_path.parent if self.config_path else Path()


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        self.exit(EX_USAGE, f"{self.prog}: {message}\n(see {self.prog} --help)\n")


def parse_settings(arguments: Sequence[str]) -> Settings:
    """The settings in a command line; ends the process with a message if there is a fault in it."""
    parser = _make_parser()
    unset = {_key(flag): None for flag in flags.ALL if flag.default is None}
    given = parser.parse_args(arguments, argparse.Namespace(**unset))
    _check(parser, given)
    try:
        document = None if given.config_path else _single_model_document(given)
    except InvalidDocument as error:
        parser.error(_as_flags(str(error)))
    return Settings(
        config_path=_path(given.config_path),
        document=document,
        port=given.port,
        rest_port=given.rest_port,
        admin_port=given.admin_port,
        grpc_bind_address=given.grpc_bind_address,
        rest_bind_address=given.rest_bind_address,
        admin_bind_address=given.admin_bind_address,
        grpc_channel_arguments=_channel_arguments(parser, given.grpc_channel_arguments),
        poll_seconds=given.file_system_poll_wait_seconds,
        limits=_limits(parser, given),
        tls=_tls(parser, given),
        auth_token_file=_path(given.auth_token_file),
        log_level="DEBUG" if given.log_level == "TRACE" else given.log_level,
        log_format=given.log_format,
        log_path=_path(given.log_path),
        cross_origin=cors.parse(given),
        tracing_endpoint=given.tracing_endpoint or None,
        cache_dir=_path(given.cache_dir)
        or (DEFAULT_CACHE if os.access(DEFAULT_CACHE, os.W_OK) else None),
        calibration_dir=_path(given.calibration_dir),
        cpu_extension=_path(given.cpu_extension),
        workers=given.workers,
        warnings=tuple(_warnings(given)),
    )


def _path(text: str | None) -> Path | None:
    return Path(text) if text else None


def _make_parser() -> _Parser:
    parser = _Parser(
        prog="batchwright-server",
        description="Serves OpenVINO models to clients whose batch sizes vary.",
        formatter_class=argparse.ArgumentDefaultsHelpFormatter,
        allow_abbrev=False,
    )
    parser.add_argument("--version", action="version", version=_version())
    _add(parser.add_argument_group("server"), flags.SERVER)
    _add(parser.add_argument_group("who may call"), flags.PROTECTION)
    _add(parser.add_argument_group("from web pages"), flags.CROSS_ORIGIN)
    _add(parser.add_argument_group("how much"), flags.LIMITS)
    _add(parser.add_argument_group("one model, instead of --config_path"), flags.MODEL)
    _add(parser.add_argument_group("accepted for OpenVINO Model Server's sake"), flags.ACCEPTED)
    _add(parser.add_argument_group("refused"), flags.REFUSED)
    return parser


def _version() -> str:
    return (
        f"batchwright-server {metadata.version('batchwright')} (OpenVINO {metadata.version('openvino')})"
    )


def _add(group: "argparse._ArgumentGroup", table: Sequence[flags.Flag]) -> None:
    for flag in table:
        options: dict[str, Any] = {"help": flag.help.replace("%", "%%"), "default": flag.default}
        if flag.default in (None, ""):
            options["default"] = argparse.SUPPRESS if flag.default is None else ""
        match flag.kind:
            case flags.Kind.SWITCH:
                options |= {"nargs": "?", "const": True, "type": _switch}
            case flags.Kind.LEVEL:
                options |= {"choices": flags.LEVELS, "type": str.upper}
            case flags.Kind.FORMAT:
                options |= {"choices": flags.FORMATS}
            case _:
                options |= {"type": _CONVERTERS[flag.kind]}
        group.add_argument(f"--{flag.name}", **options)


def _port(text: str) -> int:
    if not (text.isascii() and text.isdecimal()) or int(text) > 65535:
        raise argparse.ArgumentTypeError(f"expected a port, 0 to 65535, got {text!r}")
    return int(text)


def _json(text: str) -> object:
    try:
        return json.loads(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(f"not valid JSON: {error}") from error


def _url(text: str) -> str:
    if not text.startswith(("http://", "https://")):
        raise argparse.ArgumentTypeError(f"expected http://host:port or https://host:port, got {text!r}")
    return text


def _addresses(text: str) -> tuple[str, ...]:
    try:
        return addresses.parse_addresses(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from error


def _switch(text: str) -> bool:
    if text.lower() not in ("true", "false", "1", "0"):
        raise argparse.ArgumentTypeError(f"expected true or false, got {text!r}")
    return text.lower() in ("true", "1")


_CONVERTERS = {
    flags.Kind.TEXT: str,
    flags.Kind.NUMBER: int,
    flags.Kind.SECONDS: float,
    flags.Kind.PORT: _port,
    flags.Kind.JSON: _json,
    flags.Kind.URL: _url,
    flags.Kind.ADDRESSES: _addresses,
}


def _key(flag: flags.Flag) -> str:
    return flag.name.replace("-", "_")


def _given(given: argparse.Namespace, table: Sequence[flags.Flag]) -> Iterator[flags.Flag]:
    yield from (flag for flag in table if getattr(given, _key(flag)) not in (None, False))


def _check(parser: _Parser, given: argparse.Namespace) -> None:
    for flag in _given(given, flags.REFUSED):
        parser.error(f"--{flag.name}: {flag.help}")
    _check_models(parser, given)
    _check_addresses(parser, given)
    # OVMS's wording, which scripts may match.
    if given.metrics_enable and not given.rest_port:
        parser.error("rest_port setting is missing, metrics are enabled on rest port")
    if given.metrics_list and not given.metrics_enable:
        parser.error("metrics_enable setting is missing, required when metrics_list is provided")
    if given.file_system_poll_wait_seconds < 0:
        parser.error("--file_system_poll_wait_seconds: expected seconds, 0 for never")
    if not 1 <= given.workers <= flags.MOST_WORKERS:
        parser.error(f"--workers: expected 1 to {flags.MOST_WORKERS}, got {given.workers}")
    if given.cpu_extension and not Path(given.cpu_extension).is_file():
        parser.error(f"--cpu_extension: no file {given.cpu_extension!r}")


def _limits(parser: _Parser, given: argparse.Namespace) -> Limits:
    limits = Limits(**{field.name: getattr(given, field.name) for field in dataclasses.fields(Limits)})
    for name, value in dataclasses.asdict(limits).items():
        least, most = limits_of.range_of(name, value)
        if not least <= value <= most:
            parser.error(f"--{name}: expected {least} to {most:.0f}, got {value}")
    return limits


def _tls(parser: _Parser, given: argparse.Namespace) -> TlsFiles | None:
    certificate, key = _path(given.tls_cert_path), _path(given.tls_key_path)
    authorities = _path(given.tls_client_ca_path)
    if certificate and key:
        return TlsFiles(certificate, key, authorities)
    if certificate or key or authorities:
        parser.error(
            "--tls_cert_path and --tls_key_path: expected both (--tls_client_ca_path adds to them)"
        )
    return None


def _check_addresses(parser: _Parser, given: argparse.Namespace) -> None:
    if not given.port and not given.rest_port:
        parser.error("port and rest_port cannot both be unset")
    places = {
        "port": (given.port, given.grpc_bind_address),
        "rest_port": (given.rest_port, given.rest_bind_address),
        "admin_port": (given.admin_port, given.admin_bind_address),
    }
    clash = addresses.find_clash(places)
    if clash:
        parser.error(f"{clash[0]} and {clash[1]} cannot have the same values")


def _check_models(parser: _Parser, given: argparse.Namespace) -> None:
    of_model = [f"--{flag.name}" for flag in _given(given, flags.MODEL)]
    if given.config_path and of_model:
        parser.error(
            "Model parameters in CLI are exclusive with the config file: "
            f"remove {', '.join(of_model)}, or --config_path"
        )
    if not given.config_path and not (given.model_name and given.model_path):
        parser.error("Use config_path or model_path with model_name")


def _single_model_document(given: argparse.Namespace) -> bytes:
    keys = {flag: key for key, flag in _MODEL_KEYS.items()}
    config = {
        keys.get(flag.name, flag.name): getattr(given, flag.name)
        for flag in flags.MODEL
        if getattr(given, flag.name) is not None
    }
    return render_document(
        parse_document(json.dumps({"model_config_list": [{"config": config}]}).encode())
    )


def _as_flags(problems: str) -> str:
    """The problems of a model's document by the flags it was made of."""
    for key, flag in _MODEL_KEYS.items():
        problems = problems.replace(f"{_IN_DOCUMENT}{key}:", f"--{flag}:")
    return problems.replace(_IN_DOCUMENT, "--")


def _warnings(given: argparse.Namespace) -> Iterator[str]:
    for flag in _given(given, flags.ACCEPTED):
        yield f"--{flag.name} has no effect: {flag.help}"
    if given.allow_credentials and not ((rules := cors.parse(given)) and rules.sends_credentials):
        yield "--allow_credentials has no effect: name the origins in --allowed_origins"
    names = [name for name in given.metrics_list.split(",") if name]
    yield from (f"--{warning}" for warning in monitoring.metrics_warnings(names))


def _channel_arguments(parser: _Parser, text: str) -> dict[str, str | int]:
    pairs = [item.partition("=") for item in text.split(",") if item]
    for key, separator, _ in pairs:
        if not key or not separator:
            parser.error(f"--grpc_channel_arguments: expected key=value,key=value, got {text!r}")
    return {key: int(value) if value.lstrip("-").isdecimal() else value for key, _, value in pairs}

"""`batchwright-server fetch`: brings one model's files onto a volume before the server starts."""

import argparse
import json
import logging
import os
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NoReturn

from pydantic import ValidationError

from batchwright_server.config.origins import parse_origin
from batchwright_server.config.version_policy import DEFAULT_POLICY, VersionPolicyBlock
from batchwright_server.sources.faults import FetchFailed
from batchwright_server.sources.fetching import Fetch, Order
from batchwright_server.sources.layout import Selection
from batchwright_server.sources.stores import Access, Store
from batchwright_server.telemetry import log

_EX_USAGE = 64
_FAILED = 1
_MAX_FILES = 4096
_log = logging.getLogger(__name__)


def run(arguments: Sequence[str], environ: Mapping[str, str] = os.environ) -> int:
    """The exit code. What went wrong is logged, and written where Kubernetes looks for it."""
    given = _make_parser().parse_args(arguments)
    log.configure(given.log_level, given.log_format)
    logging.getLogger("fsspec").setLevel(logging.WARNING)  # it would tell addresses with their queries
    try:
        order, access = _read(given)
        Fetch(order, lambda: Store(order.origin, access, environ), time.sleep).run()
    except (FetchFailed, ValueError, OSError) as error:
        message = f"model {given.model_name}: {_shown(given.uri)}: {error}"
        _log.error("%s", message)
        _tell(given.termination_log, message)
        return _FAILED
    return 0


def _read(given: argparse.Namespace) -> tuple[Order, Access]:
    policy = DEFAULT_POLICY
    if given.model_version_policy:
        try:
            policy = VersionPolicyBlock.model_validate(json.loads(given.model_version_policy))
        except ValidationError as error:
            raise ValueError("model_version_policy: expected as in a model's configuration") from error
    order = Order(
        model=given.model_name,
        origin=parse_origin(given.uri),
        selection=Selection(policy.policy, given.max_files),
        volume=given.cache_dir,
        key=given.cache_key,
        max_bytes=given.max_bytes,
        attempts=given.attempts,
    )
    return order, Access(given.endpoint, given.region, given.anonymous, given.ca_file)


def _shown(uri: str) -> str:
    """An address without what may be a secret."""
    try:
        return str(parse_origin(uri))
    except ValueError:
        return "uri"


def _tell(path: Path | None, message: str) -> None:
    if path is None:
        return
    try:
        path.write_text(message[:2048])
    except OSError as error:
        _log.warning("%s cannot be written: %s", path, error)


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        self.exit(_EX_USAGE, f"{self.prog}: {message}\n(see {self.prog} --help)\n")


def _make_parser() -> argparse.ArgumentParser:
    parser = _Parser(prog="batchwright-server fetch", description=__doc__, allow_abbrev=False)
    add = parser.add_argument
    add("--model_name", required=True, help="the model, for messages")
    add("--uri", required=True, help="s3://, gs://, az://, abfs://, https:// or file://")
    add("--cache_dir", required=True, type=Path, help="the volume")
    add("--cache_key", required=True, help="the folder on the volume; its `model` is the repository")
    add("--model_version_policy", default="", help="as in a configuration; others are not brought")
    add("--endpoint", default="", help="URL of an object store that is not the cloud's own")
    add("--region", default="", help="S3's region")
    add("--anonymous", action="store_true", help="without credentials")
    add("--ca_file", type=Path, help="PEM file of authorities that are trusted beside the usual ones")
    add("--max_bytes", type=int, help="at most so many bytes on the volume; default: what it holds")
    add("--max_files", type=int, default=_MAX_FILES, help="at most so many files (%(default)s)")
    add("--attempts", type=int, default=5, help="how often what may pass is tried (%(default)s)")
    add("--termination_log", type=Path, help="a file that gets the reason of a failure")
    add("--log_level", default="INFO", choices=("DEBUG", "INFO", "WARNING", "ERROR"))
    add("--log_format", default="text", choices=("text", "json"))
    return parser

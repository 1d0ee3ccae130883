"""OpenVINO behind the runtime's port."""

import logging
from dataclasses import dataclass
from pathlib import Path

import openvino as ov

from batchwright_server import errors
from batchwright_server.config.mapping import NameMapping, parse_mapping
from batchwright_server.config.model import ModelConfig
from batchwright_server.config.problems import InvalidDocument
from batchwright_server.engine import model_files, port_names, preparation, processors, reasons, texts
from batchwright_server.engine.network import Device, OpenVinoNetwork
from batchwright_server.engine.port_names import PortNames
from batchwright_server.engine.preparation import Prepared
from batchwright_server.engine.process_memory import ProcessMemory
from batchwright_server.engine.repository import Repository
from batchwright_server.runtime.ports import Fingerprint, Version

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class EngineOptions:
    """What the command line says of the engine."""

    root: Path = Path()  # from which a relative base_path is taken
    cache_dir: Path | None = None  # for compiled models
    cpu_extension: Path | None = None  # a library with operations of the user's own
    share: int = 1  # one of so many processes that share the processors and the memory


class OpenVinoEngine:
    """Reads models from the repository and compiles them on OpenVINO's devices."""

    def __init__(self, options: EngineOptions = EngineOptions()) -> None:
        self.cores = max(1, processors.count_cores() // options.share)
        self.memory = ProcessMemory(share=options.share)
        self._repository = Repository(options.root)
        core = ov.Core()
        if options.cpu_extension:
            core.add_extension(str(options.cpu_extension))
        self._device = Device(core, self.cores, str(options.cache_dir or ""))

    def find_versions(self, config: ModelConfig) -> dict[Version, Fingerprint]:
        return self._repository.find_versions(config)

    def read(self, config: ModelConfig, version: Version) -> OpenVinoNetwork:
        place = self._repository.find_place(config, version)
        try:
            prepared, names = self._read(place, config)
            return OpenVinoNetwork(self._device, prepared, config, names)
        except model_files.Misplaced as fault:
            raise errors.ModelUnavailable(config.name, str(fault)) from fault
        except (InvalidDocument, reasons.Unsuitable, RuntimeError, OSError) as error:
            reason = f"{str(place)!r} cannot be read: {reasons.first_reason(error)}"
            raise errors.ModelUnavailable(config.name, reason) from error

    def _read(self, place: Path, config: ModelConfig) -> tuple[Prepared, PortNames]:
        mapping = _read_mapping(place)
        source = model_files.find_model(place)
        model_files.check_source(source)
        model = self._device.core.read_model(source)
        for name in port_names.unknown_names(model, mapping):
            _log.warning("model %s: %s names %r, which the model does not have", *_of(config, name))
        names = port_names.name_ports(model, mapping)
        if names.twice:
            raise reasons.Unsuitable(f"{model_files.MAPPING_FILE}: names more than once: {names.twice}")
        prepared = preparation.prepare(model, config, names)
        texts.check_operations(prepared.model)
        return prepared, names


def _read_mapping(place: Path) -> NameMapping:
    path = place / model_files.MAPPING_FILE
    if not path.is_file():
        return NameMapping()
    try:
        return parse_mapping(path.read_bytes())
    except InvalidDocument as error:
        raise reasons.Unsuitable(f"{path.name}: {error}") from error


def _of(config: ModelConfig, name: str) -> tuple[str, str, str]:
    return config.name, model_files.MAPPING_FILE, name

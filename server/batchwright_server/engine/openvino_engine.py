"""OpenVINO behind the runtime's port."""

import openvino as ov

from batchwright_server import errors
from batchwright_server.config.document import ModelConfig
from batchwright_server.engine import processors, repository
from batchwright_server.engine.network import OpenVinoNetwork, first_reason
from batchwright_server.runtime.ports import Fingerprint, Version


class OpenVinoEngine:
    """Reads models from the repository and compiles them on OpenVINO's devices."""

    def __init__(self) -> None:
        self._core = ov.Core()
        self.cores = processors.count_cores()

    def find_versions(self, config: ModelConfig) -> dict[Version, Fingerprint]:
        return repository.find_versions(config)

    def read(self, config: ModelConfig, version: Version) -> OpenVinoNetwork:
        path = repository.find_model_file(config, version)
        try:
            model = self._core.read_model(path)
        except RuntimeError as error:
            reason = f"{str(path)!r} cannot be read: {first_reason(error)}"
            raise errors.ModelUnavailable(config.name, reason) from error
        return OpenVinoNetwork(self._core, model, config, cores=self.cores)

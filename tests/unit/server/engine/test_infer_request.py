import threading
from pathlib import Path

import numpy as np

from batchwright_server.config.model import ModelConfig
from batchwright_server.config.plan import Streams
from batchwright_server.core.tensors import BatchRange
from batchwright_server.engine.openvino_engine import OpenVinoEngine
from batchwright_server.runtime.ports import Version
from tests.support import models

WIDTH = 2000
ROUNDS = 50


def test_a_copy_of_an_input_lives_until_its_inference_ends(tmp_path: Path) -> None:
    """An input that must be copied, such as one value for all, is not overwritten while it is read."""
    base = models.save(models.affine(WIDTH), tmp_path)
    config = ModelConfig(name="m", base_path=str(base), plugin_config=dict(models.EXACT))
    network = OpenVinoEngine().read(config, Version(1))
    request, *_ = network.compile(BatchRange.only(64), Streams.ONE).requests

    for value in range(ROUNDS):
        done = threading.Event()
        x = np.broadcast_to(np.float32(value), (64, WIDTH))
        y = np.empty((64, WIDTH), np.float32)
        request.start({"x": x}, {"y": y}, done.set)
        overwritten = [np.full((64, WIDTH), -1, np.float32) for _ in range(4)]
        assert done.wait(10)
        request.finish()

        assert (y == 3 * value + 1).all()
        del overwritten

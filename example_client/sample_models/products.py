"""What there is to build: each product is a few files, made together in a folder."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np
import openvino as ov

from example_client.sample_models import (
    classifier,
    digits,
    inference,
    layers,
    quantisation,
    resnet,
    tiny,
)

_MODEL_VERSION = "1"
_CALIBRATION_IMAGES = 16
_FLOAT_CHECKED = 60  # the float network costs twice as much; the int8 one is checked on all
_LEAST_ACCURACY = 0.97
_SAMPLE_IMAGES = 64


class BuildError(Exception):
    """A product did not turn out as it must; the message says what was expected and what came."""


class Watcher(Protocol):
    """Who is told how a build gets on."""

    def begin(self, title: str, steps: int) -> None:
        """A stage of so many steps begins."""

    def advance(self) -> None:
        """One step of the stage is done; may be called from any thread."""

    def tell(self, sentence: str) -> None:
        """Something worth knowing was found out."""


@dataclass(frozen=True)
class Product:
    """Files that are built together; `paths` are all that `build` leaves in the folder it is given."""

    name: str
    paths: tuple[str, ...]
    build: Callable[[Path, Watcher], None]


def build_tiny(folder: Path, watcher: Watcher) -> None:
    """`tiny/1/`: the small classifier."""
    watcher.begin("tiny: fitting", 1)
    _save(tiny.build(), folder / "tiny")
    watcher.advance()


def build_images(folder: Path, watcher: Watcher) -> None:
    """`imgs.npy` (64, 3, 224, 224) float32 0..255, `lbs.npy` (64) int64, `labels.txt`; all held out."""
    watcher.begin("images: drawing", 1)
    sample = digits.load().held_out.first(_SAMPLE_IMAGES)
    np.save(folder / "imgs.npy", digits.to_images(sample.images))
    np.save(folder / "lbs.npy", sample.classes.astype(np.int64))
    names = [*digits.NAMES, *(f"class {number}" for number in range(len(digits.NAMES), resnet.CLASSES))]
    (folder / "labels.txt").write_text("\n".join(names) + "\n", "utf-8")
    watcher.advance()


def build_resnet(folder: Path, watcher: Watcher) -> None:
    """`resnet50/1/` and `resnet50-int8/1/`: one network in two precisions, with one last layer.

    The last layer is fitted on the int8 trunk's features, which take half the time.
    Raises BuildError when either knows too few held-out digits.
    """
    split = digits.load()
    watcher.begin("resnet50: observing ranges", 1)
    calibration = digits.to_images(split.training.first(_CALIBRATION_IMAGES).images)
    ranges = quantisation.observe_ranges(calibration)
    watcher.advance()
    watcher.begin("resnet50: features of the training digits", len(split.training))
    trunk = resnet.build_trunk(quantisation.quantised(ranges))
    features = inference.run_all(trunk, split.training.images, watcher.advance)
    last = classifier.fit(features, split.training.classes, outputs=resnet.CLASSES)
    precisions = (
        ("resnet50-int8", quantisation.quantised(ranges), split.held_out),
        ("resnet50", layers.convolve, split.held_out.first(_FLOAT_CHECKED)),
    )
    for name, convolve, judges in precisions:
        model = resnet.build(convolve, last)
        _check(name, model, judges, watcher)
        _save(model, folder / name)


def _check(name: str, model: ov.Model, judges: digits.Digits, watcher: Watcher) -> None:
    watcher.begin(f"{name}: held-out digits", len(judges))
    found = inference.run_all(model, judges.images, watcher.advance).argmax(axis=1)
    accuracy = classifier.accuracy(found, judges.classes)
    watcher.tell(f"{name}: {accuracy:.1%} of {len(judges)} held-out digits are classified correctly")
    if accuracy < _LEAST_ACCURACY:
        raise BuildError(f"{name}: expected at least {_LEAST_ACCURACY:.0%} correct, got {accuracy:.1%}")


def _save(model: ov.Model, folder: Path) -> None:
    version = folder / _MODEL_VERSION
    version.mkdir(parents=True)
    ov.save_model(model, version / "model.xml", compress_to_fp16=False)


PRODUCTS = (
    Product("tiny", ("tiny",), build_tiny),
    Product("images", ("imgs.npy", "lbs.npy", "labels.txt"), build_images),
    Product("resnet50", ("resnet50", "resnet50-int8"), build_resnet),
)

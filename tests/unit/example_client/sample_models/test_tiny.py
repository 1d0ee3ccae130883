import numpy as np
import openvino as ov

from example_client.sample_models import classifier, digits, tiny


def test_tiny_knows_digits() -> None:
    """The tiny model classifies nine held-out digits of ten, with probabilities that sum to one."""
    held_out = digits.load().held_out
    model = tiny.build()
    model.reshape([len(held_out), digits.PIXELS])

    answer = ov.Core().compile_model(model, "CPU")(digits.to_pixels(held_out.images))[tiny.OUTPUT_NAME]

    assert classifier.accuracy(answer.argmax(axis=1), held_out.classes) > 0.9
    assert np.allclose(answer.sum(axis=1), 1.0, atol=1e-5)


def test_rows_do_not_mix() -> None:
    """A row's answer is the same alone and among others."""
    pixels = digits.to_pixels(digits.load().held_out.images[:7])
    many, one = tiny.build(), tiny.build()
    many.reshape([7, digits.PIXELS])
    core = ov.Core()

    together = core.compile_model(many, "CPU")(pixels)[0]
    compiled = core.compile_model(one, "CPU")
    alone = np.concatenate([compiled(row[np.newaxis])[0] for row in pixels])

    assert np.allclose(together, alone, atol=1e-6)


def test_the_split_is_the_same_every_time() -> None:
    """Held-out digits are never trained on: the split does not depend on the run."""
    first, second = digits.load(), digits.load()

    assert np.array_equal(first.held_out.images, second.held_out.images)
    assert len(first.training) == 1347
    assert len(first.held_out) == 450

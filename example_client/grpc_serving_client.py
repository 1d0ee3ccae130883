"""Classifies the images of a .npy file over TensorFlow Serving's gRPC API.

Flags and output are those of OpenVINO Model Server's client, with two differences: TensorFlow is not
needed, and the statistics are computed from the times as measured (OVMS's client cuts them to whole
milliseconds first, so that a fast answer has an infinite speed).
"""

import argparse
import importlib
import sys
import time
from collections.abc import Iterable, Iterator
from pathlib import Path

from rich.console import Console
from rich.progress import Progress

if not __package__:  # run by its path
    importlib.import_module("checkout")

from example_client import channels, classification, faults, figures, flagtypes, frames, labels

_TRUE_FALSE = ("False", "True")


def main() -> int:
    """Runs the client with the command line's flags. Gives the exit code."""
    flags = _parser().parse_args()
    return faults.run_program(lambda: _run(flags))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="grpc_serving_client", description=__doc__)
    add = parser.add_argument
    add("--images_numpy_path", required=True, type=Path, help="npy of [n,h,w,c] or [n,c,h,w]")
    add("--labels_numpy_path", type=Path, help="npy of n class numbers, to judge the answers by")
    add("--labels_path", type=Path, help="names of the classes, one a line; default: labels.txt beside")
    channels.add_flags(parser)
    add("--input_name", default="input", help="the model's input")
    add("--output_name", default="resnet_v1_50/predictions/Reshape_1", help="the model's output")
    add("--transpose_input", choices=_TRUE_FALSE, default="True", help="transpose the images")
    orders = [order.value for order in frames.Transpose]
    add("--transpose_method", choices=orders, default="nhwc2nchw", help="how to transpose them")
    add("--iterations", default=0, type=flagtypes.count, help="how many requests; 0: every image once")
    add("--batchsize", default=1, type=flagtypes.positive, help="images in one request")
    add("--model_name", default="resnet", help="the model to ask")
    add("--pipeline_name", default="", help="a pipeline to ask instead, which answers with classes")
    add("--dag-batch-size-auto", action="store_true", help="send (N,1,C,H,W) instead of (N,C,H,W)")
    return parser


def _run(flags: argparse.Namespace) -> None:
    source = _load_frames(flags)
    names = labels.load(flags.labels_path, beside=flags.images_numpy_path)
    iterations = flags.iterations or source.batches
    _say(
        "Start processing:",
        f"\tModel name: {flags.pipeline_name or flags.model_name}",
        f"\tIterations: {iterations}",
        f"\tImages numpy path: {flags.images_numpy_path}",
        f"\tNumpy file shape: {source.shape}\n",
    )
    times: list[float] = []
    tally = classification.Tally()
    with _progress() as progress:
        counter = progress.track(range(iterations), description="requests")
        for iteration, (milliseconds, found) in enumerate(_ask(flags, source, counter)):
            times.append(milliseconds)
            fps = figures.speed(source.batch_size, milliseconds)
            _say(
                f"Iteration {iteration + 1}; Processing time: {milliseconds:.2f} ms; speed {fps:.2f} fps"
            )
            _say("imagenet top results in a single batch:")
            _say(*_judge(found, source.expected(iteration), names, tally))
    _say(figures.render(figures.observe(times), source.batch_size))
    if tally.judged:
        _say(f"Classification accuracy: {tally.percent:.2f}")


def _load_frames(flags: argparse.Namespace) -> frames.Frames:
    images = frames.load_images(flags.images_numpy_path)
    _say(f"Image data range: {float(images.min())} : {float(images.max())}")
    path = flags.labels_numpy_path
    classes = frames.load_classes(path, images) if path else None
    if flags.transpose_input == "True":
        images = frames.transpose(images, frames.Transpose(flags.transpose_method))
    return frames.Frames(images, classes, flags.batchsize)


def _ask(
    flags: argparse.Namespace, source: frames.Frames, iterations: Iterable[int]
) -> Iterator[tuple[float, list[int]]]:
    """The milliseconds and the classes of each batch; building the request is not in the time."""
    question = classification.Question(
        flags.pipeline_name or flags.model_name,
        flags.input_name,
        flags.output_name,
        answers_are_classes=bool(flags.pipeline_name),
        adds_dimension=flags.dag_batch_size_auto,
    )
    target = channels.parse_target(flags)
    with channels.connect(target) as channel:
        predict = channels.predictions(channel).Predict
        for iteration in iterations:
            request = question.to_request(source.images[source.rows(iteration)])
            start = time.perf_counter()
            answer = channels.call(predict, request, target)
            yield 1000.0 * (time.perf_counter() - start), question.from_answer(answer)


def _judge(
    found: list[int], expected: list[int] | None, names: labels.Labels, tally: classification.Tally
) -> Iterator[str]:
    """A line for each image of a batch."""
    for index, number in enumerate(found):
        line = f"\t {index} {names.render(number)}"
        if expected is None:
            yield line
            continue
        is_match = number == expected[index]
        tally.count(is_match=is_match)
        wanted = f"Incorrect match. Should be {names.render_expected(expected[index])}"
        yield f"{line} ; {'Correct match.' if is_match else wanted}"


def _progress() -> Progress:
    """A bar on standard error, and only where somebody sees it."""
    console = Console(stderr=True)
    is_shared = sys.stdout.isatty()  # then the lines must pass the bar, else they go their own way
    return Progress(
        console=console, disable=not console.is_terminal, transient=True, redirect_stdout=is_shared
    )


def _say(*lines: str) -> None:
    for line in lines:
        sys.stdout.write(f"{line}\n")


if __name__ == "__main__":
    sys.exit(main())

"""Batches of images classified one after the other by any client, and what is printed of it."""

import argparse
import sys
import time
from collections.abc import Iterable, Iterator
from typing import Generic, Protocol, TypeVar

import numpy as np
from numpy.typing import NDArray
from rich.console import Console
from rich.progress import Progress

from example_client import classification, figures, frames, imageflags, labels

Request = TypeVar("Request")
Answer = TypeVar("Answer")


class Client(Protocol, Generic[Request, Answer]):
    """One way to a server: only `ask` is in the times that are printed."""

    def prepare(self, batch: frames.Images) -> Request:
        """The request for a batch (N, …)."""

    def ask(self, request: Request) -> Answer:
        """The server's answer. Raises ClientError."""

    def read(self, answer: Answer) -> NDArray[np.generic]:
        """The scores in it, a row for each image. Raises ClientError."""


def run(
    flags: argparse.Namespace, client: Client[Request, Answer], *, pipeline: str | None = None
) -> None:
    """Asks as often as the flags say and prints OVMS's lines. `pipeline`: answers with classes."""
    source = imageflags.load_frames(flags)
    names = labels.load(flags.labels_path, beside=flags.images_numpy_path)
    iterations = flags.iterations or source.batches
    _say(
        "Start processing:",
        f"\tModel name: {pipeline or flags.model_name}",
        f"\tIterations: {iterations}",
        f"\tImages numpy path: {flags.images_numpy_path}",
        f"\tNumpy file shape: {source.shape}\n",
    )
    times: list[float] = []
    tally = classification.Tally()
    with _progress() as progress:
        counter = progress.track(range(iterations), description="requests")
        for iteration, (milliseconds, rows) in enumerate(_ask(client, source, counter)):
            times.append(milliseconds)
            found = classification.classes_of(rows, are_classes=bool(pipeline))
            fps = figures.speed(source.batch_size, milliseconds)
            _say(
                f"Iteration {iteration + 1}; Processing time: {milliseconds:.2f} ms; speed {fps:.2f} fps"
            )
            _say("imagenet top results in a single batch:")
            _say(*_judge(found, source.expected(iteration), names, tally))
    _say(figures.render(figures.observe(times), source.batch_size))
    if tally.judged:
        _say(f"Classification accuracy: {tally.percent:.2f}")


def _ask(
    client: Client[Request, Answer], source: frames.Frames, iterations: Iterable[int]
) -> Iterator[tuple[float, NDArray[np.generic]]]:
    """The milliseconds and the scores of each batch."""
    for iteration in iterations:
        request = client.prepare(source.images[source.rows(iteration)])
        start = time.perf_counter()
        answer = client.ask(request)
        yield 1000.0 * (time.perf_counter() - start), client.read(answer)


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

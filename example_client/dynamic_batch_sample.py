"""Classifies pictures by a model that is compiled once for every batch up to a limit.

OpenVINO's sample of 2019 of this name, on today's OpenVINO: then a property of the plugin, today a batch
dimension with bounds. Told are the mean times at the full batch and at the number of pictures given.
"""

import argparse
import importlib
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np

if not __package__:  # run by its path
    importlib.import_module("checkout")

from example_client import faults, flagtypes, labels
from example_client.dynamic_batch import dot, network, samples

_TOP = 5


def main() -> int:
    """Runs the sample with the command line's flags. Gives the exit code."""
    flags = _parser().parse_args()
    return faults.run_program(lambda: _run(flags))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="dynamic_batch_sample", description=__doc__)
    add = parser.add_argument
    add("-m", "--model", required=True, type=Path, help="model file (.xml or .onnx)")
    add("-i", "--input", required=True, type=Path, nargs="+", help="pictures, or .npy of samples")
    add("-l", "--cpu_extension", type=Path, help="library with operations of your own")
    add("-d", "--device", default="CPU", help="OpenVINO device")
    add("--labels", type=Path, help="names of the classes, one a line")
    add("-mb", "--max_batch", default=20, type=flagtypes.positive, help="the largest batch (20)")
    add("-ni", "--number_iter", default=1, type=flagtypes.positive, help="inferences of each kind")
    add("-pc", "--perf_counts", action="store_true", help="print performance counters")
    add("--dot", type=Path, default=Path("executed_graph.dot"), help="where the executed graph goes")
    return parser


def _run(flags: argparse.Namespace) -> None:
    names = labels.load(flags.labels, beside=flags.model)
    model = network.load(flags.model, flags.device, flags.max_batch, flags.cpu_extension)
    given = samples.load(flags.input, model.sample_shape, model.dtype)
    model.check_count(len(given))
    full = np.zeros((model.limit, *model.sample_shape), model.dtype)
    full[: len(given)] = given
    request = model.to_request()
    told = {"full batch": full, "images given": given}
    for kind, batch in told.items():
        milliseconds, answer = _time(model, request, batch, flags.number_iter)
        each = milliseconds / len(batch)
        _say(
            f"Batch {len(batch)} ({kind}): average running time of one iteration: {milliseconds:.2f} ms"
        )
        _say(f"\t{each:.2f} ms a sample; {1000 / each:.2f} samples/s")
    _say(*_top(answer, names))
    if flags.perf_counts:
        _say(*_counters(request))
    try:
        flags.dot.write_text(dot.render(network.executed_graph(model)))
    except OSError as error:
        raise faults.ClientError(f"cannot write {flags.dot}: {error.strerror}") from error
    _say(f"Executed graph: {flags.dot}")


def _time(
    model: network.Bounded, request: object, batch: network.Samples, iterations: int
) -> tuple[float, network.Samples]:
    """The mean milliseconds of an inference, after one that is not counted, and the answer."""
    answer = model.infer(request, batch)
    start = time.perf_counter()
    for _ in range(iterations):
        answer = model.infer(request, batch)
    return 1000.0 * (time.perf_counter() - start) / iterations, answer


def _top(answer: network.Samples, names: labels.Labels) -> Iterator[str]:
    for number, row in enumerate(answer.reshape(len(answer), -1)):
        yield f"Image {number}"
        for best in np.argsort(row)[::-1][:_TOP]:
            yield f"\t{float(row[best]):.7f} {names.render(int(best))}"


def _counters(request: object) -> Iterator[str]:
    yield f"{'name':<50} {'layer':<20} {'executed as':<25} {'real us':>10} {'cpu us':>10}  status"
    for layer in request.profiling_info:  # type: ignore[attr-defined]  # OpenVINO has no types here
        times = (layer.real_time, layer.cpu_time)
        real, cpu = (1e6 * one.total_seconds() for one in times)
        status = str(layer.status).rpartition(".")[2]
        facts = f"{layer.node_name[:50]:<50} {layer.node_type[:20]:<20} {layer.exec_type[:25]:<25}"
        yield f"{facts} {real:>10.0f} {cpu:>10.0f}  {status}"


def _say(*lines: str) -> None:
    for line in lines:
        sys.stdout.write(f"{line}\n")


if __name__ == "__main__":
    sys.exit(main())

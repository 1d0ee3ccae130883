"""The flags of `batchwright bench`, in groups, and what they say."""

import math
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

from batchwright_bench.inprocess.model import Hint
from batchwright_bench.inprocess.running import Api
from batchwright_bench.load.arrivals import Arrivals
from batchwright_bench.remote.protocols import Protocol
from batchwright_bench.strategies.choice import Objective

Function = TypeVar("Function", bound=Callable[..., Any])
Option = Callable[[Any], Any]

_FILE = click.Path(exists=True, dir_okay=False, path_type=Path)
_OUT = click.Path(dir_okay=False, path_type=Path)
_COUNT = click.IntRange(min=1)
_MOST = 1e9  # seconds, or requests a second


class _Number(click.FloatRange):
    """A range that has no place for what is no number, which is neither below nor above."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        found = super().convert(value, param, ctx)
        if math.isnan(found):
            self.fail(f"{value} is no number.", param, ctx)
        return found


_POSITIVE = _Number(min=0, min_open=True, max=_MOST)
_PERIOD = _Number(min=0, max=_MOST)


def of_all(function: Function) -> Function:
    """Flags of every kind of run."""
    return _apply(
        function,
        click.option("-m", "--model", type=click.Path(exists=True, path_type=Path), help="Model file; "
                     "a folder of versions too with --compare-strategies."),
        click.option("-i", "--input", "inputs", multiple=True, type=_FILE, help="Images or .npy files; "
                     "without it: random values. Once for each file."),
        click.option("-t", "--time", "seconds", type=_POSITIVE, help="Seconds.  [default: 10]"),
        click.option("-niter", "iterations", type=_COUNT, help="How many inferences or requests."),
        click.option("--seed", type=click.IntRange(min=0), default=0, help="Of all that is random."),
        click.option("--json", "json_file", type=_OUT, help="Where the result goes, for --compare."),
        click.option("--csv", "csv_file", type=_OUT, help="Where a line for each request goes."),
    )  # fmt: skip


def of_process(function: Function) -> Function:
    """Flags of a model that runs in this process, as benchmark_app has them."""
    return _apply(
        function,
        click.option("-d", "device", default="CPU", show_default=True, help="OpenVINO device."),
        click.option("-hint", type=click.Choice([one.value for one in Hint]), help="What OpenVINO is to "
                     "be fast at.  [default: throughput, or none with -nstreams or -nthreads]"),
        click.option("-api", type=click.Choice([one.value for one in Api]), help="One inference after "
                     "the other, or several at once.  [default: sync with -hint latency, else async]"),
        click.option("-nireq", "requests", type=_COUNT, help="Infer requests.  [default: OpenVINO's]"),
        click.option("-nthreads", "threads", type=_COUNT, help="Threads for inference."),
        click.option("-nstreams", "streams", help="Streams: a number, or AUTO."),
        click.option("-pin", type=click.Choice(["YES", "NO"]), help="Pin threads to processors."),
        click.option("-b", "batch", type=_COUNT, help="Batch size."),
        click.option("-data_shape", "data_shapes", default="", help="Shapes to send, in turn: "
                     "[1,3,224,224][8,3,224,224], or input1[1,4],input2[1]."),
    )  # fmt: skip


def of_server(function: Function) -> Function:
    """Flags of a load on a server."""
    return _apply(
        function,
        click.option("--target", metavar="HOST:PORT", help="A server's gRPC address."),
        click.option("--model-name", "--model_name", default="resnet", help="The model to ask."),
        click.option("--protocol", type=click.Choice([one.value for one in Protocol]), default="tfs",
                     show_default=True, help="TensorFlow Serving's or KServe's gRPC."),
        click.option("--sizes", default="1", show_default=True, help="Batch sizes: 8; 1,4,16 in turn; "
                     "uniform:1:16; geometric:MEAN:MOST; weights:1=5,8=1."),
        click.option("--trace", type=_FILE, help="Batch sizes of a file: lines batch_size, or "
                     "seconds,batch_size to be sent at these times."),
        click.option("--concurrency", type=_COUNT, default=4, show_default=True, help="Closed loop: "
                     "requests on their way at once."),
        click.option("--rate", type=_POSITIVE, help="Open loop: requests per second, whatever answers "
                     "take; latencies are from the moment at which each was due."),
        click.option("--arrivals", type=click.Choice([one.value for one in Arrivals]), default="poisson",
                     show_default=True, help="How the requests of a rate are spread."),
        click.option("--outstanding", type=_COUNT, default=1000, show_default=True, help="Open loop: "
                     "requests on their way at once at most."),
        click.option("--warm-up", type=_PERIOD, default=1.0, show_default=True, help="Seconds before "
                     "what is measured."),
        click.option("--timeout", type=_POSITIVE, default=60.0, show_default=True, help="Seconds that "
                     "a request may take."),
        click.option("--server-cert", "--server_cert", type=_FILE, help="TLS, by this authority."),
        click.option("--client-cert", "--client_cert", type=_FILE, help="This client's certificate."),
        click.option("--client-key", "--client_key", type=_FILE, help="The key of it."),
        click.option("--tls", is_flag=True, help="TLS, by the system's authorities."),
    )  # fmt: skip


def of_comparisons(function: Function) -> Function:
    """Flags of what is compared."""
    return _apply(
        function,
        click.option("--compare", nargs=2, type=_FILE, metavar="A.json B.json", help="Compare two "
                     "results, and measure nothing."),
        click.option("--compare-strategies", is_flag=True, help="Serve the model by each strategy under "
                     "the same load, and recommend one."),
        click.option("--objective", type=click.Choice([one.value for one in Objective]),
                     default="throughput", show_default=True, help="What is to be best."),
        click.option("--rounds", type=_COUNT, default=2, show_default=True, help="How often the "
                     "strategies take turns; -t and -niter are those of all rounds."),
        click.option("--plugin-config", default="{}", help="OpenVINO properties, as JSON."),
        click.option("--html", "html_file", type=_OUT, default=Path("strategies.html"),
                     show_default=True, help="Where the plot of --compare-strategies goes."),
    )  # fmt: skip


def _apply(function: Function, *options: Option) -> Function:
    for option in reversed(options):
        function = option(function)
    return function

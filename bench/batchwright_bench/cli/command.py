"""`batchwright bench`."""

import asyncio
import json
from typing import Any

import click
import grpc
import yaml

from batchwright_bench.cli import given as files
from batchwright_bench.cli import options, printing, progress
from batchwright_bench.figures.comparison import compare
from batchwright_bench.figures.outcomes import Outcome, Result, sum_up
from batchwright_bench.inprocess import inputs, model, running, shapes
from batchwright_bench.load import arrivals, sizes
from batchwright_bench.remote import driver, elements, protocols, session
from batchwright_bench.strategies import choice, plot, trials
from batchwright_server.config.plan import Strategy

_SECONDS = 10.0
_FAULTS = (elements.Unusable, files.InvalidFile, model.Unfit, OSError)


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
@options.of_all
@options.of_process
@options.of_server
@options.of_comparisons
def bench(**given: Any) -> None:
    """Measure a model.

    In this process with -m, behind a server with --target, under every strategy with -m and
    --compare-strategies; or compare two results with --compare.
    """
    try:
        _run(given)
    except _FAULTS as error:
        raise click.ClickException(str(error)) from error
    except sizes.InvalidSizes as error:
        raise click.ClickException(f"--sizes: {error}") from error
    except shapes.InvalidShapes as error:
        raise click.ClickException(f"-data_shape: {error}") from error
    except MemoryError as error:
        raise click.ClickException(f"not enough memory for batches of this size: {error}") from error
    except grpc.aio.AioRpcError as error:
        raise click.ClickException(f"{error.code().name}: {error.details()}") from error


def _run(given: dict[str, Any]) -> None:
    if given["compare"]:
        first, second = files.read_results(given["compare"])
        printing.show_comparison(first, second, compare(first, second))
    elif given["compare_strategies"]:
        _compare_strategies(given)
    elif given["target"]:
        _measure_server(given)
    elif given["model"]:
        _measure_process(given)
    else:
        raise click.UsageError("expected a model (-m), a server (--target) or results (--compare)")


def _measure_process(given: dict[str, Any]) -> None:
    wanted = _wanted(given)
    printing.say(f"Reading and compiling {wanted.model} for {wanted.device}")
    compiled = model.load(wanted)
    is_sync = given["hint"] == model.Hint.LATENCY
    api = running.Api(given["api"] or (running.Api.SYNC if is_sync else running.Api.ASYNC))
    requests = 1 if api is running.Api.SYNC else compiled.count_requests(wanted.requests)
    turns = inputs.make(compiled, given["inputs"], given["seed"])
    ending = running.Ending(given["seconds"] or _SECONDS, given["iterations"])
    limit = f"{ending.iterations} iterations" if ending.iterations else f"{ending.seconds:g} s duration"
    kind = {running.Api.SYNC: "synchronously", running.Api.ASYNC: "asynchronously"}[api]
    load = f"Start inference {kind}, {requests} inference requests, limits: {limit}"
    printing.say(load)
    with progress.bar("inferences", ending.seconds, ending.iterations) as watch:
        outcomes = running.Bench(compiled, turns, ending, watch).run(api, requests)
    devices = compiled.model.get_property("EXECUTION_DEVICES")
    printing.say(f"Execution Devices:{devices}")
    _finish(given, sum_up(str(wanted.model), load, outcomes), outcomes)


def _wanted(given: dict[str, Any]) -> model.Wanted:
    return model.Wanted(
        given["model"],
        given["device"],
        model.Hint(given["hint"]) if given["hint"] else None,
        threads=given["threads"],
        streams=given["streams"],
        pin=None if given["pin"] is None else given["pin"] == "YES",
        requests=given["requests"],
        batch=given["batch"],
        data_shapes=shapes.parse_shapes(given["data_shapes"]),
    )


def _measure_server(given: dict[str, Any]) -> None:
    load = _load(given)
    pem = (given["server_cert"], given["client_cert"], given["client_key"])
    credentials = session.Credentials(*pem) if given["tls"] or any(pem) else None
    protocol = protocols.Protocol(given["protocol"])
    server = session.Server(given["target"], given["model_name"], protocol, credentials)
    printing.say(f"Asking {server.model} at {server.target}: {load.describe()}")
    rows = files.read_rows(given["inputs"])
    with progress.bar("requests", load.bounds.end, load.count) as watch:
        outcomes = asyncio.run(session.measure(server, load, given=rows, watch=watch))
    _warn_of_lateness(load, outcomes)
    result = sum_up(f"{server.model} at {server.target}", load.describe(), outcomes)
    _finish(given, result, outcomes, "requests")


def _load(given: dict[str, Any]) -> session.Load:
    trace = files.read_trace(given["trace"]) if given["trace"] else None
    if trace is not None and trace.seconds and given["rate"]:
        raise click.UsageError("--rate: the trace has times of its own")
    has_times = trace is not None and bool(trace.seconds)
    limitless = has_times or given["iterations"] is not None
    seconds = given["seconds"] or (float("inf") if limitless else _SECONDS)
    warm_up = 0.0 if limitless else given["warm_up"]
    return session.Load(
        session.sizes_of(trace) if trace else sizes.parse_sizes(given["sizes"]),
        driver.Bounds(seconds, warm_up, given["iterations"], given["timeout"]),
        given["concurrency"],
        given["rate"],
        arrivals.Arrivals(given["arrivals"]),
        trace=trace,
        outstanding=given["outstanding"],
        seed=given["seed"],
    )


def _warn_of_lateness(load: session.Load, outcomes: list[Outcome]) -> None:
    """Says when this process, and not the server, was too slow to send what was due."""
    late = [one.sent - one.intended for one in outcomes]
    if load.is_open and late and max(late) > 0.1:
        printing.say(
            f"Sent up to {max(late):.2f} s late: the client could not keep up, or --outstanding were "
            "on their way. The latencies have it in them."
        )


def _finish(
    given: dict[str, Any], result: Result, outcomes: list[Outcome], counted: str = "iterations"
) -> None:
    printing.say_result(result, counted)
    printing.write_json(given["json_file"], result)
    printing.write_csv(given["csv_file"], outcomes)
    if result.requests == 0:
        raise click.ClickException("nothing was answered")


def _compare_strategies(given: dict[str, Any]) -> None:
    if given["model"] is None:
        raise click.UsageError("--compare-strategies: expected a model (-m)")
    load = _load(given)
    try:
        plugin = dict(json.loads(given["plugin_config"]))
    except (ValueError, TypeError) as error:
        raise click.UsageError("--plugin-config: expected a JSON object") from error
    planned = choice.plan_trials(load.sizes.possible)
    printing.say(f"{', '.join(planned)}, each with {load.describe()}")
    found: dict[Strategy, list[choice.Trial]] = {strategy: [] for strategy in planned}
    for number, part in enumerate(load.split(given["rounds"])):
        # Back and forth, so that a machine that gets slower or faster favours nobody.
        for strategy in planned if number % 2 == 0 else reversed(planned):
            title = f"{strategy}, round {number + 1}"
            with progress.bar(title, part.bounds.end, part.count) as watch:
                bench = trials.Bench(given["model"].resolve(), part, plugin, watch)
                found[strategy].append(asyncio.run(trials.try_strategy(bench, strategy)))
    _recommend(given, load, [choice.join(of_one) for of_one in found.values()])


def _recommend(given: dict[str, Any], load: session.Load, found: list[choice.Trial]) -> None:
    chosen = choice.choose(found, choice.Objective(given["objective"]))
    printing.show_trials(found, chosen)
    blocks = []
    if chosen.best is not None:
        known = load.sizes.possible
        manifest = yaml.safe_dump(choice.to_manifest(chosen.best.strategy, known), sort_keys=False)
        document = json.dumps({"batching": choice.to_batching(chosen.best.strategy, known)}, indent=2)
        blocks = [("For a ModelServer's model", manifest), ("For config.json", document)]
        click.echo(f"\n{manifest}")
    title = f"{given['model'].name}: {load.describe()}"
    given["html_file"].write_text(plot.render(title, found, chosen, blocks))
    click.echo(f"Plot: {given['html_file']}")
    if given["json_file"] is not None:
        results = {one.strategy.value: one.result.model_dump() for one in found if one.result}
        given["json_file"].write_text(json.dumps(results, indent=1) + "\n")
    if chosen.best is None:
        raise click.ClickException("no strategy can be recommended")

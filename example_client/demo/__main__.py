"""`python -m example_client.demo`: clients with varying batch sizes, a server that adapts to them."""

import argparse
import asyncio
import json
import shutil
import signal
import sys
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console

from example_client import flagtypes
from example_client.demo import (
    observation,
    page,
    reference,
    report,
    scenario,
    story,
    supervision,
    traffic,
    verdict,
)

_MANIFEST = Path(__file__).resolve().parents[1] / "manifests" / "demo.yaml"
_SERVER = "demo"  # names in the manifest
_MODEL = "resnet"
_NETWORK = Path("resnet50-int8", "1", "model.xml")
_INPUT, _OUTPUT = "0", "1463"
_STRATEGIES = 2  # of the manifest: Reload and Demultiplex
_MEASURING_SECONDS = 30.0
_STEADY_SECONDS = 75.0


@dataclass(frozen=True)
class Settings:
    """What the command line asks for."""

    models: Path
    out: Path
    offer: traffic.Offer
    limits: scenario.Limits

    @property
    def is_steady(self) -> bool:
        """Whether all requests have one batch size."""
        return self.limits.steady_seconds is not None


def main() -> int:
    """Runs the demo. Gives the exit code: 0 only when every promise was kept."""
    settings = _settings()
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # so that `up` is stopped then, too
    console = Console(soft_wrap=True)
    try:
        told = _run(settings, story.Narration(console))
    except (supervision.SupervisionError, reference.UnfitReferenceError, OSError) as error:
        print(f"demo: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("demo: interrupted", file=sys.stderr)
        return 130
    _write(told, settings.out)
    story.tell_end(console, told, settings.out)
    return 0 if told.is_success else 1


def _settings() -> Settings:
    parser = argparse.ArgumentParser(prog="demo", description=__doc__)
    add = parser.add_argument
    add("--models", type=Path, default=Path("build/models"), help="where the sample models are")
    add("--out", type=Path, default=Path("build/demo"), help="where the reports go")
    add("--clients", type=flagtypes.positive, default=4, help="how many clients there are")
    add("--steady", type=flagtypes.positive, metavar="N", help="all requests have N samples: no switch")
    add("--steady-seconds", type=float, default=_STEADY_SECONDS, help="length of a steady run")
    add("--switch-seconds", type=float, default=120.0, help="how long to wait for the policy's switch")
    flags = parser.parse_args()
    offer = traffic.Offer(flags.clients)
    steady = None
    if flags.steady:
        offer = traffic.Offer(flags.clients, flags.steady, flags.steady)
        steady = flags.steady_seconds
    return Settings(flags.models, flags.out, offer, scenario.Limits(steady, flags.switch_seconds))


def _run(settings: Settings, narration: story.Narration) -> report.Story:
    narration.say(f"{settings.offer.clients} clients will send images to one model, {settings.offer}.")
    narration.say("First the expected answers, from OpenVINO run directly on the same images.")
    expected = reference.load(settings.models / _NETWORK, settings.models / "imgs.npy")
    place = _place(settings)
    with supervision.Supervised(place) as supervised:
        narration.say(f"batchwright up {place.manifest.name}: waiting until the model is ready.")
        supervised.wait_until_ready()
        narration.say("Ready. While it is idle, the server measures what each strategy costs.")
        observation.wait_until_measured(place.port + 1, _MODEL, _STRATEGIES, seconds=_MEASURING_SECONDS)
        narration.say("The clients begin, and nobody touches the server from here on.")
        served = traffic.Served(f"127.0.0.1:{place.port}", _MODEL, _INPUT, _OUTPUT)
        clients = traffic.Traffic(settings.offer, served, expected)
        run = asyncio.run(scenario.run(supervised, clients, limits=settings.limits, narrator=narration))
        narration.say("The clients have ended; stopping the server.")
    check = verdict.check_steady if settings.is_steady else verdict.check_mixed
    return report.Story(run, settings.offer, expected, check(run), place.manifest.read_text("utf-8"))


def _place(settings: Settings) -> supervision.Place:
    settings.out.mkdir(parents=True, exist_ok=True)
    port = supervision.free_port()
    place = supervision.Place(_MANIFEST, _SERVER, settings.models, settings.out, port)
    shutil.rmtree(place.state, ignore_errors=True)  # a run begins with what the manifest says
    return place


def _write(told: report.Story, out: Path) -> None:
    plain = json.dumps(report.render(told), indent=2, ensure_ascii=False)
    (out / "report.json").write_text(plain + "\n", "utf-8")
    (out / "report.html").write_text(page.render(told), "utf-8")


if __name__ == "__main__":
    sys.exit(main())

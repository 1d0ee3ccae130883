"""The memory of a server that reloads a thousand times over 32 batch sizes: flat, and as it says.

python -m benchmarks.reload_memory [--reloads 1000] [--out build/benchmarks/reload_memory.html]

Starts a server with a small model and the reload strategy, asks for the sizes in no order, and plots the
process's RSS. Fails where the second half of the run needs more than the first by over 5 %.
"""

import argparse
import asyncio
import random
import statistics
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from urllib.request import urlopen

import grpc
import numpy as np

from tests.support import models, server_process, serving, tfs
from tests.support.polling import eventually

SIZES = 32
WIDTH = 256
MOST_GROWTH = 0.05
_MIB = 1 << 20


@dataclass(frozen=True)
class Sample:
    """The server after so many reloads."""

    reloads: int
    rss: float  # MiB, without files
    told: float  # MiB that the server says compiled models take


async def run(folder: Path, reloads: int, entries: int) -> list[Sample]:
    """Samples of a server that is asked until it has reloaded so often."""
    models.save(models.deep(layers=4, width=WIDTH), folder / "m")
    batching = {
        "strategy": "reload",
        "reload": {"compiled_cache": {"max_entries": entries}},
        "calibration": {"enabled": False},
    }
    entry = serving.model_config("m", folder / "m", batching=batching)
    serving.write_config(folder / "config.json", serving.document(entry))
    port, rest_port = serving.free_port(), serving.free_port()
    flags = ["--config_path", "config.json", "--port", str(port), "--rest_port", str(rest_port)]
    drawn = random.Random(1)  # noqa: S311  no secret
    samples: list[Sample] = []
    with server_process.run(folder, *flags, "--log_level", "ERROR") as running:
        await eventually(lambda: server_process.is_ready(rest_port), seconds=60)
        async with grpc.aio.insecure_channel(f"127.0.0.1:{port}") as channel:
            client = tfs.TfsClient(channel)
            done = 0
            while done < reloads:
                for _ in range(10):
                    rows = drawn.randint(1, SIZES)
                    await client.predict("m", x=np.full((rows, WIDTH), 0.5, np.float32))
                done = (await server_process.read_signals(rest_port)).models[0].counters.reloads
                told = await _told_bytes(rest_port)
                samples.append(Sample(done, _rss(running.pid), told))
    return samples


async def _told_bytes(port: int) -> float:
    text = await asyncio.to_thread(_read_metrics, port)
    lines = [line for line in text.splitlines() if line.startswith("batchwright_compiled_bytes{")]
    return sum(float(line.rpartition(" ")[2]) for line in lines) / _MIB


def _read_metrics(port: int) -> str:
    with urlopen(f"http://127.0.0.1:{port}/metrics") as answer:
        text: str = answer.read().decode()
        return text


def _rss(process: int) -> float:
    for line in Path(f"/proc/{process}/status").read_text().splitlines():
        if line.startswith("RssAnon:"):
            return int(line.split()[1]) / 1024
    raise AssertionError("the kernel does not tell RssAnon")


def growth(samples: list[Sample]) -> float:
    """How much more the last quarter takes than the second, as a share of the second."""
    quarter = len(samples) // 4
    early = statistics.median(sample.rss for sample in samples[quarter : 2 * quarter])
    late = statistics.median(sample.rss for sample in samples[3 * quarter :])
    return late / early - 1


def render(samples: list[Sample], title: str) -> str:
    """A page with both curves, which needs nothing else."""
    width, height, left = 900, 320, 50
    top = 1.1 * max(sample.rss for sample in samples)
    most = max(sample.reloads for sample in samples)

    def points(values: list[float]) -> str:
        return " ".join(
            f"{left + (width - left) * sample.reloads / most:.1f},{height * (1 - value / top):.1f}"
            for sample, value in zip(samples, values, strict=True)
        )

    rss, told = points([item.rss for item in samples]), points([item.told for item in samples])
    marks = "".join(
        f'<text x="0" y="{height * (1 - part / 4) + 12:.0f}">{top * part / 4:.0f} MiB</text>'
        for part in range(1, 5)
    )
    return (
        f'<!doctype html><meta charset="utf-8"><title>{title}</title><h1>{title}</h1>'
        f'<svg viewBox="0 0 {width} {height + 30}" width="{width}" font-size="12">{marks}'
        f'<polyline points="{rss}" fill="none" stroke="#06c"/>'
        f'<polyline points="{told}" fill="none" stroke="#c60"/>'
        f'<text x="{width - 300}" y="{height + 20}">reloads, 0 to {most}; blue: RSS without files,'
        f" orange: batchwright_compiled_bytes</text></svg>\n"
    )


def main() -> int:
    """Run, plot, judge."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--reloads", type=int, default=1000)
    parser.add_argument("--entries", type=int, default=4)
    parser.add_argument("--out", type=Path, default=Path("build/benchmarks/reload_memory.html"))
    flags = parser.parse_args()
    began = time.monotonic()
    with tempfile.TemporaryDirectory() as folder:
        samples = asyncio.run(run(Path(folder), flags.reloads, flags.entries))
    grown = growth(samples)
    last = samples[-1]
    title = (
        f"{last.reloads} reloads over {SIZES} sizes: {last.rss:.0f} MiB at the end,"
        f" {100 * grown:+.1f} % from the second quarter to the last"
    )
    flags.out.parent.mkdir(parents=True, exist_ok=True)
    flags.out.write_text(render(samples, title))
    print(f"{title} ({time.monotonic() - began:.0f} s); {flags.out}")  # noqa: T201
    return 0 if grown <= MOST_GROWTH else 1


if __name__ == "__main__":
    raise SystemExit(main())

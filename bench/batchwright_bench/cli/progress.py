"""A bar on standard error while something is measured, where somebody sees it."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import Progress

from batchwright_bench.figures.outcomes import Outcome


@contextmanager
def bar(
    title: str, seconds: float, iterations: int | None = None
) -> Iterator[Callable[[Outcome], None]]:
    """Who is told of each outcome; the bar fills by time, or by the number of inferences."""
    console = Console(stderr=True)
    with Progress(console=console, transient=True, disable=not console.is_terminal) as progress:
        task = progress.add_task(title, total=iterations or seconds)
        began = time.monotonic()

        def watch(_: Outcome) -> None:
            if iterations is not None:
                progress.advance(task)
            else:
                progress.update(task, completed=time.monotonic() - began)

        yield watch

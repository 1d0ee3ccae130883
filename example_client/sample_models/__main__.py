"""`python -m example_client.sample_models`: the models and images of the examples, built by code."""

import argparse
import sys
import time
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from example_client.sample_models import products, store


class _Bar:
    """A progress bar on a terminal, plain lines elsewhere."""

    def __init__(self, console: Console) -> None:
        self._console = console
        columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
        self._progress = Progress(
            *columns, TimeElapsedColumn(), console=console, disable=not console.is_terminal
        )
        self._tasks = [self._progress.add_task("", visible=False)]

    def __enter__(self) -> "_Bar":
        self._progress.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._progress.stop()

    def begin(self, title: str, steps: int) -> None:
        self._tasks.append(self._progress.add_task(title, total=steps))

    def advance(self) -> None:
        self._progress.advance(self._tasks[-1])

    def tell(self, sentence: str) -> None:
        self._console.print(sentence, highlight=False)


def main() -> int:
    """Builds what is not complete yet. Gives the exit code."""
    parser = argparse.ArgumentParser(prog="sample_models", description=__doc__)
    parser.add_argument("--out", type=Path, default=Path("build/models"), help="where to build")
    parser.add_argument(
        "--only", choices=[product.name for product in products.PRODUCTS], help="build just this"
    )
    arguments = parser.parse_args()
    here = store.Store(arguments.out, store.builder_of(Path(__file__).parent))
    wanted = [item for item in products.PRODUCTS if arguments.only in (None, item.name)]
    try:
        with _Bar(Console(soft_wrap=True)) as bar:
            for product in wanted:
                _build(here, product, bar)
    except products.BuildError as error:
        print(f"sample_models: {error}", file=sys.stderr)
        return 1
    return 0


def _build(here: store.Store, product: products.Product, bar: _Bar) -> None:
    names = ", ".join(product.paths)
    if here.is_complete(product):
        bar.tell(f"{names}: complete already, in {here.root}")
        return
    start = time.monotonic()
    here.build(product, bar)
    bar.tell(f"{names}: built in {time.monotonic() - start:.1f} s, in {here.root}")


if __name__ == "__main__":
    sys.exit(main())

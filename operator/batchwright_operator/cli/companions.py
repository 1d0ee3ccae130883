"""Subcommands that live in packages of their own, which the operator neither needs nor knows.

They are imported when they are asked for, by their names, so that `batchwright` works without them.
"""

import importlib
from typing import Any

import click


class Companion(click.Command):
    """Stands for the command `name` of `module` until it is asked for; `extra` has what it needs."""

    def __init__(self, name: str, module: str, extra: str, short_help: str) -> None:
        super().__init__(name, short_help=short_help)
        self.module = module
        self.extra = extra

    def make_context(
        self, info_name: str | None, args: list[str], *rest: Any, **more: Any
    ) -> click.Context:
        """The real command's context. Raises ClickException if what it needs is not there."""
        return self._load().make_context(info_name, args, *rest, **more)

    def _load(self) -> click.Command:
        try:
            found: click.Command = getattr(importlib.import_module(self.module), str(self.name))
        except ModuleNotFoundError as error:
            raise click.ClickException(
                f"`batchwright {self.name}` needs {error.name}, which is not installed: "
                f"pip install 'batchwright[{self.extra}]'"
            ) from error
        return found


BENCH = Companion(
    "bench", "batchwright_bench.cli.command", "bench", "Measure a model, a server or every strategy."
)

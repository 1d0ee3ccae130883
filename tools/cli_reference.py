"""Writes docs/cli.md from the commands themselves: `python -m tools.cli_reference docs`."""

import sys
from collections.abc import Iterator
from pathlib import Path

import click

from batchwright_bench.cli.command import bench
from batchwright_operator.cli.companions import BENCH
from batchwright_operator.cli.group import batchwright
from batchwright_server.config import flags

_INTRODUCTION = """\
# Commands

Every command with its options, from the code; `--help` prints the same. What they are for:
[the manifest and `batchwright up`](modelserver.md), [`bench`](bench.md), [the server](server.md),
[the operator](operator.md).
"""
_SERVER = """\
## `batchwright-server`

Serves models. Flags of OpenVINO Model Server that have no effect here, or are refused, are told in
[migration](migration.md#flags).

| flag | default | |
|---|---|---|
"""
_FETCH = """
`batchwright-server fetch` fetches a model's files before a server starts, as the init container of a pod
does; it takes all it needs from what the operator writes for it.
"""


def render_reference() -> str:
    """The whole of docs/cli.md."""
    commands = "\n".join(_commands(batchwright, "batchwright"))
    return f"{_INTRODUCTION}\n{commands}\n{_SERVER}{''.join(_flags())}{_FETCH}"


def _commands(command: click.Command, path: str) -> Iterator[str]:
    command = bench if command is BENCH else command
    context = click.Context(command, info_name=path)
    usage = " ".join(command.collect_usage_pieces(context))
    text = "\n".join(line.strip() for line in (command.help or "").splitlines()).strip()
    yield f"## `{path}`\n\n{text}\n\n```\n{path} {usage}\n```\n"
    options = [option for option in command.params if isinstance(option, click.Option)]
    rows = [_option(option, context) for option in options if not option.hidden]
    if rows:
        yield "| option | default | |\n|---|---|---|\n" + "".join(rows)
    if isinstance(command, click.Group):
        for name in command.list_commands(context):
            child = command.get_command(context, name)
            if child is not None:
                yield from _commands(child, f"{path} {name}")


def _option(option: click.Option, context: click.Context) -> str:
    names = ", ".join(f"`{name}`" for name in (*option.opts, *option.secondary_opts))
    value = "" if option.is_flag else f" `{_cell(option.make_metavar(context))}`"
    return f"| {names}{value} | {_default(option)} | {_cell(option.help or '')} |\n"


def _default(option: click.Option) -> str:
    value = option.to_info_dict()["default"]
    if option.required:
        return "required"
    if value in (None, False, True, (), []) or not isinstance(value, str | int | float | Path):
        return ""
    return f"`{value}`" if str(value) else ""


def _flags() -> Iterator[str]:
    for flag in sorted(flags.ALL, key=lambda flag: flag.name):
        if flag.treatment is flags.Treatment.WORKS:
            default = "" if flag.default in (None, "", False) else f"`{flag.default}`"
            yield f"| `--{flag.name}` | {default} | {_cell(flag.help)} |\n"


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|").replace("<", "&lt;")


if __name__ == "__main__":
    (Path(sys.argv[1]) / "cli.md").write_text(render_reference())

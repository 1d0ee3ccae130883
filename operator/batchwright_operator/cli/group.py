"""`batchwright` and its subcommands."""

import click

from batchwright_operator.cli.cluster import operator
from batchwright_operator.cli.companions import BENCH
from batchwright_operator.cli.convert import convert
from batchwright_operator.cli.explain import explain
from batchwright_operator.cli.render import render
from batchwright_operator.cli.up import up
from batchwright_operator.cli.validate import validate


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="batchwright", prog_name="batchwright")
def batchwright() -> None:
    """Serve OpenVINO models to clients whose batch sizes vary."""


batchwright.add_command(BENCH)
batchwright.add_command(convert)
batchwright.add_command(explain)
batchwright.add_command(operator)
batchwright.add_command(render)
batchwright.add_command(up)
batchwright.add_command(validate)

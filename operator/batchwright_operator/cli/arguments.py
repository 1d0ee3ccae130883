"""Arguments that several subcommands take."""

from pathlib import Path

import click

# `-` is standard input, as everywhere.
MANIFEST_FILE = click.Path(exists=True, dir_okay=False, allow_dash=True, path_type=Path)

"""Every command that a page or a workflow shows is one that there is, with options that it has."""

import re
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path

import click
import pytest

from batchwright_bench.cli.command import bench
from batchwright_operator.cli.group import batchwright
from batchwright_server.config import flags
from tests.support import pasted
from tests.support.pasted import ROOT, Pasted

ALL = [*pasted.of_pages(), *pasted.of_workflows()]
CLIENTS = sorted({one.words[1] for one in ALL if one.words[1:] and "example_client/" in one.words[1]})
TARGETS = set(re.findall(r"^([a-z0-9-]+):", (ROOT / "Makefile").read_text(), flags=re.MULTILINE))


def _named(*programs: str) -> list[Pasted]:
    return [one for one in ALL if one.program in programs]


def _lost(shown: Pasted, known: Iterable[str]) -> list[str]:
    return [f"{shown}: {flag}" for flag in shown.flags if flag not in set(known)]


def test_every_target_of_make_is_there() -> None:
    """A reader or a workflow that asks `make` for something gets it."""
    shown = _named("make")
    files = {".venv/.dev", ".venv/.demo"}
    lost = [
        str(one)
        for one in shown
        for word in one.words[1:]
        if re.fullmatch(r"[a-z0-9./-]+", word) and word not in TARGETS | files
    ]

    assert lost == []
    assert {"demo", "test", "docs", "check"} <= {word for one in shown for word in one.words}


def test_help_lists_every_target() -> None:
    """`make help` leaves out none that says what it is for."""
    # Below another make it would also tell which directory it enters.
    command = ["make", "--no-print-directory", "help"]
    told = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    said = set(re.findall(r"^([a-z0-9-]+):.*##", (ROOT / "Makefile").read_text(), flags=re.MULTILINE))

    assert {line.split()[0] for line in told.splitlines()} == said
    assert said == TARGETS


def test_every_command_of_batchwright_is_there() -> None:
    """The subcommand exists, and has the options that are shown."""
    lost = []
    for one in (one for one in _named("batchwright") if "[OPTIONS]" not in one.words):
        name = next((word for word in one.words[1:] if not word.startswith("-")), "")
        command = bench if name == "bench" else batchwright.commands.get(name, batchwright)
        options = [option for option in command.params if isinstance(option, click.Option)]
        known = [text for option in options for text in (*option.opts, *option.secondary_opts)]
        lost += _lost(one, [*known, "-h", "--help", "--version"])
        if name and name not in batchwright.commands:
            lost.append(str(one))

    assert lost == []


def test_every_flag_of_the_server_is_there() -> None:
    """The server takes what pages show."""
    known = [f"--{flag.name}" for flag in flags.ALL if flag.treatment is flags.Treatment.WORKS]
    lost = [flag for one in _named("batchwright-server") for flag in _lost(one, [*known, "--help"])]

    assert lost == []


@pytest.mark.parametrize("client", CLIENTS)
def test_every_option_of_an_example_client_is_there(client: str) -> None:
    """The program is there, and its help has the options that are shown."""
    command = [sys.executable, str(ROOT / client), "--help"]
    told = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60).stdout
    known = re.findall(r"--?[\w-]+", told)
    shown = [one for one in ALL if client in one.words]

    assert shown
    assert [flag for one in shown for flag in _lost(one, known)] == []


def test_every_module_that_is_run_is_there() -> None:
    """`python -m` of this project finds its module."""
    lost = []
    for one in (one for one in _named("python", "python3") if one.words[1:2] == ("-m",)):
        module = one.words[2]
        path = Path(*module.split("."))
        places = [ROOT / path.with_suffix(".py"), ROOT / path / "__main__.py"]
        if module not in ("pip", "venv") and not any(place.exists() for place in places):
            lost.append(str(one))

    assert lost == []


def test_every_file_of_the_checkout_is_there() -> None:
    """Charts, definitions, programs and tests that commands name are in the checkout."""
    folders = ("charts/", "crds/", "example_client/", "tests/", ".github/")
    words = {(one, word.strip("'\"")) for one in ALL for word in one.words}
    lost = [str(one) for one, word in words if word.startswith(folders) and not (ROOT / word).exists()]

    assert lost == []


def test_every_extra_that_is_installed_is_there() -> None:
    """`pip install 'batchwright[…]'` names extras of the project."""
    project = (ROOT / "pyproject.toml").read_text()
    known = set(re.findall(r"^(\w+) = \[", project, flags=re.MULTILINE))
    shown = [
        (page.name, extra)
        for page in pasted.PAGES
        for found in re.findall(r"batchwright\[([\w,]+)\]", page.read_text())
        for extra in found.split(",")
    ]

    assert shown
    assert [one for one in shown if one[1] not in known] == []

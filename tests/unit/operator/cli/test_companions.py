import click
from click.testing import CliRunner

from batchwright_operator.cli.companions import Companion


def test_what_is_not_installed_is_told_with_what_to_do() -> None:
    """A command whose package is missing says which, and how to have it; others are not disturbed."""
    group = click.Group(
        "batchwright", commands=[Companion("bench", "nowhere.at.all", "bench", "Measure.")]
    )
    asked = CliRunner().invoke(group, ["bench", "-m", "model.xml"])
    helped = CliRunner().invoke(group, ["--help"])

    assert asked.exit_code == 1
    assert "needs nowhere, which is not installed: pip install 'batchwright[bench]'" in asked.output
    assert (helped.exit_code, "Measure." in helped.output) == (0, True)


def test_the_real_command_has_its_own_help() -> None:
    """Asked for help, the command of the package answers, not what stands for it."""
    bench = Companion("bench", "batchwright_bench.cli.command", "bench", "Measure.")
    group = click.Group("batchwright", commands=[bench])

    assert "--compare-strategies" in CliRunner().invoke(group, ["bench", "--help"]).output

"""actionlint, the linter of GitHub's workflows: built from its Go module, or installed."""

import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path

from tests.support.cluster import binaries
from tests.support.cluster.binaries import Program

ACTIONLINT = Program("actionlint", "actionlint", "github.com/rhysd/actionlint/cmd/actionlint")
FOLDER = Path(__file__).parents[2] / ".github" / "workflows"


def find() -> str | None:
    """The linter; built where Go is, which takes seconds."""
    if shutil.which("go") is None:
        return shutil.which(ACTIONLINT.name)
    return str(binaries.find_or_build(print, [ACTIONLINT])[ACTIONLINT.name])


def lint(program: str, files: Sequence[Path]) -> str:
    """What it has against workflows."""
    command = [program, "-no-color", "-oneline", *map(str, files)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    return done.stdout + done.stderr

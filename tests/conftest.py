"""What holds for all tests."""

import os

import pytest
from hypothesis import settings

# A busy machine is no defect: how long an example takes is not judged, `timeout` ends what hangs.
# A run that judges a change has the same examples as the last; new ones are looked for by `make fuzz`.
settings.register_profile("same", deadline=None, derandomize=True)
settings.register_profile("other", deadline=None, max_examples=int(os.environ.get("EXAMPLES", "100")))
settings.load_profile("other" if {"EXAMPLES", "FUZZ_EXAMPLES"} & set(os.environ) else "same")


def pytest_addoption(parser: pytest.Parser) -> None:
    """`--e2e`: also the stories on a real node, which take minutes, and root or a disposable cluster."""
    parser.addoption("--e2e", action="store_true", help="run the stories in tests/e2e too")

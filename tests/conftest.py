"""What holds for all tests."""

import pytest
from hypothesis import settings

# A busy machine is no defect: how long an example takes is not judged, `timeout` ends what hangs.
settings.register_profile("batchwright", deadline=None)
settings.load_profile("batchwright")


def pytest_addoption(parser: pytest.Parser) -> None:
    """`--e2e`: also the stories on a real node, which take minutes, and root or a disposable cluster."""
    parser.addoption("--e2e", action="store_true", help="run the stories in tests/e2e too")

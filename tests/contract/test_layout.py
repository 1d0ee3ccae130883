"""Rules of the tree that no linter holds."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SOURCES = [ROOT / "bench", ROOT / "operator", ROOT / "server", ROOT / "example_client"]
MAX_LINES = 300
MAX_FUNCTION_LINES = 40
FORBIDDEN_NAMES = {"utils", "util", "common", "helpers", "helper", "misc", "base"}


def source_files() -> Iterator[Path]:
    for root in SOURCES:
        for path in sorted(root.rglob("*.py")):
            if not path.name.endswith(("_pb2.py", "_pb2_grpc.py")):
                yield path


def test_source_roots_and_tests_are_no_packages() -> None:
    """A package named operator would hide the standard library's; tests are found by path."""
    roots = [*SOURCES, ROOT / "tests"]
    inits = [root / "__init__.py" for root in roots] + list((ROOT / "tests").rglob("__init__.py"))

    assert [str(path) for path in inits if path.exists()] == []


@pytest.mark.parametrize("path", list(source_files()), ids=lambda path: str(path.relative_to(ROOT)))
def test_modules_and_functions_are_small(path: Path) -> None:
    """No module over 300 lines, no function over 40, no drawer of odds and ends."""
    text = path.read_text()
    functions = [
        node
        for node in ast.walk(ast.parse(text))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    ]
    long = [
        node.name for node in functions if (node.end_lineno or 0) - node.lineno >= MAX_FUNCTION_LINES
    ]

    assert path.stem not in FORBIDDEN_NAMES
    assert text.count("\n") <= MAX_LINES
    assert long == []


@pytest.mark.parametrize(
    "path", sorted((ROOT / "tests").rglob("test_*.py")), ids=lambda path: str(path.relative_to(ROOT))
)
def test_every_test_states_its_promise(path: Path) -> None:
    """Each test function has a docstring that says what it holds."""
    functions = [
        node
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.name.startswith("test_")
    ]

    assert [node.name for node in functions if not ast.get_docstring(node)] == []

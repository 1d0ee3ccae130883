"""No input crashes a parser, hangs it, or makes it take memory beyond its own size."""

import os
import tracemalloc
from datetime import timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.fuzz.mutations import hostile
from tests.fuzz.parsers import PARSERS
from tests.fuzz.seeds import SEEDS

EXAMPLES = int(os.environ.get("FUZZ_EXAMPLES", "60"))  # `make fuzz` asks for many more
LONGEST = timedelta(seconds=2)  # on a busy machine; what is not a hang takes milliseconds
SPARE_BYTES = 8 << 20  # for caches filled on the way, and errors that list what is wrong
BYTES_FOR_EACH = 1000  # of input: pydantic makes a message of each fault


@pytest.mark.parametrize("name", PARSERS)
def test_hostile_input_is_refused_or_understood(name: str) -> None:
    """Whatever comes, the parser gives a value or a clean refusal, in bounded time and memory."""

    @settings(
        max_examples=EXAMPLES,
        deadline=LONGEST,
        suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
    )
    @given(hostile(name))
    def holds(data: bytes) -> None:
        tracemalloc.start()
        try:
            PARSERS[name](data)
            _, peak = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()
        assert peak <= SPARE_BYTES + BYTES_FOR_EACH * len(data)

    holds()


@pytest.mark.parametrize(
    ("name", "seed"),
    [
        # By number: the order of a protobuf map's entries, and so the text, is another in each process.
        pytest.param(name, seed, id=f"{name}-{number}")
        for name, seeds in SEEDS.items()
        for number, seed in enumerate(seeds)
    ],
)
def test_mutations_begin_at_what_is_understood(name: str, seed: bytes) -> None:
    """Every parser has seeds, and takes them."""
    PARSERS[name](seed)


DEEP = 20_000


@pytest.mark.parametrize("name", PARSERS)
@pytest.mark.parametrize("unit", [b"[", b'{"inputs":', b"- ", b"? ", b"{a: ", b"\x0a\x80\x01"])
def test_no_nesting_is_too_deep(name: str, unit: bytes) -> None:
    """Deep input meets a limit, not the end of the stack."""
    for prefix in (b"", b"\xff\xff"):
        PARSERS[name](prefix + unit * DEEP)


@given(st.sampled_from(sorted(PARSERS)), st.integers(1, 5000))
@settings(max_examples=20, deadline=LONGEST)
def test_long_numbers_are_no_work(name: str, digits: int) -> None:
    """A number of thousands of digits is refused or read at once."""
    number = b"1" * digits
    for text in (number, b"[" + number + b"]", b'{"instances": [[%s, 2]]}' % number):
        PARSERS[name](text)

from hypothesis import given
from hypothesis import strategies as st

from example_client import restformats

ROWS = st.lists(st.lists(st.integers(), min_size=1, max_size=3), min_size=1, max_size=4)


@given(st.sampled_from(list(restformats.Format)), ROWS)
def test_every_format_says_the_same(form: restformats.Format, rows: list[list[int]]) -> None:
    """What is written by rows or columns, with the name or without, is read as the same rows."""
    body = restformats.to_body(form, "x", rows)
    answer = {"predictions": body["instances"]} if "instances" in body else {"outputs": body["inputs"]}

    (found,) = restformats.from_body(answer).values()
    assert found == rows

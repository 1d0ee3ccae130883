"""YAML that is read, and YAML that is refused."""

import time

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from batchwright_operator.resources.loader import MAX_BYTES, load_documents


def _load(text: str) -> object:
    (document,) = load_documents(text)
    return document


def _refusal(text: str) -> str:
    with pytest.raises(yaml.YAMLError) as caught:
        list(load_documents(text))
    return str(caught.value)


def _bomb(levels: int) -> str:
    lines = ["a0: &a0 [x, x]"]
    lines += [f"a{i}: &a{i} [{', '.join(9 * [f'*a{i - 1}'])}]" for i in range(1, levels)]
    return "\n".join(lines)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("2024-02-30", "2024-02-30"),
        ("2024-02-03", "2024-02-03"),
        ("2024-02-03T04:05:06Z", "2024-02-03T04:05:06Z"),
        ("true", True),
        ("0.5", 0.5),
        ("!!str 8", "8"),
        ("{a: &x 1, b: *x}", {"a": 1, "b": 1}),
        ("{a: &x {b: 1}, c: {<<: *x, d: 2}}", {"a": {"b": 1}, "c": {"b": 1, "d": 2}}),
    ],
)
def test_values(text: str, value: object) -> None:
    """Plain values as everywhere; a date is a text, whether there is such a day or not."""
    assert _load(text) == value


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("a: !!int abc", "abc is no int"),
        ("a: !!int ''", "is no int"),
        ("a: !!bool maybe", "maybe is no bool"),
        ("a: !!float x", "x is no float"),
        ("a: !!timestamp x", "has no place in a manifest"),
        ("a: !!python/object:os.system x", "has no place in a manifest"),
        ("a: !mine x", "has no place in a manifest"),
        ("a: " + 5000 * "9", "9… is no int"),
        ("!!map [1]", "expected a mapping under"),
        ("!!str {a: 1}", "expected a scalar node"),
        ("!!int [1]", "expected a scalar node"),
        (5000 * "[", "nested more than 64 levels deep"),
        (5000 * "- ", "nested more than 64 levels deep"),
        ("&a [*a]", "inside of what it names"),
        ("*a", "undefined alias"),
        ("{a: 1, a: 2}", "key given more than once: a"),
        ("? [1]\n: 2", "unhashable key"),
        ("x" * (MAX_BYTES + 1), "larger than 1048576 bytes"),
        (_bomb(9), "more than 100000 values"),
    ],
)
def test_refused(text: str, words: str) -> None:
    """What a manifest never has is an error in words, and never anything else."""
    refusal = _refusal(text)
    assert words in refusal
    assert len(refusal) < 500


def test_many_keys_are_read_in_time() -> None:
    """Looking for keys given twice costs no more than reading."""
    text = "".join(f"k{number}: 1\n" for number in range(40_000))
    start = time.process_time()
    assert len(dict(_load(text))) == 40_000  # type: ignore[call-overload]  # a mapping, as written
    assert time.process_time() - start < 15


@settings(deadline=None)  # a busy machine is no fault
@given(st.text(alphabet="ab:[]{}&*!-?|>'\"#%,\n 01.~", max_size=60))
def test_any_text(text: str) -> None:
    """Every text is documents or a YAMLError."""
    try:
        list(load_documents(text))
    except yaml.YAMLError:
        return

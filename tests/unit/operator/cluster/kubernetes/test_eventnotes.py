"""Notes of events fit where they have to go."""

from hypothesis import given
from hypothesis import strategies as st

from batchwright_operator.cluster.kubernetes.eventrecorder import format_micro, shorten


@given(st.text(max_size=3000))
def test_a_note_is_at_most_a_kilobyte(text: str) -> None:
    """Counted in bytes, with no character cut in two, and whole where it fits."""
    note = shorten(text)
    assert len(note.encode()) <= 1024
    assert note == text if len(text.encode()) <= 1024 else text.startswith(note[:-1])


def test_times_are_in_utc_with_microseconds() -> None:
    """As MicroTime has them, whatever the zone of the machine."""
    assert format_micro(1_700_000_000.25) == "2023-11-14T22:13:20.250000Z"

from hypothesis import given
from hypothesis import strategies as st

from batchwright_server.core.rotation import Entry, Rotation, Share


def enter(rotation: Rotation[int], owner: int, samples: int, key: int = 0) -> Entry[int]:
    entry = Entry(owner, key, samples, since=float(owner))
    rotation.add(entry)
    return entry


@given(
    requests=st.lists(st.tuples(st.integers(1, 20), st.integers(0, 2)), max_size=12),
    room=st.integers(1, 8),
    gone=st.sets(st.integers(0, 11)),
    is_splitting=st.booleans(),
)
def test_every_sample_is_taken_once(
    requests: list[tuple[int, int]], room: int, gone: set[int], is_splitting: bool
) -> None:
    """In order within its request, never with those of another key, and none of who left."""
    rotation: Rotation[int] = Rotation(is_splitting=is_splitting)
    entries = [enter(rotation, owner, samples, key) for owner, (samples, key) in enumerate(requests)]
    for owner in gone & set(range(len(entries))):
        rotation.discard(entries[owner])
    taken: dict[int, int] = {}
    while rotation:
        batch = rotation.take(room)
        total = sum(share.stop - share.start for share in batch)
        assert 1 <= total <= room or (len(batch) == 1 and not is_splitting)
        assert len({requests[share.owner][1] for share in batch}) == 1
        for share in batch:
            assert share.start == taken.get(share.owner, 0)
            taken[share.owner] = share.stop
    assert taken == {owner: samples for owner, (samples, _) in enumerate(requests) if owner not in gone}
    assert (rotation.samples, rotation.take(room)) == (0, [])


@given(small=st.integers(1, 20))
def test_a_large_request_holds_up_small_ones_for_one_batch(small: int) -> None:
    """512 samples are ahead; those that come behind are all in the next batches that have room."""
    rotation: Rotation[int] = Rotation(is_splitting=True)
    enter(rotation, 0, 512)
    for owner in range(1, small + 1):
        enter(rotation, owner, 1)

    rotation.take(8)
    batches = [rotation.take(8) for _ in range(-(-small // 8))]

    served = {share.owner for batch in batches for share in batch}
    assert served >= set(range(1, small + 1))


def test_what_must_stay_whole_is_not_split() -> None:
    """A request beyond the room of a batch goes alone; one that does not fit any more goes next."""
    rotation: Rotation[int] = Rotation(is_splitting=False)
    for owner, samples in enumerate((3, 9, 4)):
        enter(rotation, owner, samples)

    assert rotation.take(8) == [Share(0, 0, 3), Share(2, 0, 4)]
    assert rotation.oldest == 1.0
    assert rotation.take(8) == [Share(1, 0, 9)]
    assert rotation.oldest is None

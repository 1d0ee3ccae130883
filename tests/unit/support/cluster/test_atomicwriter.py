"""Files in a volume, changed all at once."""

import tempfile
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from tests.support.cluster.kubelet.atomicwriter import File, write_payload

_NAMES = st.sampled_from(["a", "b", "deep/c", "deep/d", "e/f/g"])
_FILES = st.builds(File, st.binary(max_size=8), st.sampled_from([0o644, 0o440, 0o600]))


@given(st.lists(st.dictionaries(_NAMES, _FILES, max_size=4), min_size=1, max_size=5))
def test_a_volume_holds_its_last_payload_and_nothing_else(payloads: list[dict[str, File]]) -> None:
    """After any history of payloads, just the last one's files are seen, through one link."""
    with tempfile.TemporaryDirectory() as folder:
        volume = Path(folder) / "volume"
        for payload in payloads:
            write_payload(volume, payload)

        assert {name: (volume / name).read_bytes() for name in payloads[-1]} == {
            name: file.content for name, file in payloads[-1].items()
        }
        seen = {path.name for path in volume.iterdir() if not path.name.startswith("..")}
        assert seen == {name.split("/")[0] for name in payloads[-1]}
        assert len([path for path in volume.iterdir() if path.name.startswith("..2")]) == 1
        assert not write_payload(volume, payloads[-1])

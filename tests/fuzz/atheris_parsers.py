"""Coverage-guided fuzzing of one parser: `python -m tests.fuzz.atheris_parsers NAME [options]`.

The options are libFuzzer's; they say where findings and the corpus go. Needs the extra `fuzz`.
"""

import sys
import tempfile
from pathlib import Path

import atheris

_FUZZED = ["batchwright_bench", "batchwright_operator", "batchwright_server", "yaml"]

with atheris.instrument_imports(include=_FUZZED):
    from tests.fuzz.parsers import PARSERS
    from tests.fuzz.seeds import SEEDS


def main() -> None:
    """Fuzz until an option of libFuzzer or a finding ends it."""
    if len(sys.argv) < 2 or sys.argv[1] not in PARSERS:
        raise SystemExit(f"expected one of {', '.join(PARSERS)}")
    name = sys.argv.pop(1)
    with tempfile.TemporaryDirectory() as folder:
        for index, seed in enumerate(SEEDS[name]):
            (Path(folder) / str(index)).write_bytes(seed)
        atheris.Setup([*sys.argv, folder], PARSERS[name])
        atheris.Fuzz()


if __name__ == "__main__":
    main()

"""The operator under cProfile: what `batchwright` takes, after the file for the profile."""

import cProfile
import sys

from batchwright_operator.__main__ import main

if __name__ == "__main__":
    file = sys.argv.pop(1)
    profile = cProfile.Profile()
    try:
        profile.runcall(main)
    finally:
        profile.dump_stats(file)

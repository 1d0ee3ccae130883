"""Importing this lets a program of this folder, run by its path, import what its modules import.

Python then looks for modules in this folder only; `example_client` is found from the folder above.
"""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

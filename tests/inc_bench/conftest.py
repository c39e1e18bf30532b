"""Lets tests import the made-up results, the clock, and the functions that instances run."""

import sys
from pathlib import Path

for _folder in (".", "results", "instances"):
    sys.path.insert(0, str(Path(__file__).parent / _folder))

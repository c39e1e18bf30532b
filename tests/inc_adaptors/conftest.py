"""Puts the modules of the toy adaptor (``toy_*``) on the path; pytest's importlib mode adds nothing by itself."""

import sys
from pathlib import Path

sys.path.append(str(Path(__file__).parent / "toy"))

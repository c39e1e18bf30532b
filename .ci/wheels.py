"""Install each wheel into an empty environment of its own, with only what it declares, and import it."""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path


def main(folder: str, packages: list[str]) -> int:
    """Check every package's wheel in ``folder``; the packages' own wheels come from there, the rest from the index."""
    for package in packages:
        module = package.replace("-", "_")
        (wheel,) = Path(folder).glob(f"{module}-*.whl")
        with tempfile.TemporaryDirectory() as scratch:
            subprocess.run([sys.executable, "-m", "virtualenv", "-q", scratch], check=True)
            python = str(Path(scratch, "bin", "python"))
            subprocess.run([python, "-m", "pip", "install", "-q", "--find-links", folder, "-c", "constraints.txt", str(wheel)], check=True)
            subprocess.run([python, "-c", f"import {module}; print('{module} imports alone')"], check=True, cwd=scratch)
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1], sys.argv[2:]))

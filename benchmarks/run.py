"""Run benchmark scripts in processes of their own and say which bounds held.

``python benchmarks/run.py`` runs all of them, ``python benchmarks/run.py histogram thresholds`` those named. A script prints its ratios and
exits non-zero when a bound does not hold; this one exits non-zero when any did.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).parent
NOT_CLAIMS = {"run", "models", "measuring", "interleaved"}


def main(names: list[str]) -> int:
    """Run the named scripts, or all; return the number of scripts whose bounds did not hold."""
    known = sorted(path.stem for path in HERE.glob("*.py") if path.stem not in NOT_CLAIMS)
    unknown = sorted(set(names) - set(known))
    if unknown:
        print(f"Unknown benchmark {', '.join(unknown)}.\n  where: benchmarks/\n  fix:   one of {', '.join(known)}")
        return 2
    failed = []
    for name in names or known:
        print(f"\n== {name} ==", flush=True)
        if subprocess.run([sys.executable, str(HERE / f"{name}.py")], check=False).returncode:
            failed.append(name)
    print(f"\nbounds held: {', '.join(n for n in names or known if n not in failed) or 'none'}")
    print(f"not held or inconclusive: {', '.join(failed) or 'none'}")
    return len(failed)


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))

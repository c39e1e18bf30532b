import os
import shutil
import subprocess
import sys
from pathlib import Path

import inc_adaptors
import pytest

SCRIPT = """
import numpy as np
from inc_adaptors.kernels import extent, grid, percentile
assert extent.__file__.startswith({root!r})
found = extent.extent(np.array([3.0, -2.0, np.nan, 1e31], np.float32))
print(*found, type(percentile.percentile_position._cache).__name__)
counts = np.zeros(8, np.int64)
grid.histogram(np.array([0.5, -3.5, 3.0], np.float32), 0, counts)
assert counts.tolist() == [1, 0, 0, 0, 1, 0, 0, 1]
print(percentile.percentile_position(np.array([1, 1]), 0.5), sum(percentile.percentile_position.stats.cache_hits.values()))
"""


@pytest.fixture
def installed(tmp_path: Path) -> Path:
    """The package copied to a folder of its own, without compiled caches."""
    source = Path(inc_adaptors.__file__).parent
    shutil.copytree(source / "kernels", tmp_path / "site" / "inc_adaptors" / "kernels", ignore=shutil.ignore_patterns("__pycache__"))
    (tmp_path / "site" / "inc_adaptors" / "__init__.py").touch()
    return tmp_path / "site"


def run(site: Path, home: str) -> list[str]:
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("NUMBA", "XDG"))}
    environment |= {"HOME": home, "XDG_CACHE_HOME": home, "PYTHONPATH": str(site), "PYTHONDONTWRITEBYTECODE": "1"}
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", SCRIPT.format(root=str(site))], env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.split()


def test_a_read_only_install_without_a_home_works_uncached(installed: Path) -> None:
    # A file where the cache folder would be refuses every user, root among them, unlike permissions.
    (installed / "inc_adaptors" / "kernels" / "__pycache__").touch()
    assert run(installed, home="/dev/null") == ["-2.0", "3.0", "1", "1", "NullCache", "1.0", "0"]


def test_the_second_process_finds_the_compiled_code(installed: Path, tmp_path: Path) -> None:
    assert run(installed, home=str(tmp_path)) == ["-2.0", "3.0", "1", "1", "FunctionCache", "1.0", "0"]
    assert run(installed, home=str(tmp_path)) == ["-2.0", "3.0", "1", "1", "FunctionCache", "1.0", "1"]


def test_small_arrays_are_observed_and_quantized_without_loading_a_kernel() -> None:
    code = """
import numpy as np
from inc_adaptors.kernels import extent, quantize
from inc_adaptors.kernels.compiled import SMALL
from inc_adaptors.qparams import affine_qparams
from inc_adaptors.qparams import quantize as codes_of
from inc_adaptors.statistics.ranges import ChannelRangeStatistic, RangeStatistic
from inc_config.dtypes import INT8
from inc_config.plan import Scheme

KERNELS = extent.extent_of_bits, extent._channel_extent, quantize._quantize

def compute(size):
    values = np.arange(size, dtype=np.float32).reshape(2, -1)
    RangeStatistic().update(values)
    ChannelRangeStatistic(axis=0).update(values)
    qparams = affine_qparams(np.float32(0), np.float32(size), dtype=INT8, scheme=Scheme.SYMMETRIC, where="x")
    codes_of(values, qparams, INT8)
    return [len(kernel.signatures) for kernel in KERNELS]

print(compute(SMALL), compute(SMALL + 2))
"""
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "[0, 0, 0] [1, 1, 1]\n"

"""A stranger's project pays for numpy and nothing else."""

import json
import subprocess
import sys

import inc_metrics
import pytest

PRINT_LOADED = """
import json, sys
import numpy
before = set(sys.modules)
import inc_metrics
for name in inc_metrics.__all__:
    getattr(inc_metrics, name)
print(json.dumps(sorted(set(sys.modules) - before)))
"""


def test_using_every_name_loads_only_numpy_and_the_standard_library_and_no_costly_part_of_either() -> None:
    done = subprocess.run([sys.executable, "-c", PRINT_LOADED], capture_output=True, text=True, check=True)
    loaded = {name for name in json.loads(done.stdout) if name.partition(".")[0] != "inc_metrics"}
    assert {name for name in loaded if name.partition(".")[0] not in {"numpy", *sys.stdlib_module_names}} == set()
    assert loaded.isdisjoint({"importlib.metadata", "inspect", "difflib", "dataclasses", "numpy.typing"})


def test_names_are_listed_before_they_are_loaded() -> None:
    assert set(inc_metrics.__all__) <= set(dir(inc_metrics))
    with pytest.raises(AttributeError, match="no attribute 'Acuracy'"):
        inc_metrics.Acuracy  # noqa: B018 - the access itself is the test

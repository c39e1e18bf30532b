import subprocess
import sys

import pytest


@pytest.mark.parametrize("module", ["inc_config", "inc_config.compat", "inc_config.cli"])
def test_importing_loads_no_framework_and_no_arrays(module):
    code = f"import sys, {module}; print(*sorted({{name.split('.')[0] for name in sys.modules}}))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60)
    heavy = {
        "numpy",
        "numba",
        "torch",
        "onnx",
        "onnxruntime",
        "tensorflow",
        "mxnet",
        "inc_data",
        "inc_metrics",
        "inc_adaptors",
        "inc_orchestrate",
    }
    assert not heavy & set(done.stdout.split())

"""What an instance does before it loads anything."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest
from inc_bench.instances.job import thread_variables

CPU = min(os.sched_getaffinity(0))


def answer(code: str) -> str:
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.strip()


def test_nothing_numerical_is_imported_before_pinning() -> None:
    code = "import inc_bench.worker, sys; print(sorted({name.split('.')[0] for name in sys.modules} & {'numpy', 'torch', 'onnxruntime'}))"
    assert answer(code) == "[]"


def test_pinning_keeps_the_process_on_its_processors() -> None:
    code = f"from inc_bench.worker import pin; import os; print(repr(pin([{CPU}])), os.sched_getaffinity(0))"
    assert answer(code) == f"'' {{{CPU}}}"


def test_a_processor_that_is_not_there_is_told() -> None:
    assert answer("from inc_bench.worker import pin; print(pin([9999]))").startswith("not pinned to processors [9999]: ")


def test_memory_is_bound_to_the_node_or_it_is_said_why_not() -> None:
    """The kernel shows the policy of every mapping; a container may forbid the call, which must then be told."""
    code = "from inc_bench.worker import bind_memory; print(bind_memory(0) or open('/proc/self/numa_maps').read())"
    found = answer(code)
    assert " bind:0 " in found or found.startswith("memory is not bound to node 0: ")


def test_a_node_that_is_not_there_is_told() -> None:
    assert answer("from inc_bench.worker import bind_memory; print(bind_memory(70))").startswith("memory is not bound to node 70: ")


@pytest.mark.parametrize("threads", [1, 4])
def test_the_variables_match_the_threads(threads: int) -> None:
    found = thread_variables(threads, blocktime=1, affinity="granularity=fine,compact,1,0")
    assert {found[name] for name in ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS")} == {str(threads)}
    assert found["KMP_BLOCKTIME"] == "1"
    assert found["KMP_AFFINITY"] == "granularity=fine,compact,1,0"
    assert "KMP_BLOCKTIME" not in thread_variables(threads)

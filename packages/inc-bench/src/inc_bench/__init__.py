"""Latency and throughput people can trust: pinned instances, paired comparisons, judged on CPU time.

Modules are loaded when one of their names is first used: an instance's process must not start numerical libraries before it is pinned.
"""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from inc_bench.comparison import Comparison, Verdict, compare
    from inc_bench.instances.inputs import synthetic_inputs
    from inc_bench.measurement import Measurement, measure
    from inc_bench.model import benchmark, compare_models
    from inc_bench.results.model import BenchmarkResult
    from inc_bench.surroundings import Environment, environment

__all__ = [
    "BenchmarkResult",
    "Comparison",
    "Environment",
    "Measurement",
    "Verdict",
    "benchmark",
    "compare",
    "compare_models",
    "environment",
    "measure",
    "synthetic_inputs",
]

_MODULES = {
    "BenchmarkResult": "results.model",
    "Comparison": "comparison",
    "Environment": "surroundings",
    "Measurement": "measurement",
    "Verdict": "comparison",
    "benchmark": "model",
    "compare": "comparison",
    "compare_models": "model",
    "environment": "surroundings",
    "measure": "measurement",
    "synthetic_inputs": "instances.inputs",
}


def __getattr__(name: str) -> object:
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value: object = getattr(import_module(f"{__name__}.{_MODULES[name]}"), name)
    globals()[name] = value  # the next access does not come here, and a submodule of the same name does not hide it
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})

"""Times of what OpenVINO executed, node by node."""

from __future__ import annotations

from collections.abc import Mapping
from statistics import median
from typing import Any

from numpy.typing import NDArray

from inc_adaptors.openvino.runner import Runner
from inc_adaptors.roles import OperatorTime

_WARMUP = 3
_TYPES = {"bf16": "bfloat16", "f16": "float16", "f32": "float32", "i8": "int8", "u8": "uint8"}


def profile(model: Any, feed: Mapping[str, NDArray[Any]], *, calls: int = 10, threads: int = 1) -> tuple[OperatorTime, ...]:
    """Median seconds of every executed node over ``calls`` runs of one batch; ``dtype`` is what its kernel computes in.

    Raises:
        ModelError: OpenVINO is not installed, or cannot run the model.
    """
    runner = Runner(model, threads=threads, timed=True)
    rounds = []
    for _ in range(_WARMUP + calls):
        runner.run(feed)
        rounds.append(runner.times())
    rounds = rounds[_WARMUP:]
    taken = {node: median(found[node][2] for found in rounds if node in found) for node in rounds[0]}
    total = sum(taken.values()) or 1.0
    return tuple(
        OperatorTime(name=node, type=rounds[0][node][0], seconds=seconds, share=seconds / total, dtype=_dtype(rounds[0][node][1]))
        for node, seconds in taken.items()
    )


def _dtype(kernel: str) -> str:
    """``brgconv_avx512_amx_bf16`` and ``brgconv_avx512_I8`` end with the type that they compute in."""
    return _TYPES.get(kernel.rpartition("_")[2].lower(), "")

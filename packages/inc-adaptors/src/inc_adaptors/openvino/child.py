"""Run a model in a process of its own, on a narrower instruction set than the machine has.

``python -m inc_adaptors.openvino.child MODEL.onnx INPUTS.npz OUTPUTS.npz`` is the child; ``run_on`` starts it.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from inc_config.errors import ModelError
from inc_config.target import Isa
from numpy.typing import NDArray

from inc_adaptors.onnxrt.loading import load
from inc_adaptors.openvino.runner import Runner

Array = NDArray[Any]

ONEDNN_NAMES = {Isa.AVX2: "AVX2", Isa.AVX512: "AVX512_CORE", Isa.AVX512_VNNI: "AVX512_CORE_VNNI", Isa.AMX: "AVX512_CORE_AMX"}
"""How oneDNN calls instruction sets; it reads ``ONEDNN_MAX_CPU_ISA`` once per process."""

_SECONDS = 600.0


def run_on(isa: Isa, model: Any, feeds: Sequence[Mapping[str, Array]]) -> list[list[Array]]:
    """Outputs of every batch as OpenVINO computes them when it may use no more than ``isa``.

    Raises:
        ModelError: the instruction set has no name in oneDNN, or the child failed.
    """
    if isa not in ONEDNN_NAMES:
        raise ModelError(
            f"OpenVINO cannot be held to {isa.value}.", where="target", fix=f"one of {', '.join(i.value for i in ONEDNN_NAMES)}"
        )
    with tempfile.TemporaryDirectory(prefix="inc-openvino-") as name:
        paths = [Path(name) / file for file in ("model.onnx", "inputs.npz", "outputs.npz")]
        paths[0].write_bytes(model.SerializeToString())
        np.savez(paths[1], **{f"{index}/{key}": array for index, feed in enumerate(feeds) for key, array in feed.items()})  # type: ignore[arg-type]  # numpy's stub takes the names of arrays for its options
        command = [sys.executable, "-m", "inc_adaptors.openvino.child", *map(str, paths)]
        environment = os.environ | {"ONEDNN_MAX_CPU_ISA": ONEDNN_NAMES[isa]}
        done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False, timeout=_SECONDS)  # noqa: S603  (our own module)
        if done.returncode:
            raise ModelError(
                f"The child that runs OpenVINO failed: {(done.stderr.strip().splitlines() or ['no message'])[-1]}",
                where=f"OpenVINO on {isa.value}",
                fix="run the model with inc_adaptors.openvino.runner.Runner to see all of it",
            )
        with np.load(paths[2], allow_pickle=False) as found:
            return _by_batch(found)


def _by_batch(arrays: Mapping[str, Array]) -> list[list[Array]]:
    made: dict[int, dict[int, Array]] = {}
    for key in arrays:
        batch, _, output = key.partition("/")
        made.setdefault(int(batch), {})[int(output)] = arrays[key]
    return [[outputs[index] for index in sorted(outputs)] for _, outputs in sorted(made.items())]


def main(model: str, inputs: str, outputs: str) -> None:
    """The child's work."""
    runner = Runner(load(model))
    with np.load(inputs, allow_pickle=False) as arrays:
        feeds: dict[int, dict[str, Array]] = {}
        for key in arrays:
            batch, _, name = key.partition("/")
            feeds.setdefault(int(batch), {})[name] = arrays[key]
    made = {f"{batch}/{index}": array for batch, feed in feeds.items() for index, array in enumerate(runner.run(feed))}
    np.savez(outputs, **made)  # type: ignore[arg-type]  # as above


if __name__ == "__main__":
    main(*sys.argv[1:])

"""Calibrating a ResNet-50-shaped ONNX model on 64 images, against pure inference of the same images; both on one thread.

Bounds: the range of every tensor that its int8 plan needs at most 1.5 times, range and histogram at most 1.8 times; peak memory, emission
included and in a process of its own, at most 550 MB for ranges and 800 MB for histograms, and 64 images within 20 MB of 8. Blocks of 16
images are inferred and then calibrated on, in turn, and the two CPU times make a pair; what calibration spends beside the images (loading
sessions) is spread over the blocks. A bound holds when the whole 95 % interval of the ratio lies below it. Pairs that were disturbed (CPU
below 0.95 of wall time) are left out.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from functools import partial
from pathlib import Path

import numpy as np
from inc_adaptors.handle import ModelHandle
from inc_adaptors.onnxrt.adaptor import OnnxrtAdaptor
from inc_adaptors.statistics.protocol import StatisticSpec
from inc_config.plan import TensorKey
from interleaved import Interleaved, against_inference
from models import images, resnet50
from numpy.typing import NDArray

IMAGES = 64
FEW = 8
BLOCK = 16
PASSES = 3
BOUNDS = {"range": 1.5, "range and histogram": 1.8}
GROWTH_BOUND_MB = 20
MEMORY_BOUNDS_MB = {"range": 550, "range and histogram": 800}

Wanted = Mapping[TensorKey, frozenset[StatisticSpec]]


def main() -> int:
    """Measure, print the tables and return 1 where a bound is not certain to hold."""
    adaptor, handle, wanted = prepared()
    tensors = adaptor.tensors(handle)
    count = len({tensors[key] for key in wanted})
    print(f"{count} tensors, {IMAGES} images of 224x224, one thread, CPU time against inference alone")
    print(f"{'calibration':<24}{'ratio':<24}{'pairs':>6}{'bound':>7}  verdict")
    feeds = images(IMAGES)
    run = adaptor.predictor(handle, threads=1)
    missed = 0
    for name, bound in BOUNDS.items():
        asked = wanted if name == "range" else with_histograms(wanted)
        ratio = against_inference(partial(observed, adaptor, handle, asked), run, feeds, block=BLOCK, passes=PASSES)
        missed += ratio.verdict(bound) != "holds"
        print(f"{name:<24}{ratio!s:<24}{ratio.pairs:>6}{bound:>7g}  {ratio.verdict(bound)}", flush=True)
    print(f"\n{'peak memory':<24}{FEW:>5} images{IMAGES:>8} images   bound  verdict")
    for name, bound in MEMORY_BOUNDS_MB.items():
        few, many = (peak_mb(count, name) for count in (FEW, IMAGES))
        holds = many <= bound and many - few <= GROWTH_BOUND_MB
        missed += not holds
        print(f"{name:<24}{few:>9.0f} MB{many:>12.0f} MB{bound:>5} MB  {'holds' if holds else 'missed'}", flush=True)
    return 1 if missed else 0


def observed(adaptor: OnnxrtAdaptor, handle: ModelHandle, wanted: Wanted, stream: Interleaved) -> None:
    """One calibration."""
    adaptor.observe(handle, stream, wanted)


def prepared() -> tuple[OnnxrtAdaptor, ModelHandle, Wanted]:
    """The model and the statistics that its default plan needs."""
    adaptor = OnnxrtAdaptor(threads=1)
    handle = adaptor.open(resnet50())
    capabilities = adaptor.capabilities(handle, adaptor.target())
    return adaptor, handle, adaptor.wanted(capabilities, (capabilities.plan(),))


def with_histograms(wanted: Wanted) -> Wanted:
    """A histogram of 2,048 bins, which knows the range too, for every tensor."""
    return {key: frozenset({StatisticSpec("histogram", {"bins": 2048})}) for key in wanted}


def peak_mb(count: int, kind: str) -> float:
    """Peak resident memory of a process that opens the model from a file, calibrates on ``count`` images and emits."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "model.onnx"
        path.write_bytes(resnet50().SerializeToString())
        done = subprocess.run([sys.executable, __file__, str(path), str(count), kind], capture_output=True, text=True, check=True)
    return float(done.stdout)


def calibrate_alone(path: str, count: int, kind: str) -> float:
    """Quantize with images made one at a time; returns this process's peak in MB."""
    adaptor = OnnxrtAdaptor(threads=1)
    handle = adaptor.open(path)
    capabilities = adaptor.capabilities(handle, adaptor.target())
    wanted = adaptor.wanted(capabilities, (capabilities.plan(),))

    def stream() -> Iterator[NDArray[np.float32]]:
        for index in range(count):
            yield from images(1, seed=index)

    statistics = adaptor.observe(handle, stream(), wanted if kind == "range" else with_histograms(wanted))
    adaptor.emitter(handle, statistics, capabilities).emit(capabilities.plan(), final=True)
    status = Path("/proc/self/status").read_text(encoding="utf-8")  # getrusage would count the process that started this one
    return int(next(line.split()[1] for line in status.splitlines() if line.startswith("VmHWM"))) / 1000.0


if __name__ == "__main__":
    if len(sys.argv) > 1:
        print(calibrate_alone(sys.argv[1], int(sys.argv[2]), sys.argv[3]))
        sys.exit(0)
    sys.exit(main())

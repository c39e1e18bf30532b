"""Whole static quantization of an ONNX model, from file to file, against pure inference of the same samples; everything on one thread.

``python benchmarks/onnxrt_static.py [--full] [--thousand]``. The short form measures ours on a ResNet-50 shape with 100 images: min-max
at most 1.5 times the inference, KL and percentile over 2,048 bins at most 1.7 times, and peak memory of a process of its own at most
0.55 GB (min-max) and 0.8 GB (histograms). What the first process after an installation takes, which compiles the kernels, is printed
beside. ``--full`` adds a BERT-base shape with 32 samples (at most 2.5 times) and the other tools' own ratios, one run each in their own
process (see ``peers``); ``--thousand`` peak memory at 1,000 images, which must be within 20 MB of 100.

Each block of images is inferred and then calibrated on, and the two CPU times make a pair; what is spent beside the images (opening,
sessions, plan, weights, saving) is spread over the blocks. A bound holds when the whole 95 % interval lies below it.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import attrs
import numpy as np
import onnx
from interleaved import Interleaved, Ratio, against_inference
from models import bert_base, images, resnet50, token_rows
from onnx import ModelProto
from peers import OURS, TOOLS, Job, quantized_by
from peers.default_plan import write_default
from quality.scoring import outputs_of, session

HELD_OUT = 16
GROWTH_BOUND_MB = 20
MEMORY_BOUNDS_MB = {"minmax": 550, "percentile": 800, "entropy": 800}
FULL_PEER_IMAGES = {"minmax": 100, "percentile": 16, "entropy": 2}
"""onnxruntime's histogram methods hold every intermediate tensor, 115 MB per image, and its entropy takes a minute whatever the number."""


@attrs.frozen(kw_only=True)
class Shape:
    """A model with random weights, its samples, bounds by threshold method, and how many samples make a block."""

    name: str
    model: Callable[[], ModelProto]
    samples: Callable[..., list[Any]]
    count: int
    block: int
    passes: int
    bounds: dict[str, float]
    family: str = "cnn"


RESNET = Shape(
    name="ResNet-50", model=resnet50, samples=images, count=100, block=10, passes=1,
    bounds={"minmax": 1.5, "percentile": 1.7, "entropy": 1.7},
)  # fmt: skip
BERT = Shape(
    name="BERT-base", model=bert_base, samples=token_rows, count=32, block=4, passes=1, bounds={"minmax": 2.5}, family="transformer"
)


def main(arguments: list[str]) -> int:
    """Measure, print and return 1 where a bound is not certain to hold."""
    options = _parser().parse_args(arguments)
    if options.alone:
        print(alone_mb(Path(options.alone), options.images, options.method))
        return 0
    if options.first:
        print(first_ratio(Path(options.first), options.images, options.method))
        return 0
    missed = 0
    for shape in (RESNET, BERT) if options.full else (RESNET,):
        with tempfile.TemporaryDirectory(prefix="inc-static-") as folder:
            missed += _static(shape, Path(folder), with_peers=options.full)
    return 1 if missed + _memory(thousand=options.thousand) else 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--full", action="store_true", help="BERT-base and the other tools too (about half an hour)")
    parser.add_argument("--thousand", action="store_true", help="peak memory at 1,000 images too")
    parser.add_argument("--alone", help=argparse.SUPPRESS)
    parser.add_argument("--first", help=argparse.SUPPRESS)
    parser.add_argument("--images", type=int, default=100, help=argparse.SUPPRESS)
    parser.add_argument("--method", default="minmax", help=argparse.SUPPRESS)
    return parser


def _static(shape: Shape, folder: Path, *, with_peers: bool) -> int:
    model = folder / "model.onnx"
    onnx.save(shape.model(), model)
    feeds = shape.samples(shape.count)
    held_out = np.concatenate(shape.samples(HELD_OUT, seed=99))
    reference = outputs_of(model, held_out)
    run = session(model)
    print(f"{shape.name}, {shape.count} samples: CPU time from file to file over inference of the same samples")
    print(f"{'tool':<23}{'method':<12}{'ratio':<22}{'SQNR':>8}{'bound':>8}  verdict")
    missed = 0
    for method, bound in shape.bounds.items():
        output = folder / "ours.onnx"
        _whole(model, output, feeds[0], method, feeds[:2])  # loads or compiles the kernels, which is paid once per machine
        ratio = against_inference(partial(_whole, model, output, feeds[0], method), run, feeds, block=shape.block, passes=shape.passes)
        verdict = ratio.verdict(bound)
        missed += verdict != "holds"
        _row(OURS, method, ratio, _sqnr(reference, outputs_of(output, held_out)), f"{bound:>6g}x  {verdict}")
        if shape is RESNET:
            first = _process("--first", model, shape.count, method, compiled_in=folder / f"kernels-{method}")
            print(f"{f'{OURS}, first process':<23}{method:<12}{first:.2f}x, one run", flush=True)
        if with_peers:
            _peers(shape, method, model, feeds, partial(_against, reference, held_out))
    return missed


def _whole(model: Path, output: Path, example: Any, method: str, stream: Any) -> None:
    write_default(model, stream, output, example=example, method=method)


def _row(tool: str, method: str, ratio: Ratio | str, sqnr: float, rest: str) -> None:
    print(f"{tool:<23}{method:<12}{ratio!s:<22}{sqnr:>5.1f} dB {rest}", flush=True)


def _peers(shape: Shape, method: str, model: Path, feeds: list[Any], against: Callable[[Path], float]) -> None:
    folder = model.parent
    for tool in TOOLS:
        if tool == OURS or (method != "minmax" and tool != "onnxruntime"):
            continue
        samples, output = folder / "samples.npy", folder / "theirs.onnx"
        count = min(len(feeds), FULL_PEER_IMAGES[method]) if tool == "onnxruntime" else len(feeds)
        np.save(samples, np.concatenate(feeds[:count]))
        made = quantized_by(tool, Job(model=model, samples=samples, output=output, method=method, family=shape.family, measure=True))
        if made.fault:
            print(f"{tool:<23}{method:<12}{made.fault}", flush=True)
            continue
        few = "" if count == len(feeds) else f" ({count} samples)"
        _row(tool, method, f"{made.cpu_s / made.inference_s:.1f}x, one run", against(output), f"{made.peak_mb / 1000:.1f} GB{few}")


def _against(reference: np.ndarray, held_out: np.ndarray, output: Path) -> float:
    return _sqnr(reference, outputs_of(output, held_out))


def _sqnr(reference: np.ndarray, made: np.ndarray) -> float:
    return float(10 * np.log10(np.square(reference).sum() / np.square(reference - made).sum()))


def _memory(*, thousand: bool) -> int:
    counts = (10, 100, 1000) if thousand else (10, 100)
    print(f"\n{'peak memory':<14}{''.join(f'{count:>6} images' for count in counts)}   bound  verdict")
    missed = 0
    for method, bound in MEMORY_BOUNDS_MB.items():
        peaks = [peak_mb(count, method) for count in counts]
        holds = max(peaks) <= bound and abs(peaks[-1] - peaks[-2]) <= GROWTH_BOUND_MB
        missed += not holds
        print(f"{method:<14}{''.join(f'{peak:>10.0f} MB' for peak in peaks)}{bound:>5} MB  {'holds' if holds else 'missed'}", flush=True)
    return missed


def peak_mb(count: int, method: str) -> float:
    """Peak resident memory of a process that quantizes from file to file with ``count`` images."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "model.onnx"
        onnx.save(resnet50(), path)
        return _process("--alone", path, count, method)


def _process(kind: str, model: Path, count: int, method: str, *, compiled_in: Path | None = None) -> float:
    """What this script prints in a process of its own, which looks for compiled kernels in a folder of its own where one is given."""
    command = [sys.executable, __file__, kind, str(model), "--images", str(count), "--method", method]
    environment = {**os.environ, "NUMBA_CACHE_DIR": str(compiled_in)} if compiled_in else None
    return float(subprocess.run(command, capture_output=True, text=True, check=True, env=environment).stdout)


def first_ratio(path: Path, count: int, method: str) -> float:
    """CPU time of quantizing, all this process has to load and compile for it included, over inference."""
    feeds = images(count)
    stream = Interleaved(session(path), feeds, RESNET.block)
    start = time.process_time()
    _whole(path, path.with_suffix(".first.onnx"), feeds[0], method, stream)
    total = time.process_time() - start
    inference = sum(of_inference[0] for of_inference, _ in stream.pairs)
    return (total - inference) / inference


def alone_mb(path: Path, count: int, method: str) -> float:
    """Quantize with images made one at a time; returns this process's peak in MB."""

    def stream() -> Iterator[Any]:
        for index in range(count):
            yield from images(1, seed=index)

    write_default(path, stream(), path.with_suffix(".int8.onnx"), example=images(1)[0], method=method)
    status = Path("/proc/self/status").read_text(encoding="utf-8")  # getrusage would count the process that started this one
    return int(next(line.split()[1] for line in status.splitlines() if line.startswith("VmHWM"))) / 1000.0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

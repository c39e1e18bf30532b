"""Latency of int8 models in the shapes of ResNet-50, MobileNetV2 and BERT-base: ours beside other tools' of the same float model.

``python benchmarks/onnxrt_latency.py [shape ...] [--full]``: MobileNetV2 against onnxruntime's tool alone, or ``--full`` all shapes and
tools (see ``peers`` for their interpreters; a quarter of an hour). All models run in onnxruntime on one thread, in interleaved pairs, by
CPU time; then ours for the target openvino beside NNCF's, both in OpenVINO, where NNCF's interpreter has it.

Claims at batch 1 and 8: ours is at least as fast as the fastest of the tools, within 3 % (the interval reaches 0.97), and in OpenVINO at
least as fast as NNCF's, within 3 %; the ratio to the float model in onnxruntime is printed beside it.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import attrs
import numpy as np
import onnx
from inc_bench.intervals import ratio_interval
from inc_config.target import Isa, Runtime, Target
from models import bert_base, images, mobilenet_v2, resnet50, token_rows
from onnx import ModelProto
from peers import HERE, OURS, TOOLS, Job, quantized_by
from peers.default_plan import write_default
from quality.scoring import times_as_fast

WITHIN = 0.03
CALIBRATION = 8
BATCHES = (1, 8)


@attrs.frozen
class Shape:
    """A model with random weights and its samples."""

    model: Callable[[], ModelProto]
    samples: Callable[..., list[Any]]
    family: str = "cnn"


SHAPES: Mapping[str, Shape] = {
    "mobilenet_v2": Shape(mobilenet_v2, images),
    "resnet50": Shape(resnet50, images),
    "bert_base": Shape(bert_base, token_rows, "transformer"),
}


def main(arguments: list[str]) -> int:
    """Print the tables; returns 1 where a claim is missed."""
    options = _parser().parse_args(arguments)
    names = options.shapes or (list(SHAPES) if options.full else ["mobilenet_v2"])
    tools = [tool for tool in TOOLS if options.full or tool in (OURS, "onnxruntime")]
    missed = 0
    for name in names:
        with tempfile.TemporaryDirectory(prefix="inc-latency-") as folder:
            missed += _shape(name, tools, Path(folder), options.rounds)
    return 1 if missed else 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("shapes", nargs="*", choices=[*SHAPES, []], help="which shapes")
    parser.add_argument("--full", action="store_true", help="every shape and every tool")
    parser.add_argument("--rounds", type=int, default=9, help="paired rounds of each comparison")
    return parser


def _shape(name: str, tools: list[str], folder: Path, rounds: int) -> int:
    shape = SHAPES[name]
    model, samples = folder / "model.onnx", folder / "samples.npy"
    onnx.save(shape.model(), model)
    np.save(samples, np.concatenate(shape.samples(CALIBRATION)))
    files = {}
    for index, tool in enumerate(tools):
        made = quantized_by(tool, Job(model=model, samples=samples, output=folder / f"{index}.onnx", family=shape.family))
        if made.fault:
            print(f"{name:<14}{tool:<23}{made.fault}", flush=True)
        else:
            files[tool] = folder / f"{index}.onnx"
    missed = sum(_in_onnxruntime(name, model, files, batch=batch, rounds=rounds) for batch in BATCHES)
    python = TOOLS["nncf"].python
    if python is not None and "nncf" in files:
        ours = folder / "openvino.onnx"
        feeds = shape.samples(CALIBRATION)
        write_default(model, feeds, ours, example=feeds[0], target=Target(runtime=Runtime.OPENVINO, isa=Isa.AVX512_VNNI))
        missed += sum(_in_openvino(name, python, [model, files["nncf"], ours], batch=batch, rounds=rounds) for batch in BATCHES)
    return missed


def _in_onnxruntime(name: str, model: Path, files: Mapping[str, Path], *, batch: int, rounds: int) -> int:
    """Each tool's model in pairs with ours: above 1 means that ours is faster."""
    inputs = np.concatenate(SHAPES[name].samples(batch, seed=2))
    against = times_as_fast(model, files[OURS], inputs, rounds=rounds)
    print(f"{name:<14}batch {batch:<3}{'ours over fp32':<34}{against}", flush=True)
    missed = 0
    for tool, file in files.items():
        if tool == OURS:
            continue
        found = times_as_fast(file, files[OURS], inputs, rounds=rounds)
        verdict = _verdict(found.low, found.high) + (", noisy machine" if found.noisy else "")
        missed += not verdict.startswith("holds")
        print(f"{name:<14}batch {batch:<3}{f'ours over {tool}':<34}{found}  {verdict}", flush=True)
    return missed


def _verdict(low: float, high: float) -> str:
    """Holds where ours is shown to be no more than 3 % slower."""
    return "holds" if low >= 1 - WITHIN else "missed" if high < 1 - WITHIN else "inconclusive"


def _in_openvino(name: str, python: str, models: list[Path], *, batch: int, rounds: int) -> int:
    with tempfile.TemporaryDirectory() as folder:
        inputs = Path(folder) / "inputs.npy"
        np.save(inputs, np.concatenate(SHAPES[name].samples(batch, seed=2)))
        command = [python, str(HERE / "openvino_times.py"), str(inputs), str(rounds), *map(str, models)]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        print(f"{name:<14}batch {batch:<3}OpenVINO: not compared: {done.stderr.strip().splitlines()[-1][:120]}")
        return 0
    plain, theirs, ours = np.array(json.loads(done.stdout.strip().splitlines()[-1])["cpu"])
    ratio, low, high = ratio_interval(theirs / ours, confidence=0.95)
    print(f"{name:<14}batch {batch:<3}{'ours over fp32, OpenVINO':<34}{np.median(plain / ours):.2f}x")
    print(
        f"{name:<14}batch {batch:<3}{'ours over nncf, OpenVINO':<34}{ratio:.2f}x [{low:.2f}, {high:.2f}]  {_verdict(low, high)}", flush=True
    )
    return int(_verdict(low, high) != "holds")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

"""Latency of int8 models in the shapes of ResNet-50, MobileNetV2 and BERT-base: ours beside other tools' of the same float model.

``python benchmarks/onnxrt_latency.py [shape ...] [--full]``: MobileNetV2 against onnxruntime's tool alone, or ``--full`` all shapes and
tools (see ``peers`` for their interpreters; a quarter of an hour). All models live in one process on one core and run in onnxruntime on
one thread, call by call in turns, by CPU time (see ``peers.turns``); then ours for the target openvino beside NNCF's, both in OpenVINO,
where NNCF's interpreter has it. Models that are much slower than ours, by a first look, take no further turns.

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
from functools import partial
from pathlib import Path
from typing import Any

import attrs
import numpy as np
import onnx
from inc_bench.intervals import ratio_interval
from inc_config.target import Isa, Runtime, Target
from models import bert_base, images, mobilenet_v2, resnet50, token_rows
from numpy.typing import NDArray
from onnx import ModelProto
from peers import HERE, OURS, TOOLS, Job, quantized_by
from peers.default_plan import write_default
from peers.turns import Call, in_turns, on_one_core
from quality.scoring import session

WITHIN = 0.03
FLOAT = "fp32"
FAR, FIRST_LOOK = 1.3, 8
LIVES = 12
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
    on_one_core()
    names = options.shapes or (list(SHAPES) if options.full else ["mobilenet_v2"])
    tools = [tool for tool in TOOLS if options.full or tool in (OURS, "onnxruntime")]
    missed = 0
    for name in names:
        with tempfile.TemporaryDirectory(prefix="inc-latency-") as folder:
            missed += _shape(name, tools, Path(folder), options.turns)
    return 1 if missed else 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("shapes", nargs="*", choices=[*SHAPES, []], help="which shapes")
    parser.add_argument("--full", action="store_true", help="every shape and every tool")
    parser.add_argument("--turns", type=int, default=12, help="turns in each of a session's lives")
    return parser


def _shape(name: str, tools: list[str], folder: Path, turns: int) -> int:
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
    missed = sum(_in_onnxruntime(name, model, files, batch=batch, turns=turns) for batch in BATCHES)
    python = TOOLS["nncf"].python
    if python is not None and "nncf" in files:
        ours = folder / "openvino.onnx"
        feeds = shape.samples(CALIBRATION)
        write_default(model, feeds, ours, example=feeds[0], target=Target(runtime=Runtime.OPENVINO, isa=Isa.AVX512_VNNI))
        missed += sum(_in_openvino(name, python, [model, files["nncf"], ours], batch=batch, turns=turns) for batch in BATCHES)
    return missed


def _in_onnxruntime(name: str, model: Path, files: Mapping[str, Path], *, batch: int, turns: int) -> int:
    """Every tool's model beside ours: above 1 means that ours is faster."""
    inputs = np.concatenate(SHAPES[name].samples(batch, seed=2))
    makers = {tool: partial(_session, file, inputs) for tool, file in ({FLOAT: model} | dict(files)).items()}
    found = _over_ours(makers, lives=1, turns=FIRST_LOOK)
    close = {tool: maker for tool, maker in makers.items() if tool in (OURS, FLOAT) or found[tool][0] < FAR}
    found |= _over_ours(close, lives=LIVES, turns=turns)
    missed = 0
    for tool, (ratio, low, high) in found.items():
        verdict = "" if tool == FLOAT else _verdict(low, high)
        missed += tool != FLOAT and verdict != "holds"
        print(f"{name:<14}batch {batch:<3}{f'ours over {tool}':<34}{ratio:.3f}x [{low:.3f}, {high:.3f}]  {verdict}", flush=True)
    return missed


def _session(file: Path, inputs: NDArray[np.generic]) -> Callable[[], object]:
    return partial(session(file), inputs)


def _over_ours(makers: Mapping[str, Callable[[], Call]], *, lives: int, turns: int) -> dict[str, tuple[float, float, float]]:
    """Times of each over ours: estimate and interval."""
    spent = in_turns(list(makers.values()), lives=lives, turns=turns)
    ours = list(makers).index(OURS)
    return {tool: _ratio(spent[:, :, i] / spent[:, :, ours]) for i, tool in enumerate(makers) if i != ours}


def _ratio(ratios: NDArray[np.float64]) -> tuple[float, float, float]:
    """Estimate and interval over lives, of which each has its typical ratio; of one life over its turns."""
    each = np.median(ratios, axis=1) if len(ratios) > 1 else ratios[0]
    return ratio_interval(each, confidence=0.95)


def _verdict(low: float, high: float) -> str:
    """Holds where ours is shown to be no more than 3 % slower."""
    return "holds" if low >= 1 - WITHIN else "missed" if high < 1 - WITHIN else "inconclusive"


def _in_openvino(name: str, python: str, models: list[Path], *, batch: int, turns: int) -> int:
    with tempfile.TemporaryDirectory() as folder:
        inputs = Path(folder) / "inputs.npy"
        np.save(inputs, np.concatenate(SHAPES[name].samples(batch, seed=2)))
        command = [python, str(HERE / "openvino_times.py"), str(inputs), str(LIVES), str(turns), *map(str, models)]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        print(f"{name:<14}batch {batch:<3}OpenVINO: not compared: {done.stderr.strip().splitlines()[-1][:120]}")
        return 0
    plain, theirs, ours = np.array(json.loads(done.stdout.strip().splitlines()[-1])["cpu"]).transpose(2, 0, 1)
    for label, times in (("fp32", plain), ("nncf", theirs)):
        ratio, low, high = _ratio(times / ours)
        verdict = "" if label == "fp32" else _verdict(low, high)
        print(f"{name:<14}batch {batch:<3}{f'ours over {label}, OpenVINO':<34}{ratio:.3f}x [{low:.3f}, {high:.3f}]  {verdict}", flush=True)
    return int(verdict != "holds")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

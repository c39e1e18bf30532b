"""Throughput that inc-bench reports against what the system it succeeds reports, for the same ONNX model on one core.

The old system needs an environment of its own (``neural-compressor==2.6 onnx==1.18.0 onnxruntime "numpy<2" six "setuptools<81"``); name its
interpreter: ``python benchmarks/bench_old_system.py /path/to/python``. Both run as commands in turn, pair by pair. Bound: within 3 %.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
import onnx
from inc_bench.intervals import ratio_interval
from models import resnet50

PAIRS = 9
CALLS = 150
WITHIN = 0.03

OLD = """
import numpy as np
from neural_compressor import benchmark
from neural_compressor.config import BenchmarkConfig

class Loader:
    batch_size = 1
    def __iter__(self):
        image = np.load("x.npy")
        for _ in range(100_000):
            yield image, 0

if __name__ == "__main__":
    config = BenchmarkConfig(warmup=20, iteration=%d, cores_per_instance=1, num_of_instance=1)
    benchmark.fit("model.onnx", config, b_dataloader=Loader())
"""


def main(arguments: list[str]) -> int:
    """Measure, print, and return 1 where the bound is not certain to hold."""
    if len(arguments) != 1:
        print("not compared: name the interpreter of an environment with the old system (see this file's first lines)")
        return 1
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        onnx.save(resnet50(), folder / "model.onnx")
        np.save(folder / "x.npy", np.random.default_rng(0).standard_normal((1, 3, 224, 224)).astype(np.float32))
        (folder / "old.py").write_text(OLD % CALLS, encoding="utf-8")
        pairs = [turn(folder, arguments[0], first_ours=index % 2 == 0) for index in range(PAIRS + 1)][1:]
    ours, theirs = np.array(pairs).T
    ratio, low, high = ratio_interval(ours / theirs, confidence=0.95)
    print(f"ours {np.median(ours):.1f}, the old system {np.median(theirs):.1f} samples/s (medians of {PAIRS})")
    holds = low >= 1 - WITHIN and high <= 1 + WITHIN
    print(f"ours over theirs: {ratio:.3f}x [{low:.3f}, {high:.3f}]  bound within {WITHIN:.0%}  {'holds' if holds else 'not shown'}")
    return int(not holds)


def turn(folder: Path, python: str, *, first_ours: bool) -> tuple[float, float]:
    """Throughput of one run of each, in samples per second."""
    found = {}
    for ours in (first_ours, not first_ours):
        found[ours] = our_throughput(folder) if ours else old_throughput(folder, python)
    return found[True], found[False]


def our_throughput(folder: Path) -> float:
    """What the command says, from its JSON."""
    options = ["--instances", "1", "--cores-per-instance", "1", "--warmup", "20", "--iterations", str(CALLS), "--data", "x.npy"]
    run([str(Path(sys.executable).with_name("inc-bench")), "model.onnx", *options, "--json", "ours.json"], folder)
    document = json.loads((folder / "ours.json").read_text(encoding="utf-8"))
    return float(document["throughput"]["value"])


def old_throughput(folder: Path, python: str) -> float:
    """What the old system prints."""
    text = run([python, "old.py"], folder)
    return float(re.findall(r"Throughput: ([\d.]+) images/sec", text)[-1])


def run(command: list[str], folder: Path) -> str:
    """A command's output, both streams."""
    environment = {**os.environ, "PATH": f"{Path(command[0]).parent}:{os.environ.get('PATH', '')}"}
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False, timeout=300)
    if done.returncode:
        raise SystemExit(f"{' '.join(command)} failed:\n{done.stdout}{done.stderr}")
    return done.stdout + done.stderr


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))

"""Throughput that inc-bench reports against what the system it succeeds reports, for the same ONNX model on one core.

The old system needs an environment of its own (``neural-compressor==2.6 onnx==1.18.0 onnxruntime "numpy<2" six "setuptools<81"``); name its
interpreter: ``python benchmarks/bench_old_system.py /path/to/python``. Its benchmark runs as it does in each of its instances
(``NC_ENV_CONF``), pinned as ``numactl`` would. Both stay loaded and take turns on one core; a pair in which either had less than 95 % of
the core's time is repeated. Bound: within 3 %.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from contextlib import chdir
from pathlib import Path

import numpy as np
import onnx
from bench_overhead import conv_model
from inc_bench.comparison import Comparison, paired
from inc_bench.instances.opening import source_named
from inc_bench.machine import plan_layout, read_topology
from inc_bench.request import Request
from inc_bench.results import Mode
from inc_bench.running import crew_for, run_load

PAIRS = 12
CALLS = 20
WARMUP = 5
WITHIN = 0.03

OLD = """
import json, logging, os, re, sys, time
os.sched_setaffinity(0, {cpu})
import numpy as np
from neural_compressor import benchmark
from neural_compressor.config import BenchmarkConfig

class Loader:
    batch_size = 1
    def __iter__(self):
        image = np.load("x.npy")
        for _ in range(100_000):
            yield image, 0

class Said(logging.Handler):
    value = 0.0
    def emit(self, record):
        for found in re.findall(r"Throughput: ([0-9.]+) images/sec", record.getMessage()):
            Said.value = float(found)

if __name__ == "__main__":
    logging.getLogger("neural_compressor").addHandler(Said())
    config = BenchmarkConfig(warmup=%d, iteration=%d, cores_per_instance=1, num_of_instance=1)
    for _ in sys.stdin:
        wall, cpu = time.perf_counter(), time.process_time()
        benchmark.fit("model.onnx", config, b_dataloader=Loader())
        share = (time.process_time() - cpu) / (time.perf_counter() - wall)
        print(json.dumps([Said.value, share]), flush=True)
"""


def main(arguments: list[str]) -> int:
    """Measure, print, and return 1 where the bound is not certain to hold."""
    if len(arguments) != 1:
        print("not compared: name the interpreter of an environment with the old system (see this file's first lines)")
        return 1
    with tempfile.TemporaryDirectory() as name, chdir(name):
        onnx.save(conv_model(layers=8, channels=64, size=56), "model.onnx")  # between 10 and 20 ms a call
        np.save("x.npy", np.random.default_rng(0).standard_normal((1, 64, 56, 56)).astype(np.float32))
        found = measured(arguments[0])
    holds = not found.noisy and found.low >= 1 - WITHIN and found.high <= 1 + WITHIN
    print(f"ours {1 / found.candidate_s:.1f}, the old system {1 / found.baseline_s:.1f} samples/s (medians of {found.rounds} pairs)")
    verdict = "holds" if holds else "not shown (noisy machine)" if found.noisy else "not shown"
    print(f"ours over theirs: {found.ratio:.3f}x [{found.low:.3f}, {found.high:.3f}]  bound within {WITHIN:.0%}  {verdict}")
    return int(not holds)


def measured(python: str) -> Comparison:
    """Both in turn, in the working folder."""
    topology = read_topology()
    layout = plan_layout(topology, instances=1, cores_per_instance=1)
    request = Request(model=source_named("model.onnx"), data=str(Path("x.npy").resolve()), warmup=WARMUP, calls=CALLS, rounds=3)
    Path("old.py").write_text(OLD.replace("{cpu}", str(set(layout.placements[0].cpus))) % (WARMUP, CALLS + WARMUP), encoding="utf-8")
    environment = {**os.environ, "NC_ENV_CONF": "True", "CORES_PER_INSTANCE": "1", "OMP_NUM_THREADS": "1"}
    log = Path("old.log")
    with (
        log.open("wb") as errors,
        subprocess.Popen(
            [python, "old.py"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=errors, text=True, env=environment
        ) as old,
        crew_for(request, layout, topology) as crew,
    ):

        def ours() -> tuple[float, float]:
            result = run_load(crew, request, layout, request.load, mode=Mode.OFFLINE)
            return 1 / result.throughput_per_s, result.instances[0].cpu_utilisation

        def theirs() -> tuple[float, float]:
            if old.stdin is None or old.stdout is None:
                raise SystemExit("the old system has no pipes")
            print("go", file=old.stdin, flush=True)
            for line in old.stdout:
                if line.startswith("["):
                    throughput, share = json.loads(line)
                    return 1 / throughput, share
            raise SystemExit(f"{python} old.py failed:\n{log.read_text(encoding='utf-8', errors='replace')[-2000:]}")

        theirs()  # the first one loads its libraries
        try:
            return paired(lambda which: (theirs, ours)[which](), rounds=PAIRS, on_cpu=True, confidence=0.95)
        finally:
            if old.stdin is not None:
                old.stdin.close()


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))

"""Quantizers of others, each run in an interpreter of its own, and ours run the same way.

Name the interpreters in the environment: ``BENCH_NNCF_PYTHON`` (nncf 3.4, onnx, onnxruntime; openvino where that runtime is compared) and
``BENCH_OLD_PYTHON`` (``neural-compressor==2.6 onnx==1.18.0 onnxruntime "numpy<2" six "setuptools<81"``). Without them a tool is said to
be not compared. onnxruntime's own tool runs in this interpreter, in a process of its own.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path

import attrs

HERE = Path(__file__).parent
OURS = "ours"
_LIMIT_S = 1800


@attrs.frozen
class Tool:
    """A script of this folder and the environment variable that names its interpreter (none: this one)."""

    script: str
    variable: str = ""

    @property
    def python(self) -> str | None:
        """The interpreter; None where nobody named one."""
        return os.environ.get(self.variable) if self.variable else sys.executable


TOOLS: Mapping[str, Tool] = {
    OURS: Tool("ours.py"),
    "onnxruntime": Tool("onnxruntime_tool.py"),
    "onnxruntime, defaults": Tool("onnxruntime_defaults.py"),
    "nncf": Tool("nncf_tool.py", "BENCH_NNCF_PYTHON"),
    "old system": Tool("old_system.py", "BENCH_OLD_PYTHON"),
}


@attrs.frozen(kw_only=True)
class Job:
    """See ``measured``."""

    model: Path
    samples: Path
    output: Path
    method: str = "minmax"
    family: str = "cnn"
    measure: bool = False
    options: Mapping[str, object] = {}


@attrs.frozen(kw_only=True)
class Made:
    """What a tool reported; see ``measured``. ``fault`` says why there is no model."""

    cpu_s: float = 0.0
    inference_s: float = 0.0
    peak_mb: float = 0.0
    fault: str = ""


def quantized_by(tool: str, job: Job) -> Made:
    """Run one tool; one that has no interpreter or fails says so in ``fault``."""
    python = TOOLS[tool].python
    if python is None:
        return Made(fault=f"not compared: name its interpreter in {TOOLS[tool].variable}")
    with tempfile.TemporaryDirectory() as folder:
        described = Path(folder) / "job.json"
        described.write_text(json.dumps({**attrs.asdict(job), "options": dict(job.options)}, default=str), encoding="utf-8")
        environment = {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONWARNINGS": "ignore"}
        command = [python, str(HERE / TOOLS[tool].script), str(described)]
        try:
            done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False, timeout=_LIMIT_S)
        except subprocess.TimeoutExpired:
            return Made(fault=f"not done in {_LIMIT_S} s")
    if done.returncode:
        last = [line for line in done.stderr.splitlines() if line.strip()][-1:]
        return Made(fault=f"failed: {' '.join(last)[:160]}")
    return Made(**json.loads(done.stdout.strip().splitlines()[-1]))

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from inc_orchestrate.cli import main
from inc_orchestrate.cli.demo import DATA, bundled_data

onnxruntime = pytest.importorskip("onnxruntime", reason="the extra onnxrt is not installed")

# A demo that opens a connection dies of it.
OFFLINE = """
import socket, sys
def refused(*_, **__):
    raise SystemExit("the demo used the network")
socket.socket.connect = socket.create_connection = socket.getaddrinfo = refused
from inc_orchestrate.cli import main
sys.exit(main(["demo"]))
"""


def test_the_demo_needs_no_network_and_shows_a_table_within_a_minute(tmp_path: Path) -> None:
    # An empty cache makes every kernel compile, as on a new machine.
    environment = {**os.environ, "NUMBA_CACHE_DIR": str(tmp_path / "cache"), "OMP_NUM_THREADS": "1"}
    began = time.monotonic()
    with subprocess.Popen(
        [sys.executable, "-u", "-c", OFFLINE], cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment
    ) as process:
        assert process.stdout is not None
        table = next(line for line in process.stdout if line.startswith("stem "))
        first_table_s = time.monotonic() - began
        rest, error = process.communicate(timeout=240)
    assert process.returncode == 0, error
    assert first_table_s < 60.0
    assert "int8" in table
    assert "confirmed on 232 held-out samples" in rest
    assert rest.splitlines()[-1] == "next: inc plan MODEL.onnx"
    assert {"digits.npz", "model.onnx", "original.onnx", "report.html", "report.md"} <= {
        path.name for path in (tmp_path / "inc-demo").iterdir()
    }


def test_the_demos_data_are_data_for_the_other_commands(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(["demo"]) == 0
    with np.load("inc-demo/digits.npz", allow_pickle=False) as data:
        images, labels = bundled_data()
        np.testing.assert_array_equal(data["inputs"], images)
        np.testing.assert_array_equal(data["labels"], labels)
    assert main(["quantize", "inc-demo/original.onnx", "--data", "inc-demo/digits.npz", "-o", "out"]) == 0


def test_the_bundled_model_reads_the_bundled_digits() -> None:
    images, labels = bundled_data()
    assert (images.shape, images.dtype, labels.shape) == ((797, 1, 32, 32), np.float32, (797,))
    assert (images.min(), images.max()) == (0.0, 1.0)
    session = onnxruntime.InferenceSession((DATA / "digits.onnx").read_bytes())
    (scores,) = session.run(None, {"image": images})
    assert np.mean(scores.argmax(1) == labels) > 0.97


def test_the_bundle_is_small() -> None:
    assert sum(len(entry.read_bytes()) for entry in DATA.iterdir() if entry.is_file()) < 500_000

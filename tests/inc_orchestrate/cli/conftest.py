"""The bundled model and its digits as a user of the command line would have them: files in a folder."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from inc_orchestrate.cli.demo import DATA, bundled_data
from PIL import Image

GREY = [{"name": "ToArray"}, {"name": "Rescale"}, {"name": "Transpose", "args": {"perm": [2, 0, 1]}}]


@pytest.fixture(scope="session")
def digits(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Model ``m.onnx``, ``grey.json``, 150 images ``val/<digit>/*.png``, ``x.npy``, ``xy.npz``, and ``shuffled.npz`` with wrong labels."""
    pytest.importorskip("onnxruntime", reason="the extra onnxrt is not installed")
    root = tmp_path_factory.mktemp("digits")
    images, labels = bundled_data()
    shutil.copyfile(str(DATA / "digits.onnx"), root / "m.onnx")
    (root / "grey.json").write_text(json.dumps(GREY))
    np.save(root / "x.npy", images)
    np.savez(root / "xy.npz", inputs=images, labels=labels)
    np.savez(root / "shuffled.npz", inputs=images, labels=(labels + 3) % 10)
    for number, (image, label) in enumerate(zip(images[:150], labels[:150], strict=True)):
        (root / "val" / str(label)).mkdir(parents=True, exist_ok=True)
        Image.fromarray((image[0] * 255).round().astype(np.uint8)).save(root / "val" / str(label) / f"{number}.png")
    return root


@pytest.fixture
def here(digits: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A new working folder in which the files of ``digits`` can be named as they are."""
    for entry in digits.iterdir():
        (tmp_path / entry.name).symlink_to(entry)
    monkeypatch.chdir(tmp_path)
    return tmp_path

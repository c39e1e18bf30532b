"""The README's example is run as it stands, and its tables name what there is."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
from inc_data import dataset_names, transform_names
from PIL import Image

README = Path(__file__).resolve().parents[2] / "packages" / "inc-data" / "README.md"


def test_the_example_runs(tmp_path, monkeypatch):
    for label in range(2):
        folder = tmp_path / "val" / f"class{label}"
        folder.mkdir(parents=True)
        for number in range(60):
            Image.fromarray(np.full((8, 9, 3), number, np.uint8)).save(folder / f"{number}.jpg")
    (tmp_path / "model").mkdir()
    monkeypatch.chdir(tmp_path)
    example = re.search(r"```python\n(.*?)```", README.read_text(encoding="utf-8"), re.DOTALL)[1]
    found = {}
    # 120 images: 100 for calibration leaves no 80 % of the whole.
    exec(compile(example.replace("calibration=100", "calibration=12"), str(README), "exec"), found)
    assert found["inputs"].shape == (32, 3, 224, 224)
    assert found["labels"].dtype == np.int64
    assert (tmp_path / "model" / "preprocessing.json").is_file()


def test_the_tables_name_every_dataset_and_transform_and_no_other():
    text = README.read_text(encoding="utf-8")
    datasets, transforms = (
        text[text.index(a) : text.index(b)] for a, b in (("## Datasets", "## Transforms"), ("## Transforms", "## Loader"))
    )
    rows = {line for part in (datasets, transforms) for line in part.splitlines() if line.startswith("| ")}
    named = {name for row in rows for name in re.findall(r"`(\w+)`", row.split("|")[1] if row in datasets else row.split("|")[2])}
    assert named - {"name", "names"} == {*dataset_names(), *transform_names()}

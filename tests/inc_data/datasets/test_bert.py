from __future__ import annotations

import numpy as np
import pytest
from inc_data import DataLoader, build_dataset

ROWS = [(*(np.full(3, 10 * row + part) for part in range(3)), np.array(row)) for row in range(4)]


def test_ready_tensors_become_a_models_inputs():
    inputs, label = build_dataset("bert", dataset=ROWS, task="classifier")[2]
    assert list(inputs) == ["input_ids", "attention_mask", "token_type_ids", "labels"]
    assert inputs["token_type_ids"].tolist() == [22, 22, 22]
    assert label == 2
    assert "token_type_ids" not in build_dataset("bert", dataset=ROWS, task="classifier", model_type="distilbert")[0][0]
    batch, labels = next(iter(DataLoader(build_dataset("bert", dataset=ROWS, task="classifier"), 4)))
    assert batch["input_ids"].shape == (4, 3)
    assert labels.tolist() == [0, 1, 2, 3]


def test_squad_rows_hold_start_and_end():
    inputs, label = build_dataset("bert", dataset=[(*ROWS[0], np.array(7))], task="squad")[0]
    assert (inputs["start_positions"], inputs["end_positions"]) == (0, 7)
    assert label == (0, 7)


def test_bad_input_is_refused():
    with pytest.raises(ValueError, match="one of classifier, squad"):
        build_dataset("bert", dataset=ROWS, task="squat")
    with pytest.raises(ValueError, match="An item has 2 parts"):
        build_dataset("bert", dataset=[(1, 2)], task="squad")[0]
    with pytest.raises(TypeError, match="nothing to read"):
        build_dataset("bert")


def test_records_of_features(tmp_path, write_records, make_example):
    def record(number):
        parts = {name: np.full(4, number + n, np.int64) for n, name in enumerate(("input_ids", "input_mask", "segment_ids"))}
        return make_example({**parts, "unique_ids": np.array([1000 + number], np.int64)})

    write_records(tmp_path / "eval.tf_record", [record(1), record(2)])
    data = build_dataset("mzbert", root=str(tmp_path / "eval.tf_record"), label_file="dev.json", task="squad", num_cores=4)
    (ids, mask, segments), number = data[1]
    assert (ids.tolist(), mask.tolist(), segments.tolist(), number) == ([2] * 4, [3] * 4, [4] * 4, 1002)
    assert len(build_dataset("mzbert", root=str(tmp_path))) == 2
    with pytest.raises(ValueError, match="no files of features"):
        build_dataset("mzbert", root=str(tmp_path / "gone"))

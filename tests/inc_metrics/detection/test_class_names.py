"""COCO's classes, and files that name others."""

from __future__ import annotations

from pathlib import Path

import pytest
from inc_metrics import MetricTypeError, MetricValueError
from inc_metrics.detection.class_names import coco_classes, read_class_names


def test_coco_has_eighty_classes_with_gaps_in_their_ids() -> None:
    classes = coco_classes()
    assert len(classes) == len(set(classes.values())) == 80
    assert set(range(1, 91)) - set(classes.values()) == {12, 26, 29, 30, 45, 66, 68, 69, 71, 83}
    assert (classes["person"], classes["stop sign"], classes["toothbrush"]) == (1, 13, 90)


def test_a_file_of_names_is_read(tmp_path: Path) -> None:
    path = tmp_path / "labels.yaml"
    path.write_text("---\n# animals\ncat: 1\n'traffic light': 10  # two words\n\n\"C: drive\": 3\n", encoding="utf-8")
    assert read_class_names(path, where="here") == {"cat": 1, "traffic light": 10, "C: drive": 3}
    assert read_class_names(str(path), where="here") == read_class_names({"cat": 1, "traffic light": 10, "C: drive": 3}, where="here")


@pytest.mark.parametrize("line", ["cat", "cat: one", "cat: -1", ": 3", "- cat", "cat: {id: 1}", "cat: 1.0", "cat: ²"])
def test_other_lines_are_refused_with_their_number(tmp_path: Path, line: str) -> None:
    path = tmp_path / "labels.yaml"
    path.write_text(f"dog: 1\n{line}\n", encoding="utf-8")
    with pytest.raises(MetricValueError, match=r"(?s)names no class.*line 2"):
        read_class_names(path, where="here")


def test_a_name_given_twice_and_a_missing_file_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "labels.yaml"
    path.write_text("dog: 1\ndog: 2\n", encoding="utf-8")
    with pytest.raises(MetricValueError, match="named twice"):
        read_class_names(path, where="here")
    with pytest.raises(MetricValueError, match="cannot be read"):
        read_class_names(tmp_path / "none.yaml", where="here")
    with pytest.raises(MetricTypeError, match="are a int"):
        read_class_names(3, where="here")  # type: ignore[arg-type]  # what the check is for

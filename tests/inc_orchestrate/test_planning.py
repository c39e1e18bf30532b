from pathlib import Path
from typing import Any

import pytest
from inc_config import QuantizeConfig
from inc_config.errors import ModelError, PlanError
from inc_orchestrate import plan
from onnx import TensorProto, helper
from torch import nn


def test_every_operator_has_a_decision_and_floats_have_reasons(onnx_path: Path) -> None:
    report = plan(onnx_path)
    assert report.framework == "onnxrt"
    assert sum(report.by_precision.values()) == len(report.operators)
    assert {row.precision for row in report.operators if row.type in ("Conv", "Gemm")} == {"int8"}
    assert all(row.reason for row in report.operators if row.precision == "fp32")


def test_sizes_follow_from_the_weights(onnx_path: Path) -> None:
    report = plan(onnx_path)
    assert report.size_before_bytes == pytest.approx(onnx_path.stat().st_size, rel=0.1)
    assert 0.2 * report.size_before_bytes < report.size_after_bytes < 0.5 * report.size_before_bytes
    assert report.size_before_bytes - report.size_after_bytes == pytest.approx(
        sum(row.weight_bytes * 0.75 for row in report.operators if row.precision == "int8"), abs=8
    )


def test_what_the_user_excludes_is_said(onnx_path: Path) -> None:
    report = plan(onnx_path, config=QuantizeConfig(exclude_types=["Conv"]))
    assert {row.reason for row in report.operators if row.type == "Conv"} == {"excluded_by_user: type Conv"}
    assert "excluded_by_user" in str(report)
    assert str(report).startswith(f"{len(report.operators)} operators: ")


def test_everything_excluded_is_still_a_report(onnx_path: Path) -> None:
    report = plan(onnx_path, config=QuantizeConfig(exclude=".*"))
    assert set(report.by_precision) == {"fp32"}
    assert report.size_after_bytes == report.size_before_bytes


def test_torch_models_are_run_once_to_know_their_operators(model: nn.Module, digits: Any) -> None:
    report = plan(model, batches=[digits.calibration[0][0]])
    assert [row.op for row in report.operators if row.type in ("Conv", "Linear")] == ["conv1", "conv2", "fc1", "head"]
    assert report.by_precision["int8"] >= 1


def test_a_file_that_is_no_model_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "model.onnx"
    path.write_bytes(b"not a model")
    with pytest.raises(ModelError):
        plan(path)


def test_a_model_without_anything_to_quantize_is_an_error_with_a_reason_per_operator(tmp_path: Path) -> None:
    nodes = [helper.make_node("Relu", ["x"], ["a"], name="first"), helper.make_node("Softmax", ["a"], ["y"], name="second")]
    values = [helper.make_tensor_value_info(name, TensorProto.FLOAT, ["n", 8]) for name in ("x", "y")]
    model = helper.make_model(helper.make_graph(nodes, "g", values[:1], values[1:]), opset_imports=[helper.make_opsetid("", 17)])
    path = tmp_path / "model.onnx"
    path.write_bytes(model.SerializeToString())
    with pytest.raises(PlanError) as error:
        plan(path)
    assert "first (Relu): no_integer_kernel" in error.value.what
    assert "second (Softmax): slower_in_integer" in error.value.what


def test_what_no_integer_operator_feeds_is_planned_in_float_and_says_so(onnx_path: Path) -> None:
    every = plan(onnx_path, config=QuantizeConfig(exclude_types=["Conv", "Gemm"]))
    alone = {row.type: row for row in every.operators if row.reason.startswith("not_fused")}
    assert set(every.by_precision) == {"fp32"}
    assert {row.precision for row in alone.values()} == {"fp32"}
    assert all(row.reason == "not_fused: no integer operator feeds it" for row in alone.values())
    assert alone

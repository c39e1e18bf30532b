"""The step MixedPrecision through pipelines, on a machine that is taken to have fp16 kernels: onnxruntime computes fp16 on any."""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
import torch
from inc_adaptors.handle import ModelHandle
from inc_adaptors.onnxrt.half.calls import Call
from inc_adaptors.onnxrt.half.measuring import Found, HalfKernels
from inc_adaptors.torch.half import HalfLayer
from inc_config import OpConstraint, QuantizeConfig, Target, TensorConstraint, compat
from inc_config.dtypes import BF16, FP16, FloatType
from inc_config.errors import PlanError, StepError
from inc_config.quantization import MixedPrecisionConfig
from inc_config.tuning import Objective, ObjectiveKind, TuningConfig
from inc_orchestrate import Evaluation, MixedPrecision, Pipeline, Progress, Quantize, load, plan
from inc_orchestrate.precisions import floats_only
from inc_orchestrate.steps.protocol import Facts
from torch import nn

Answer = Callable[[Call, FloatType, Target], Found]


def fast(call: Call, dtype: FloatType, target: Target) -> Found:
    return Found(has_kernel=dtype is FP16, speedup=2.0, inner=2.0, why=f"no {dtype} kernel")


def slow(call: Call, dtype: FloatType, target: Target) -> Found:
    return Found(has_kernel=dtype is FP16, speedup=0.5, inner=0.5, why=f"no {dtype} kernel")


@pytest.fixture
def taken_as(monkeypatch: pytest.MonkeyPatch) -> Callable[[Answer], None]:
    """Let every new adaptor believe an answer about kernels."""
    return lambda answer: monkeypatch.setattr("inc_adaptors.onnxrt.adaptor.on_this_machine", lambda: HalfKernels(answer))


@pytest.fixture
def quietly(quiet: Progress) -> Callable[..., Any]:
    def run(steps: Any, model: Any, **options: Any) -> Any:
        return Pipeline(steps, progress=quiet, benchmark=False, **options).fit(model)

    return run


def in_fp16(model: onnx.ModelProto) -> set[str]:
    """Types of the operators that read fp16 weights."""
    halves = {tensor.name for tensor in model.graph.initializer if tensor.data_type == onnx.TensorProto.FLOAT16}
    return {node.op_type for node in model.graph.node if halves & set(node.input)}


def test_everything_that_can_is_in_16_bits_and_comes_back(
    taken_as: Any, quietly: Any, onnx_path: Path, digits: Any, tmp_path: Path
) -> None:
    taken_as(fast)
    step = MixedPrecision(precisions=("bf16", "fp16"), accuracy_loss=0.01)
    result = quietly([step], onnx_path, calibrate=digits.calibration, evaluate=Evaluation(digits.evaluation, "accuracy"))
    assert result.is_feasible
    assert result.summary.by_precision.keys() == {"fp16"}
    assert Path(onnx_path).stat().st_size > 1.5 * result.model.ByteSize()
    assert in_fp16(result.model) == {"Conv", "Gemm"}
    assert [value.type.tensor_type.elem_type for value in (*result.model.graph.input, *result.model.graph.output)] == [1, 1]
    result.save(tmp_path / "out")
    assert load(tmp_path / "out").SerializeToString(deterministic=True) == result.model.SerializeToString(deterministic=True)


def test_operators_go_back_to_fp32_until_the_criterion_holds(taken_as: Any, quietly: Any, onnx_path: Path, digits: Any) -> None:
    taken_as(fast)

    def worse_with_gemm(model: onnx.ModelProto) -> float:
        return 0.5 if "Gemm" in in_fp16(model) else 1.0

    result = quietly([MixedPrecision(precisions="fp16")], onnx_path, calibrate=digits.calibration, evaluate=worse_with_gemm)
    assert in_fp16(result.model) == {"Conv"}
    assert result.is_feasible
    fell_back = [row for row in result.summary.operators if row.type == "Gemm"]
    assert all(row.precision == "fp32" and row.reason.startswith("fallback") for row in fell_back)


def test_a_target_without_kernels_is_an_error_before_any_work(taken_as: Any, quietly: Any, onnx_path: Path, digits: Any) -> None:
    def never(model: Any) -> float:
        raise AssertionError("work has started")

    taken_as(lambda call, dtype, target: Found(has_kernel=False, why=f"it has no {dtype} kernel for {call.type}"))
    with pytest.raises(PlanError, match="nothing to convert") as caught:
        quietly([MixedPrecision()], onnx_path, calibrate=digits.calibration, evaluate=never)
    assert "2 x Conv: no_half_kernel: it has no bf16 kernel for Conv" in str(caught.value)
    assert "2 x Gemm: no_half_kernel: it has no bf16 kernel for Gemm" in str(caught.value)


def test_an_adaptor_without_the_role_is_an_error_before_any_work() -> None:
    class Bare:
        name = "bare"

    facts = Facts(adaptor=Bare(), handle=ModelHandle(framework="bare", native=None), has_evaluation=True)  # type: ignore[arg-type]  # no adaptor, on purpose
    missing = [str(error) for error in MixedPrecision().check(facts)]
    assert any("mixed-precision needs the role MixesPrecision, which the adaptor 'bare' does not have" in text for text in missing)


def test_layers_of_a_pytorch_model_go_to_bf16_and_back_until_the_criterion_holds(
    quietly: Any, model: nn.Module, digits: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # As if every layer were faster in bf16 here; torch computes bf16 on any CPU.
    monkeypatch.setattr("inc_adaptors.torch.half._SPEEDS", {})
    monkeypatch.setattr("inc_adaptors.torch.half._measured", lambda module, shape, dtype: 2.0)
    fresh = type(model)()

    def worse_with_linear(tried: nn.Module) -> float:
        return 0.5 if any(isinstance(layer, HalfLayer) and isinstance(layer.layer, nn.Linear) for layer in tried.modules()) else 1.0

    result = quietly([MixedPrecision()], model, calibrate=digits.calibration, evaluate=worse_with_linear)
    assert result.is_feasible
    assert result.summary.by_precision["bf16"] == 2
    assert isinstance(result.model.conv2, HalfLayer)
    assert isinstance(result.model.head, nn.Linear)
    result.save(tmp_path / "out")
    again = load(tmp_path / "out", model=fresh)
    x = digits.evaluation[0][0]
    assert torch.equal(again(x), result.model(x))


def test_quantize_leaves_16_bits_out_where_one_model_cannot_have_both(
    model: nn.Module, digits: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    def never(module: nn.Module, shape: tuple[int, ...], dtype: FloatType) -> float:
        raise AssertionError("measured")

    monkeypatch.setattr("inc_adaptors.torch.half._measured", never)
    assert "bf16" not in plan(model, batches=[digits.calibration[0][0]]).by_precision


@pytest.mark.parametrize("options", [{"precisions": ()}, {"precisions": "fp32"}, {"precisions": "fp16", "excluded_precisions": "fp16"}])
def test_no_precision_left_is_an_error(options: Any, quietly: Any, onnx_path: Path, digits: Any) -> None:
    with pytest.raises(StepError, match="No precision is left to convert to"):
        quietly([MixedPrecision(**options)], onnx_path, calibrate=digits.calibration)


def test_two_steps_cannot_both_choose_precisions(quietly: Any, onnx_path: Path, digits: Any) -> None:
    with pytest.raises(StepError, match=r"quantize.*mixed-precision.*both choose"):
        quietly([Quantize(), MixedPrecision()], onnx_path, calibrate=digits.calibration)


def test_quantize_uses_16_bits_unless_they_are_excluded(taken_as: Any, onnx_path: Path) -> None:
    taken_as(fast)
    no_integers = [OpConstraint(types="Gemm", weight=TensorConstraint(dtypes=("fp16", "fp32")))]
    by_precision = plan(onnx_path, config=QuantizeConfig(constraints=no_integers)).by_precision
    # The products have no integers; what reads int8 beside them stays int8.
    assert by_precision["fp16"] == 2
    assert by_precision["int8"] >= 2
    without = plan(onnx_path, config=QuantizeConfig(constraints=no_integers, excluded_precisions="fp16"))
    assert "fp16" not in without.by_precision


@pytest.mark.parametrize("named", [False, True])
def test_for_another_runtime_quantize_uses_16_bits_where_a_constraint_names_them(taken_as: Any, onnx_path: Path, named: bool) -> None:
    taken_as(lambda call, dtype, target: Found(has_kernel=dtype is BF16, speedup=2.0, inner=2.0, why="none"))
    dtypes = ("bf16", "fp32") if named else ("fp32",)
    constraint = OpConstraint(types="Gemm", weight=TensorConstraint(dtypes=dtypes))
    by_precision = plan(onnx_path, Target(runtime="openvino"), config=QuantizeConfig(constraints=[constraint])).by_precision
    assert by_precision.get("bf16", 0) == (2 if named else 0)


def test_a_plan_counts_operators_in_16_bits_and_half_their_bytes(taken_as: Any, onnx_path: Path) -> None:
    taken_as(fast)
    report = plan(onnx_path, config=MixedPrecisionConfig(precisions="fp16", exclude_types="Gemm"))
    assert f"{report.by_precision['fp16']} fp16" in str(report)
    weights = sum(row.weight_bytes for row in report.operators if row.precision == "fp16")
    assert report.size_before_bytes - report.size_after_bytes == weights // 2
    assert all(row.reason.startswith("excluded_by_user") for row in report.operators if row.type == "Gemm")


def test_slower_kernels_serve_where_size_is_the_aim(taken_as: Any, onnx_path: Path) -> None:
    taken_as(slow)
    size = TuningConfig(objectives=[Objective(kind=ObjectiveKind.SIZE)])
    assert plan(onnx_path, config=MixedPrecisionConfig(precisions="fp16")).by_precision.keys() == {"fp32"}
    assert "fp16" in plan(onnx_path, config=MixedPrecisionConfig(precisions="fp16", tuning=size)).by_precision


def test_the_search_is_always_that_for_16_bits() -> None:
    for name in ("basic", "mse", "automixedprecision"):
        assert floats_only(MixedPrecisionConfig(tuning=TuningConfig(strategy=name))).tuning.strategy.name == "automixedprecision"


def test_a_file_of_1_x_runs(taken_as: Any, quiet: Progress, onnx_path: Path, digits: Any, tmp_path: Path) -> None:
    taken_as(fast)
    path = tmp_path / "conf.yaml"
    path.write_text(
        "model: {name: net, framework: onnxrt_qlinearops}\n"
        "mixed_precision: {precisions: 'fp16, fp32', op_wise: {node_conv2d_1: {weight: {dtype: [fp32]}, activation: {dtype: [fp32]}}}}\n"
        "tuning: {accuracy_criterion: {relative: 0.01}, exit_policy: {timeout: 0}, random_seed: 9527}\n"
    )
    pipeline = Pipeline.from_config(compat.translate(compat.load_v1(path)), progress=quiet, calibrate=digits.calibration, benchmark=False)
    result = pipeline.fit(onnx_path)
    assert in_fp16(result.model) == {"Conv", "Gemm"}
    precisions = {row.op: row.precision for row in result.summary.operators}
    assert precisions["node_conv2d"] == "fp16"
    assert precisions["node_conv2d_1"] == "fp32"
    assert np.isfinite(result.summary.accuracy.final)


def test_the_example_of_the_readme_runs(onnx_path: Path, digits: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Any) -> None:
    readme = Path(__file__).parents[2] / "packages" / "inc-orchestrate" / "README.md"
    (example,) = re.findall(r"<!-- mixed\.py -->\n```python\n(.*?)```", readme.read_text(encoding="utf-8"), re.DOTALL)
    shutil.copyfile(onnx_path, tmp_path / "model.onnx")
    np.save(tmp_path / "calibration.npy", np.concatenate([inputs.numpy() for inputs, _ in digits.calibration]))
    monkeypatch.chdir(tmp_path)
    exec(compile(example, str(readme), "exec"), {})
    said = capsys.readouterr().out
    # Whether there are kernels is this machine's affair: either a model in 16 bits, or every type with its reason.
    assert (tmp_path / "in_16_bits").is_dir() or ("nothing to convert for the target openvino" in said and "x Conv: " in said)

"""MatMul and Add, as exporters write linear layers: every form of it must reach an integer kernel, with fixed shapes too."""

from __future__ import annotations

import itertools
from pathlib import Path

import attrs
import numpy as np
import pytest
from graphs import Builder, batches, kernels, run, run_plainly
from inc_adaptors.onnxrt.prepare.model import prepare
from inc_config.plan import QuantizationPlan
from onnx import ModelProto
from test_emission import Calibrated, calibrated


def layers(axes: int, activation: str, batch: int | str, *, softmax: bool = True) -> ModelProto:
    """Two linear layers on matrices (two axes) or sequences; the Softmax makes the model transformer-like: Adds stay in float."""
    b = Builder()
    shape = [batch, 32] if axes == 2 else [batch, 8, 32]
    y = b.linear(b.input("x", shape), 32, 64, name="first")
    y = b.linear(b.node(activation, y) if activation else y, 64, 10, name="second")
    return b.model((b.node("Softmax", y, axis=-1) if softmax else y, [*shape[:-1], 10]))


@pytest.mark.parametrize("batch", ["n", 4])
@pytest.mark.parametrize("activation", ["", "Relu", "Sigmoid"])
@pytest.mark.parametrize("axes", [2, 3])
def test_no_weight_is_dequantized_at_run_time(axes: int, activation: str, batch: int | str, tmp_path: Path) -> None:
    """onnxruntime makes a Gemm of MatMul and Add where it knows all axes, which with a float bias has no integer kernel."""
    found = calibrated(layers(axes, activation, batch))
    for final in (False, True):
        ran = kernels(found.emit(final=final).native, tmp_path)
        assert ran["QGemm"] + ran["MatMulIntegerToFloat"] == 2
        assert ran["Gemm"] + ran["FusedGemm"] + ran["MatMul"] + ran["DequantizeLinear"] == 0
    assert found.sqnr_db() > 25.0


def test_without_a_guard_against_it_the_same_model_would_run_in_float(tmp_path: Path) -> None:
    """That the trap is there: the same graph with its bias as a vector."""
    from onnx import numpy_helper

    made = calibrated(layers(3, "Relu", 4)).emit(final=True).native
    for tensor in made.graph.initializer:
        if list(tensor.dims[:2]) == [1, 1] and len(tensor.dims) == 3:
            tensor.CopyFrom(numpy_helper.from_array(numpy_helper.to_array(tensor).reshape(-1), tensor.name))
    assert kernels(made, tmp_path)["Gemm"] > 0


def test_matrices_times_constants_become_gemm_with_the_products_name() -> None:
    model = layers(2, "Relu", "n", softmax=False)
    graph = prepare(model)
    assert [node.op_type for node in graph.nodes] == ["Gemm", "Relu", "Gemm"]
    assert [node.name for node in graph.nodes] == ["first", "relu_2", "second"]
    assert graph.absorbed == {"first": ("add_1",), "second": ("add_4",)}
    assert [node.op_type for node in prepare(layers(3, "", "n")).nodes] == ["MatMul", "Add", "MatMul", "Add", "Softmax"]


def test_the_joined_product_computes_what_the_model_does() -> None:
    found = calibrated(layers(2, "Sigmoid", "n", softmax=False))
    in_float = found.emit(found.plan.with_float(found.plan.quantized)).native
    feed = batches(found.model)[0]
    np.testing.assert_allclose(run(in_float, feed)[0], run(found.model, feed)[0], atol=1e-5)


@pytest.mark.parametrize(
    ("shape", "elsewhere"),
    [([1], False), ([4, 10], False), ([10], True)],
    ids=["one bias for all", "a bias per row", "product read elsewhere"],
)
def test_what_is_no_bias_per_column_is_left_alone(shape: list[int], elsewhere: bool) -> None:
    b = Builder()
    y = b.node("MatMul", b.input("x", [4, 32]), b.constant(b.normal(32, 10, fan=32)))
    z = b.node("Add", y, b.constant(b.normal(*shape)))
    model = b.model((z, [4, 10]), *([(y, [4, 10])] if elsewhere else []))
    assert [node.op_type for node in prepare(model).nodes] == ["MatMul", "Add"]


def in_operators(found: Calibrated) -> QuantizationPlan:
    return attrs.evolve(found.plan, recipes={"graph_format": "qoperator"})


@pytest.mark.parametrize("axes", [2, 3])
def test_integer_operators_take_the_bias_along(axes: int) -> None:
    found = calibrated(layers(axes, "Relu", 4))
    made = found.emit(in_operators(found)).native
    assert "Add" not in [node.op_type for node in made.graph.node]
    feed = batches(found.model)[0]
    np.testing.assert_allclose(run_plainly(made, feed)[0], run(found.emit(final=True).native, feed)[0], atol=1e-5)


def test_gemm_stays_gemm_unless_its_ranges_are_dynamic(tmp_path: Path) -> None:
    """QGemm takes the bias along; a split Gemm would fall into the trap above. Only the dynamic kernels know no Gemm."""
    found = calibrated(layers(2, "Relu", "n", softmax=False))
    dynamic = found.capabilities.plan(lambda option: option.is_dynamic)
    assert kernels(found.emit(dynamic).native, tmp_path)["DynamicQuantizeMatMul"] == 2
    kept = found.emit(attrs.evolve(dynamic, recipes={"gemm_to_matmul": False}))
    assert kernels(kept.native, tmp_path)["Gemm"] == 1  # the one without an activation; with it onnxruntime fuses FusedGemm
    assert any("first" in note and "second" in note and "gemm_to_matmul" in note for note in kept.state.notes)
    static = attrs.evolve(found.plan, recipes={"gemm_to_matmul": False})
    assert kernels(found.emit(static).native, tmp_path)["QGemm"] == 2


@pytest.mark.parametrize("activation", ["Relu", "Clip"])
@pytest.mark.parametrize(("axes", "bias"), [(2, True), (2, False), (3, False)])
def test_a_product_runs_on_integers_before_an_activation_whose_floats_are_read(
    axes: int, bias: bool, activation: str, tmp_path: Path
) -> None:
    """onnxruntime keeps the pairs around such a product, so that the whole of it would silently run in float."""
    b = Builder(seed=6)
    shape: list[int | str] = ["n", 32] if axes == 2 else ["n", 8, 32]
    y = b.linear(b.input("x", shape), 32, 16, bias=bias, name="product")
    bounds = [b.constant(np.array(value, np.float32)) for value in (0.0, 6.0)] if activation == "Clip" else []
    model = b.model((b.node("Erf", b.node(activation, y, *bounds)), [*shape[:-1], 16]))
    found = calibrated(model)
    dedicated = attrs.evolve(found.plan, recipes={"dedicated_qdq_pair": True})
    for plan, final in itertools.product((found.plan, dedicated), (False, True)):
        made = found.emit(plan, final=final).native
        ran = kernels(made, tmp_path)
        assert ran["QGemm"] + ran["MatMulIntegerToFloat"] == 1
        assert ran["Gemm"] + ran["FusedGemm"] + ran["MatMul"] + ran["DequantizeLinear"] == 0
    assert found.sqnr_db() > 25.0
    in_float = found.emit(found.plan.with_float(found.plan.quantized)).native
    feed = batches(model)[0]
    np.testing.assert_allclose(run(in_float, feed)[0], run(model, feed)[0], atol=1e-5)

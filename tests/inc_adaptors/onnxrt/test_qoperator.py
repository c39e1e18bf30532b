"""QOperator form: the same numbers as the QDQ form, by integer nodes that are there before any optimization."""

from __future__ import annotations

import functools
from collections import Counter
from collections.abc import Callable
from typing import Any

import attrs
import numpy as np
import onnx
import pytest
from graphs import Builder, batches, branches, depthwise, encoder, mlp, resnet, run, run_plainly
from hypothesis import given, settings
from hypothesis import strategies as st
from inc_adaptors.onnxrt.diagnosis.unpack import unpacked
from inc_config.dtypes import INT8, UINT8, IntegerType, Scheme
from inc_config.errors import PlanError
from inc_config.plan import QuantizationPlan, TensorPlan
from inc_config.target import Runtime, Target
from onnx import ModelProto
from test_emission import ADAPTOR, Calibrated, calibrated
from test_emission_law import MODELS, ready

INTEGERS = {"graph_format": "qoperator"}


def in_operators(plan: QuantizationPlan) -> QuantizationPlan:
    return attrs.evolve(plan, recipes={**plan.recipes, **INTEGERS})


def types_of(model: ModelProto) -> Counter[str]:
    return Counter(node.op_type for node in model.graph.node)


FORMS: list[tuple[Callable[[], ModelProto], str]] = [
    (resnet, "QuantizeLinear 1, QLinearConv 6, MaxPool 1, QLinearAdd 2, QLinearGlobalAveragePool 1, Flatten 1, QGemm 1"),
    (depthwise, "QuantizeLinear 2, QLinearConv 7, QLinearAdd 2, DequantizeLinear 1, ReduceMean 1, QGemm 1"),
    (mlp, "QuantizeLinear 1, QGemm 3"),
    (
        branches,
        "QuantizeLinear 1, QLinearConv 5, QLinearAdd 1, QLinearConcat 1, MaxPool 1, QLinearAveragePool 1, Reshape 1, QGemm 1",
    ),
]


@pytest.mark.parametrize(("make", "expected"), FORMS)
def test_integer_nodes_stand_in_the_graph_and_equal_the_kernels_of_the_qdq_form(make: Any, expected: str) -> None:
    found = calibrated(make())
    made = found.emit(in_operators(found.plan))
    assert ", ".join(f"{name} {count}" for name, count in types_of(made.native).items()) == expected
    onnx.checker.check_model(made.native)
    feed = batches(found.model)[0]
    np.testing.assert_array_equal(run_plainly(made.native, feed)[0], run(found.emit(final=True).native, feed)[0])


def test_a_product_that_returns_floats_takes_its_bias_along() -> None:
    found = calibrated(encoder())
    made = found.emit(in_operators(found.plan)).native
    assert types_of(made)["MatMulIntegerToFloat"] == 12
    assert types_of(found.emit().native)["Add"] - types_of(made)["Add"] == 12
    feed = batches(found.model)[0]
    np.testing.assert_allclose(run_plainly(made, feed)[0], run(found.emit(final=True).native, feed)[0], atol=1e-5)


@pytest.mark.parametrize("name", MODELS)
@settings(max_examples=15, deadline=None)
@given(chosen=st.lists(st.booleans(), min_size=24, max_size=24))
def test_any_fallback_set_gives_the_qdq_forms_numbers(name: str, chosen: list[bool]) -> None:
    """Integer kernels on both sides: what onnxruntime fuses at load, and what is written. At most one code apart anywhere."""
    model = ready(name)
    plan = model.fallback(chosen)
    written = run_plainly(model.emitter.emit(in_operators(plan)).native, model.feed)
    fused = run(model.emitter.emit(plan, final=True).native, model.feed)
    for left, right in zip(written, fused, strict=True):
        noise = np.square(left - right).sum()
        assert noise == 0.0 or 10.0 * np.log10(np.square(right).sum() / noise) > 30.0


@functools.cache
def ready_encoder() -> tuple[Calibrated, Any, dict[str, Any]]:
    found = calibrated(encoder())
    return found, ADAPTOR.emitter(found.handle, found.statistics, found.capabilities), batches(found.model)[0]


@settings(max_examples=15, deadline=None)
@given(chosen=st.lists(st.booleans(), min_size=13, max_size=13))
def test_any_fallback_set_of_an_encoder_gives_the_qdq_forms_numbers(chosen: list[bool]) -> None:
    found, emitter, feed = ready_encoder()
    plan = found.plan.with_float(op for op, drop in zip(found.plan.quantized, chosen, strict=True) if drop)
    written, fused = (run_plainly(emitter.emit(in_operators(plan)).native, feed)[0], run(emitter.emit(plan, final=True).native, feed)[0])
    np.testing.assert_allclose(written, fused, atol=2e-2 * max(1.0, float(np.abs(fused).max())))


@pytest.mark.parametrize("dtype", [UINT8, INT8])
@pytest.mark.parametrize("scheme", [Scheme.SYMMETRIC, Scheme.ASYMMETRIC])
def test_signed_and_symmetric_activations_have_integer_operators_too(dtype: IntegerType, scheme: Scheme) -> None:
    found = calibrated(branches())
    tensor = TensorPlan(dtype=dtype, scheme=scheme)
    changes = {
        op: attrs.evolve(p, inputs=(tensor,) * len(p.inputs), outputs=(tensor,) * len(p.outputs)) for op, p in found.plan.ops.items()
    }
    plan = found.plan.with_ops(changes)
    made = found.emit(in_operators(plan)).native
    assert types_of(made)["QLinearConv"] == 5
    feed = batches(found.model)[0]
    np.testing.assert_allclose(run_plainly(made, feed)[0], run_plainly(found.emit(plan).native, feed)[0], atol=0.15)


def test_an_activation_that_the_codes_do_not_clamp_is_done_on_codes() -> None:
    """Signed symmetric codes reach below zero: the Relu becomes a Clip from the zero point on."""
    found = calibrated(branches())
    tensor = TensorPlan(dtype=INT8, scheme=Scheme.SYMMETRIC)
    changes = {
        op: attrs.evolve(p, inputs=(tensor,) * len(p.inputs), outputs=(tensor,) * len(p.outputs)) for op, p in found.plan.ops.items()
    }
    made = found.emit(in_operators(found.plan.with_ops(changes))).native
    clips = [node for node in made.graph.node if node.op_type == "Clip"]
    held = {tensor.name: onnx.numpy_helper.to_array(tensor) for tensor in made.graph.initializer}
    assert clips
    assert all(held[node.input[1]] == 0 and held[node.input[1]].dtype == np.int8 for node in clips)


MOVEMENTS: list[tuple[str, dict[str, Any], list[Any]]] = [
    ("Reshape", {}, [np.array([0, 4, -1], np.int64)]),
    ("Transpose", {"perm": [0, 2, 3, 1]}, []),
    ("Flatten", {}, []),
    ("Unsqueeze", {}, [np.array([1], np.int64)]),
    ("Slice", {}, [np.array([1], np.int64), np.array([3], np.int64), np.array([1], np.int64)]),
    ("Gather", {"axis": 1}, [np.array([3, 0], np.int64)]),
    ("GatherElements", {"axis": 1}, [np.ones((4, 2, 6, 6), np.int64)]),
    ("GatherND", {"batch_dims": 1}, [np.array([[2], [0], [1], [1]], np.int64)]),
    ("Expand", {}, [np.array([4, 4, 6, 6], np.int64)]),
    ("Tile", {}, [np.array([1, 2, 1, 1], np.int64)]),
    ("ReduceMax", {"axes": [2, 3]}, []),
    ("ReduceMin", {"axes": [2], "keepdims": 0}, []),
    ("DepthToSpace", {"blocksize": 2}, []),
    ("SpaceToDepth", {"blocksize": 2}, []),
    ("MaxPool", {"kernel_shape": [2, 2]}, []),
    ("Pad", {}, [np.array([0, 0, 1, 1, 0, 0, 1, 1], np.int64)]),
    ("Pad", {}, [np.array([0, 0, 1, 1, 0, 0, 1, 1], np.int64), np.float32(0.7)]),
    ("Pad", {"mode": "reflect"}, [np.array([0, 0, 1, 1, 0, 0, 1, 1], np.int64)]),
    ("Resize", {"mode": "nearest"}, ["", np.array([1, 1, 2, 2], np.float32)]),
]  # fmt: skip


def moved(op_type: str, attributes: dict[str, Any], operands: list[Any]) -> Calibrated:
    """A convolution, the operator, and Sigmoid so that the codes have a reader."""
    b = Builder()
    y = b.conv(b.input("x", [4, 3, 6, 6]), 3, 4, name="conv")
    names = [operand if isinstance(operand, str) else b.constant(operand) for operand in operands]
    y = b.node(op_type, y, *names, name="move", **attributes)
    rank = {"Reshape": 3, "Flatten": 2, "Unsqueeze": 5, "ReduceMin": 3, "GatherND": 3}.get(op_type, 4)
    return calibrated(b.model((b.node("Sigmoid", y, name="end"), [None] * rank)))


@pytest.mark.parametrize(("op_type", "attributes", "operands"), MOVEMENTS)
def test_data_movement_works_on_codes(op_type: str, attributes: dict[str, Any], operands: list[Any]) -> None:
    found = moved(op_type, attributes, operands)
    made = found.emit(in_operators(found.plan)).native
    assert types_of(made) == {"QuantizeLinear": 1, "QLinearConv": 1, op_type: 1, "QLinearSigmoid": 1, "DequantizeLinear": 1}
    feed = batches(found.model)[0]
    got, fused = run_plainly(made, feed)[0], run(found.emit(final=True).native, feed)[0]
    np.testing.assert_array_equal(got, fused)
    assert 0.0 < np.abs(got - run(found.model, feed)[0]).max() < 0.05


@pytest.mark.parametrize("op_type", ["Pad", "GatherND", "SpaceToDepth"])
def test_what_onnxruntime_leaves_in_float_between_its_pairs_is_on_codes_in_the_qdq_form_too(op_type: str) -> None:
    case = next(case for case in MOVEMENTS if case[0] == op_type)
    made = moved(*case).emit().native
    node = next(node for node in made.graph.node if node.op_type == op_type)
    makers = {name: maker.op_type for maker in made.graph.node for name in maker.output}
    assert makers[node.input[0]] == "QuantizeLinear"
    assert types_of(made)["QuantizeLinear"] == types_of(made)["DequantizeLinear"] - 2 == 3


def test_only_onnxruntime_gets_integer_operators() -> None:
    found = calibrated(mlp())
    target = Target(runtime=Runtime.OPENVINO)
    with pytest.raises(PlanError, match="integer operators are onnxruntime's"):
        found.emit(attrs.evolve(in_operators(found.plan), target=target))
    with pytest.raises(PlanError, match="integer operators are onnxruntime's"):  # before calibration
        ADAPTOR.wanted(found.capabilities, (attrs.evolve(in_operators(found.plan), target=target),))


def test_an_unknown_format_is_refused() -> None:
    found = calibrated(mlp())
    with pytest.raises(PlanError, match="graph_format"):
        found.emit(attrs.evolve(found.plan, recipes={"graph_format": "qtensor"}))


def test_the_format_is_part_of_the_digest_and_the_notes_count_operators() -> None:
    found = calibrated(resnet())
    plan = in_operators(found.plan)
    assert plan.digest != found.plan.digest
    assert "12 integer operators instead of Q/DQ pairs" in found.emit(plan).state.notes


@pytest.mark.parametrize("make", [resnet, depthwise, mlp, encoder, branches])
def test_both_forms_name_the_same_operators_as_integer(make: Callable[[], ModelProto]) -> None:
    found = calibrated(make())
    planned = {op.scope for op in found.plan.quantized}
    assert ADAPTOR.integers(found.emit(in_operators(found.plan))) & planned == planned
    assert ADAPTOR.integers(found.emit()) & planned == planned


@pytest.mark.parametrize("make", [resnet, encoder, branches])
def test_both_forms_are_diagnosed_alike(make: Callable[[], ModelProto]) -> None:
    """The same operators with the same noise; data movement reads codes there and has none of its own."""
    found = calibrated(make())
    feeds = batches(found.model)[:1]
    pairs, integers = (
        {row.name: row for row in ADAPTOR.diagnose(found.handle, found.emit(plan), feeds, calls=1).operators}
        for plan in (found.plan, in_operators(found.plan))
    )
    assert set(pairs) - set(integers) <= {op.scope for op in found.plan.quantized if op.type in ("MaxPool", "Flatten", "Reshape")}
    assert set(integers) <= set(pairs)


@pytest.mark.parametrize("make", [resnet, depthwise, mlp, encoder, branches])
def test_written_out_again_the_integer_operators_compute_the_same(make: Callable[[], ModelProto]) -> None:
    found = calibrated(make())
    made = found.emit(in_operators(found.plan)).native
    feed = batches(found.model)[0]
    left, right = run_plainly(unpacked(made), feed)[0], run_plainly(made, feed)[0]
    assert 10.0 * np.log10(np.square(right).sum() / max(1e-12, float(np.square(left - right).sum()))) > 30.0


@pytest.mark.parametrize("make", [resnet, encoder])
def test_integer_operators_are_saved_and_compared_like_pairs(make: Callable[[], ModelProto]) -> None:
    found = calibrated(make())
    made = found.emit(in_operators(found.plan))
    again = ADAPTOR.from_saved(ADAPTOR.to_saved(made))
    feed = batches(found.model)[0]
    np.testing.assert_array_equal(ADAPTOR.predict(again, feed)[0], ADAPTOR.predict(made, feed)[0])
    assert ADAPTOR.compare(found.handle, made, [feed], least_db=200.0).divergence is not None

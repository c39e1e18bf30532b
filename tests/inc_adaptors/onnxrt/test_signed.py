"""Model inputs as int8 without a zero point, where OpenVINO's convolutions are faster so."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from graphs import Builder, batches, mlp, resnet
from inc_adaptors.onnxrt.adaptor import OnnxrtAdaptor
from inc_config.capabilities import Capabilities
from inc_config.constrain import constrain
from inc_config.constraints import OpConstraint, TensorConstraint
from inc_config.dtypes import INT8, UINT8, IntegerType, Scheme
from inc_config.target import Isa, Runtime, Target
from onnx import ModelProto, TensorProto

ADAPTOR = OnnxrtAdaptor(threads=1)
OPENVINO = Target(runtime=Runtime.OPENVINO, isa=Isa.AVX512_VNNI)


def feeds_between(model: ModelProto, low: float, high: float) -> list[dict[str, Any]]:
    """Inputs that reach from ``low`` to ``high``, both among them."""
    rng = np.random.default_rng(0)
    feeds = [{name: rng.uniform(low, high, array.shape).astype(np.float32) for name, array in feed.items()} for feed in batches(model)]
    for array in feeds[0].values():
        array.reshape(-1)[:2] = low, high
    return feeds


def guarded(model: ModelProto, feeds: list[dict[str, Any]], target: Target = OPENVINO) -> tuple[Any, Any, Capabilities]:
    handle = ADAPTOR.open(model)
    found = ADAPTOR.capabilities(handle, target)
    statistics = ADAPTOR.observe(handle, feeds, ADAPTOR.wanted(found, (found.plan(),)))
    return handle, statistics, ADAPTOR.guard(handle, found, statistics)


def input_types(found: Capabilities, scope: str = "conv_0") -> set[tuple[IntegerType, Scheme]]:
    """Of every integer option of an operator."""
    options = next(capability for capability in found.ops if capability.op.scope == scope).options
    return {(option.inputs[0].dtype, option.inputs[0].scheme) for option in options if option.inputs and option.inputs[0] is not None}


@pytest.mark.parametrize(
    ("low", "high", "kind"),
    [
        (-1.0, 1.0, (INT8, Scheme.SYMMETRIC)),
        (-2.118, 2.64, (INT8, Scheme.SYMMETRIC)),  # a symmetric step is 2 * 2.64 / 4.758 = 1.11 times as long
        (-1.0, 1.3, (UINT8, Scheme.ASYMMETRIC)),  # 2.6 / 2.3 = 1.13
        (0.0, 1.0, (UINT8, Scheme.ASYMMETRIC)),  # its zero point is 0 already
        (-1.0, 0.0, (UINT8, Scheme.ASYMMETRIC)),
    ],
)
def test_a_picture_that_reaches_to_both_sides_alike_is_signed(low: float, high: float, kind: tuple[IntegerType, Scheme]) -> None:
    model = resnet()
    *_, found = guarded(model, feeds_between(model, low, high))
    assert input_types(found) == {kind}


def test_other_tensors_stay_unsigned_and_symmetric_codes_keep_the_models_answers() -> None:
    model = resnet()
    handle, statistics, found = guarded(model, batches(model))
    plan = found.plan()
    kinds = {(op.scope, tensor.dtype) for op, p in plan.ops.items() for tensor in (*p.inputs, *p.outputs) if tensor is not None}
    assert {scope for scope, dtype in kinds if dtype == INT8} == {"conv_0"}
    assert plan.ops[next(op for op in plan.ops if op.scope == "conv_0")].outputs[0].dtype == UINT8  # type: ignore[union-attr]  # convolutions plan it
    made = ADAPTOR.emitter(handle, statistics, found).emit(plan, final=True)
    quantizer = next(node for node in made.native.graph.node if node.op_type == "QuantizeLinear" and node.input[0] == "x")
    zero_point = next(tensor for tensor in made.native.graph.initializer if tensor.name == quantizer.input[2])
    assert zero_point.data_type == TensorProto.INT8
    free = ADAPTOR.capabilities(handle, OPENVINO)
    unsigned = ADAPTOR.emitter(handle, statistics, free).emit(free.plan(), final=True)
    better, worse = (ADAPTOR.parity(handle, each, batches(model))[0].sqnr_db for each in (unsigned, made))
    assert worse > better - 1.0  # the step is at most 1.125 times as long: 1.02 dB if the input's noise were all there is


@pytest.mark.parametrize(
    "target", [Target(runtime=Runtime.ONNXRUNTIME, isa=Isa.AVX512_VNNI), Target(runtime=Runtime.OPENVINO, isa=Isa.AVX2)]
)
def test_other_runtimes_and_processors_whose_pairs_overflow_are_offered_nothing_signed(target: Target) -> None:
    model = resnet()
    handle, _, found = guarded(model, batches(model), target)
    for each in (found, ADAPTOR.capabilities(handle, target)):
        assert input_types(each) == {(UINT8, Scheme.ASYMMETRIC)}


def test_an_input_that_others_read_too_keeps_one_form() -> None:
    b = Builder()
    x = b.input("x", ["n", 4, 8, 8])
    model = b.model((b.node("Add", b.conv(x, 4, 4, name="conv_0"), x), ["n", 4, 8, 8]))
    *_, found = guarded(model, batches(model))
    assert input_types(found) == {(UINT8, Scheme.ASYMMETRIC)}


def test_products_of_a_model_input_stay_unsigned() -> None:
    model = mlp()
    *_, found = guarded(model, batches(model))
    assert input_types(found, "gemm_0") == {(UINT8, Scheme.ASYMMETRIC)}


def test_whoever_asks_for_unsigned_activations_gets_them() -> None:
    model = resnet()
    handle = ADAPTOR.open(model)
    asked = OpConstraint(activation=TensorConstraint(dtypes=(UINT8,)))
    found = constrain(ADAPTOR.capabilities(handle, OPENVINO), (asked,))
    statistics = ADAPTOR.observe(handle, batches(model), ADAPTOR.wanted(found, (found.plan(),)))
    assert input_types(ADAPTOR.guard(handle, found, statistics)) == {(UINT8, Scheme.ASYMMETRIC)}


@pytest.mark.parametrize("is_multiplied", [False, True])
def test_what_integer_operators_make_for_float_ones_too_is_signed_once_it_goes_below_zero(is_multiplied: bool) -> None:
    """A Concat that is joined again and read in floats, as in a DenseNet; one that a convolution reads as well OpenVINO would get wrong."""
    b = Builder(seed=2)
    x = b.conv(b.input("x", ["n", 4, 8, 8]), 4, 8, name="first")
    y = b.node("Concat", b.node("Relu", x), b.conv(x, 8, 8, name="second"), axis=1, name="joined")
    z = b.node("Relu", b.conv(x, 8, 8, name="third"))
    z = b.node("Concat", z, z, axis=1, name="positive")
    read = b.node("Add", b.node("Tanh", y), b.node("Tanh", z))
    again = b.node("Concat", y, z, axis=1, name="again")
    outputs = [(read, ["n", 16, 8, 8]), (b.conv(again, 32, 4), ["n", 4, 8, 8])]
    model = b.model(*outputs, *([(b.conv(y, 16, 4), ["n", 4, 8, 8])] if is_multiplied else []))
    handle, statistics, found = guarded(model, batches(model))
    plan = found.plan()
    written = {op.scope: each.outputs[0].dtype for op, each in plan.ops.items() if each.outputs and each.outputs[0] is not None}
    assert written["joined"] == (UINT8 if is_multiplied else INT8)
    assert written["positive"] == UINT8
    made = ADAPTOR.emitter(handle, statistics, found).emit(plan, final=True)
    assert all(output.sqnr_db > 25.0 for output in ADAPTOR.parity(handle, made, batches(model)))

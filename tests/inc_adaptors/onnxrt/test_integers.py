"""Which operators of a quantized model compute on integers, by the names of the float model."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from graphs import Builder, batches, branches, depthwise, encoder, mlp, resnet
from inc_adaptors.onnxrt.kinds import WEIGHTED
from inc_config.plan import OpId
from inc_config.target import Isa, Runtime, Target
from onnx import ModelProto
from test_emission import ADAPTOR, Calibrated, calibrated
from test_targets import shuffled

MODELS = [resnet, depthwise, mlp, encoder, branches]


def squeeze_and_excite() -> ModelProto:
    """A convolution, a HardSwish without an integer kernel, and a branch whose result scales the channels."""
    b = Builder()
    y = b.node("HardSwish", b.conv(b.input("x", ["n", 3, 16, 16]), 3, 16, name="stem"), name="swish")
    y = b.node("Elu", b.conv(y, 16, 16, name="wide"), name="elu")
    scale = b.node("HardSigmoid", b.conv(b.node("GlobalAveragePool", y, name="mean"), 16, 16, k=1, name="squeeze"), name="gate")
    y = b.conv(b.node("Mul", y, scale, name="scaled"), 16, 8, k=1, name="narrow")
    return b.model((b.node("Softplus", y, name="end"), ["n", 8, 16, 16]))


def found_and_active(found: Calibrated, in_float: list[OpId]) -> tuple[frozenset[str], set[str]]:
    """What is found in the model of a plan with some operators in float, and what the plan's rules made integer there."""
    plan = found.plan.with_float(in_float)
    made = found.emit(plan)
    idle = next((note for note in made.state.notes if "no integer operator feeds them" in note), "").partition(": ")[2].split(", ")
    return ADAPTOR.integers(made), {op.scope for op in plan.quantized} - set(idle)


@pytest.mark.parametrize("make", [*MODELS, squeeze_and_excite])
def test_neighbours_of_integer_operators_that_compute_in_float_are_not_named(make: Callable[[], ModelProto]) -> None:
    named, active = found_and_active(calibrated(make()), [])
    assert named == active


@pytest.mark.parametrize("make", MODELS)
def test_a_product_that_fell_back_to_float_between_integer_operators_is_not_named(make: Callable[[], ModelProto]) -> None:
    found = calibrated(make())
    for op in (op for op in found.plan.quantized if op.type in WEIGHTED):  # an Add between its neighbours' pairs still runs on codes
        named, active = found_and_active(found, [op])
        assert named == active, f"{op} in float"


@pytest.mark.parametrize("make", [mlp, encoder])
def test_operators_with_dynamic_ranges_are_named_as_in_the_float_model(make: Callable[[], ModelProto]) -> None:
    found = calibrated(make())
    plan = found.capabilities.plan(lambda option: option.is_dynamic)
    assert ADAPTOR.integers(found.emit(plan)) == {op.scope for op in plan.quantized}


def test_weights_stored_as_codes_that_meet_floats_are_no_integer_operator() -> None:
    b = Builder()
    codes = b.constant(np.random.default_rng(0).integers(-127, 127, (16, 8)).astype(np.int8))
    weight = b.node("DequantizeLinear", codes, b.constant(np.float32(0.01)))
    model = b.model((b.node("MatMul", b.input("x", ["n", 16]), weight, name="product"), ["n", 8]))
    assert ADAPTOR.integers(ADAPTOR.open(model)) == frozenset()


@pytest.mark.parametrize("make", [encoder, shuffled])
def test_codes_are_followed_over_what_moves_them_without_a_pair_behind(make: Callable[[], ModelProto]) -> None:
    """As NNCF writes them, and this project for OpenVINO: what moves queries and keys is then on codes too, planned or not."""
    model = make()
    handle = ADAPTOR.open(model)
    found = ADAPTOR.capabilities(handle, Target(runtime=Runtime.OPENVINO, isa=Isa.AVX512_VNNI))
    statistics = ADAPTOR.observe(handle, batches(model), ADAPTOR.wanted(found, (found.plan(),)))
    named = ADAPTOR.integers(ADAPTOR.emitter(handle, statistics, found).emit(found.plan(), final=True))
    planned = {op.scope for op in found.plan().quantized}
    assert planned <= named
    assert {op.op.type for op in found.ops if op.op.scope in named - planned} <= {"Transpose", "Reshape"}


def test_a_pool_between_codes_and_floats_is_no_integer_operator() -> None:
    b = Builder()
    pair = b.constant(np.float32(0.05)), b.constant(np.uint8(0))
    y = b.node("DequantizeLinear", b.node("QuantizeLinear", b.input("x", ["n", 4, 8, 8]), *pair), *pair)
    model = b.model((b.node("Tanh", b.node("MaxPool", y, kernel_shape=[2, 2], name="pool")), ["n", 4, 7, 7]))
    assert ADAPTOR.integers(ADAPTOR.open(model)) == frozenset()

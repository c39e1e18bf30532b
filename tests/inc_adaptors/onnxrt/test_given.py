"""Scales that plans carry themselves, and plans that are taken by the letter."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import attrs
import numpy as np
import onnx
import pytest
from graphs import batches, encoder, kernels, mlp, resnet, run
from hypothesis import given
from hypothesis import strategies as st
from inc_adaptors.onnxrt.adaptor import OnnxrtAdaptor
from inc_adaptors.onnxrt.emission.containers import codes_tensor
from inc_adaptors.onnxrt.emission.given import bias_floor, explicit_qparams, needs_no_statistic
from inc_adaptors.qparams import quantize
from inc_config.dtypes import INT8, INT16, UINT8, UINT16, IntegerType, PerChannel, Scheme
from inc_config.errors import PlanError
from inc_config.named import Named
from inc_config.plan import QuantizationPlan, TensorPlan
from onnx import TensorProto, numpy_helper

REALS = st.floats(-1e6, 1e6, width=32)
TYPES = st.sampled_from([IntegerType(4, signed=True), IntegerType(4, signed=False), INT8, UINT8, INT16, UINT16])


def spread(dtype: IntegerType, scheme: Scheme = Scheme.ASYMMETRIC, **arguments: Any) -> TensorPlan:
    return TensorPlan(dtype=dtype, scheme=scheme, threshold=Named("spread", {"qmin": dtype.qmin, "qmax": dtype.qmax, **arguments}))


@given(dtype=TYPES, scheme=st.sampled_from(Scheme), low=REALS, high=REALS)
def test_zero_is_a_code_and_the_range_is_covered(dtype: IntegerType, scheme: Scheme, low: float, high: float) -> None:
    low, high = min(low, high), max(low, high)
    found = explicit_qparams(spread(dtype, scheme, minimum=low, maximum=high), None)
    assert np.isfinite(found.scale)
    assert found.scale > 0
    assert int(quantize(np.float32([0.0]), found, dtype)[0]) == int(found.zero_point)
    step, zero = Fraction(float(found.scale)), int(found.zero_point)
    slack = step + Fraction(1, 10**6) * (
        abs(Fraction(low)) + abs(Fraction(high))
    )  # a step for the zero point's rounding, float32's for the rest
    assert (dtype.qmin - zero) * step <= Fraction(low) + slack
    assert (dtype.qmax - zero) * step >= Fraction(high) - slack


def test_a_range_over_chosen_codes() -> None:
    """[-1, 3] over 0 to 255: a step of 4/255, and -1 is 63.75 steps below 0. Symmetric over -64 to 64: 3/64."""
    found = explicit_qparams(spread(UINT8, minimum=-1.0, maximum=3.0), None)
    assert float(found.scale) == pytest.approx(4 / 255)
    assert int(found.zero_point) == 64
    plan = spread(INT8, Scheme.SYMMETRIC, qmin=-64, qmax=64)
    found = explicit_qparams(plan, np.float32([-1.0, 3.0]))
    assert float(found.scale) == pytest.approx(3 / 64)
    assert int(found.zero_point) == 0
    wide = explicit_qparams(spread(UINT8, minimum=0.0, maximum=1.0, least=51.0), None)
    assert float(wide.scale) == pytest.approx(0.2)


def test_channels_have_scales_of_their_own() -> None:
    plan = TensorPlan(dtype=INT8, granularity=PerChannel(0), threshold=Named("spread", {"qmin": -127, "qmax": 127}))
    found = explicit_qparams(plan, np.float32([[1.0, -2.0], [0.5, 0.0], [0.0, 0.0]]))
    assert np.allclose(found.scale, [2 / 127, 0.5 / 127, 1.0])
    assert not found.zero_point.any()
    fixed = explicit_qparams(
        TensorPlan(granularity=PerChannel(0), threshold=Named("given", {"scale": (0.1, 0.2), "zero_point": 0})), np.ones((2, 3), np.float32)
    )
    assert np.allclose(fixed.scale, [0.1, 0.2])


@given(bias=st.floats(1e-3, 1e3), input_scale=st.floats(1e-6, 1.0), weight=st.floats(1e-12, 1.0))
def test_a_floored_scale_leaves_room_for_the_bias(bias: float, input_scale: float, weight: float) -> None:
    plan = spread(INT8, Scheme.SYMMETRIC, qmin=-127, qmax=127)
    floor = bias_floor(np.float32([bias, -bias / 2]), np.float32(input_scale), plan)
    found = explicit_qparams(plan, np.float32([weight]), floor=floor)
    assert Fraction(float(np.float32(bias))) / (Fraction(float(np.float32(input_scale))) * Fraction(float(found.scale))) < 2**31


@pytest.mark.parametrize(
    ("threshold", "message"),
    [
        (Named("given", {"scale": 0.0, "zero_point": 0}), "positive, finite scale"),
        (Named("given", {"scale": 1e39, "zero_point": 0}), "positive, finite scale"),
        (Named("given", {"scale": 1.0, "zero_point": 0.5}), "whole zero point"),
        (Named("given", {"scale": 1.0, "zero_point": 256}), "from 0 to 255"),
        (Named("given", {"scale": 1.0}), "does not take these arguments"),
        (Named("spread", {"qmin": 0, "qmax": 255}), "spreads no range"),
        (Named("spread", {"qmin": 0, "qmax": 255, "minimum": 0.0}), "does not take these arguments"),
        (Named("spread", {"qmin": 0, "qmax": 255, "minimum": 0.0, "maximum": 1.0, "most": 3}), "does not take these arguments"),
    ],
)
def test_what_makes_no_scale_is_refused(threshold: Named, message: str) -> None:
    with pytest.raises(PlanError, match=message):
        explicit_qparams(TensorPlan(dtype=UINT8, threshold=threshold), None)


@given(codes=st.lists(st.integers(-8, 7), max_size=9), signed=st.booleans())
def test_packed_codes_read_back(codes: list[int], signed: bool) -> None:
    held = np.array(codes, np.int8) if signed else np.array(codes, np.int64).astype(np.uint8) & 0x0F
    tensor = codes_tensor(held, "codes", IntegerType(4, signed=signed), packed=True)
    assert len(tensor.raw_data) == -(-len(codes) // 2)
    assert numpy_helper.to_array(tensor).astype(np.int64).tolist() == held.astype(np.int64).tolist()


def planned(model: onnx.ModelProto, change: Any, **recipes: Any) -> tuple[onnx.ModelProto, Any]:
    """The model of the default plan with ``change`` applied to every tensor plan of an activation, and its weights."""
    adaptor = OnnxrtAdaptor(threads=1)
    handle = adaptor.open(model)
    found = adaptor.capabilities(handle, adaptor.target())
    plan = found.plan(lambda option: not option.is_dynamic)
    plan = QuantizationPlan(target=plan.target, ops={op: change(each) for op, each in plan.ops.items()}, recipes=recipes)
    statistics = adaptor.observe(handle, batches(model), adaptor.wanted(found, [plan]))
    return adaptor.emitter(handle, statistics, found).emit(plan).native, plan


def test_any_plan_may_have_activations_of_sixteen_bits() -> None:

    def wide(plan: Any) -> Any:
        def each(tensors: Any) -> Any:
            return tuple(None if tensor is None else attrs.evolve(tensor, dtype=UINT16) for tensor in tensors)

        return attrs.evolve(plan, inputs=each(plan.inputs), outputs=each(plan.outputs))

    model = mlp()
    feed = batches(model, count=1)[0]
    exact = run(model, feed)[0]
    noise = {}
    for name, change in (("narrow", lambda plan: plan), ("wide", wide)):
        noise[name] = float(np.square(run(planned(model, change)[0], feed)[0] - exact).mean())
    assert noise["wide"] < noise["narrow"]


def test_unsigned_weights_run_on_integer_kernels(tmp_path: Any) -> None:

    def unsigned(plan: Any) -> Any:
        return plan if plan.weight is None else attrs.evolve(plan, weight=TensorPlan(dtype=UINT8, scheme=Scheme.ASYMMETRIC))

    made, _ = planned(resnet(batch_norm=False), unsigned)
    assert kernels(made, tmp_path)["QLinearConv"] == 6
    weights = {t.data_type for t in made.graph.initializer if len(t.dims) == 4}
    assert weights == {TensorProto.UINT8}


def test_a_literal_plan_quantizes_the_last_output_too() -> None:
    """The usual placement leaves a product in float that nobody reads as codes."""
    model = encoder(layers=1)
    usual, _ = planned(model, lambda plan: plan)
    letter, plan = planned(model, lambda plan: plan, literal=True)
    counts = [sum(node.op_type == "QuantizeLinear" for node in made.graph.node) for made in (usual, letter)]
    assert counts[0] <= counts[1]
    outputs = sum(tensor is not None for each in plan.ops.values() for tensor in each.outputs)
    assert counts[1] >= outputs


def test_only_ranges_that_a_plan_carries_need_no_data() -> None:
    assert needs_no_statistic(spread(UINT8, minimum=0.0, maximum=1.0))
    assert needs_no_statistic(TensorPlan(threshold=Named("given", {"scale": 1.0, "zero_point": 0})))
    assert not needs_no_statistic(spread(UINT8))
    assert not needs_no_statistic(TensorPlan())

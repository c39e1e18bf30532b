"""Scales that keep neighbouring weights in 16 bits: they always do, and are never coarser than 7 bits."""

from __future__ import annotations

from typing import Any

import attrs
import numpy as np
import pytest
from graphs import Builder, batches
from hypothesis import given, settings
from hypothesis import strategies as st
from inc_adaptors.kernels.pairs import pair_overflow
from inc_adaptors.onnxrt.adaptor import OnnxrtAdaptor
from inc_adaptors.onnxrt.coded import coded_operators
from inc_adaptors.onnxrt.emission.neighbours import PAIRS, sums_of_rows, widened
from inc_adaptors.onnxrt.tensors import to_array
from inc_adaptors.qparams import quantize, weight_qparams
from inc_config.dtypes import INT8, IntegerType, PerChannel, PerTensor, Scheme
from inc_config.plan import TensorPlan
from inc_config.target import Isa, Runtime, Target
from onnx import ModelProto

PLAIN = TensorPlan(dtype=INT8, scheme=Scheme.SYMMETRIC, granularity=PerChannel(0))
ADAPTOR = OnnxrtAdaptor(threads=1)


@settings(max_examples=200, deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(1, 6), st.integers(1, 9), st.sampled_from([1.0, 1e-6, 1e20]), st.booleans())
def test_no_pair_overflows_and_no_scale_is_coarser_than_seven_bits(seed: int, rows: int, inside: int, size: float, whole: bool) -> None:
    rng = np.random.default_rng(seed)
    values = (rng.choice([rng.standard_t(2, (rows, inside)), rng.integers(-3, 4, (rows, inside))]) * size).astype(np.float32)
    plain = attrs.evolve(PLAIN, granularity=PerTensor()) if whole else PLAIN
    eight, seven = (weight_qparams(values, attrs.evolve(plain, dtype=dtype)) for dtype in (INT8, IntegerType(7, signed=True)))
    found = widened(eight, attrs.evolve(plain, threshold=PAIRS), sums_of_rows(values, inside))
    assert (found.scale >= eight.scale).all()
    assert (found.scale <= seven.scale * (1.0 + 1e-5)).all()
    codes = np.pad(quantize(values, found, INT8, plain.granularity), [(0, 0), (0, inside % 2)])
    largest = np.where(codes.reshape(rows, -1) >= 0, 255, 0).astype(np.uint8)
    for activations in (largest, 255 - largest):  # the worst inputs for a row: full codes under all weights of one sign
        assert pair_overflow(activations, np.ascontiguousarray(codes.T))[1] == 0


def test_the_largest_pair_of_like_signs_counts() -> None:
    """Row 1: pairs (100, -90), (60, 61): 121. Row 2: pairs (-3, -4), (0, 9): 9."""
    assert sums_of_rows(np.array([[100, -90, 60, 61], [-3, -4, 0, 9]], np.float32), 4).tolist() == [121.0, 9.0]


def test_odd_taps_count_filled_up_and_running_on() -> None:
    """Two taps of three channels: filled up, pairs are (1, 2), (3, 0), (40, 5), (6, 0), so 45; running on, (1, 2), (3, 40), (5, 6): 43."""
    assert sums_of_rows(np.array([[1, 2, 3, 40, 5, 6]], np.float32), 3).tolist() == [45.0]
    assert sums_of_rows(np.array([[1, 2, 30, 40, 5, 6]], np.float32), 3).tolist() == [70.0]


def test_where_no_pair_is_large_the_scale_stays() -> None:
    values = np.array([[1.0, -1.0, 0.5, 0.5]], np.float32)
    eight = weight_qparams(values, PLAIN)
    assert widened(eight, attrs.evolve(PLAIN, threshold=PAIRS), sums_of_rows(values, 4)).scale == eight.scale


def _lstm() -> tuple[ModelProto, str]:
    b = Builder(seed=4)
    w, r = (b.constant(b.normal(1, 32, size, fan=size)) for size in (6, 8))
    y = b.node("LSTM", b.input("x", [5, "n", 6]), w, r, hidden_size=8)
    return b.model((y, [5, 1, "n", 8])), "LSTM"


def _grey() -> tuple[ModelProto, str]:
    b = Builder(seed=4)
    y = b.node("Conv", b.input("x", ["n", 1, 8, 8]), b.constant(b.normal(4, 1, 3, 3, fan=9)), kernel_shape=[3, 3])
    return b.model((y, ["n", 4, 6, 6])), "Conv"


@pytest.mark.parametrize("make", [_lstm, _grey])
def test_every_kind_of_product_is_widened(make: Any) -> None:
    """An LSTM's two weights, and a convolution of one channel, whose kernel reads on from tap to tap."""
    model, kind = make()
    handle = ADAPTOR.open(model)
    found = ADAPTOR.capabilities(handle, Target(runtime=Runtime.ONNXRUNTIME, isa=Isa.AVX2))
    plan = found.plan()
    (planned,) = (op_plan for op, op_plan in plan.ops.items() if op.type == kind)
    assert planned.weight is not None
    assert planned.weight.threshold == PAIRS
    statistics = ADAPTOR.observe(handle, batches(model), ADAPTOR.wanted(found, (plan,)))
    made = ADAPTOR.emitter(handle, statistics, found).emit(plan).native
    if kind == "Conv":
        (operator,) = coded_operators(made)
        rows = [operator.weights.reshape(4, 9)]
    else:
        (node,) = (node for node in made.graph.node if node.op_type == "DynamicQuantizeLSTM")
        arrays = {tensor.name: tensor for tensor in made.graph.initializer}
        rows = [to_array(arrays[name])[0].T for name in node.input[1:3]]
    for codes in rows:
        assert np.abs(codes).max() > 63  # more than 7 bits would hold
        assert sums_of_rows(codes.astype(np.float32), codes.shape[1]).max() <= 128.0

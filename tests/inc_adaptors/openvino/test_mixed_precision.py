"""bf16 for OpenVINO: kernels found by running, models run where they were made for."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).parents[1] / "onnxrt"))

from graphs import batches, resnet
from inc_adaptors import machine, store
from inc_adaptors.onnxrt.adaptor import OnnxrtAdaptor
from inc_adaptors.onnxrt.half.measuring import Found, HalfKernels
from inc_adaptors.openvino.profiling import profile
from inc_adaptors.parity import sqnr_db
from inc_config.capabilities import ReasonCode
from inc_config.dtypes import BF16, FP16
from inc_config.plan import FLOAT
from inc_config.target import Runtime, Target

pytest.importorskip("openvino", reason="the extra 'openvino' is not installed")

TARGET = Target(runtime=Runtime.OPENVINO, isa=machine.isa())
MODEL = resnet()
FEEDS = batches(MODEL, count=2)
HEAVY = HalfKernels(lambda call, dtype, target: Found(has_kernel=dtype is BF16 and call.type in ("Conv", "Gemm"), speedup=2.0, why="no"))


def test_every_node_is_timed_with_the_type_it_computes_in() -> None:
    times = profile(MODEL, FEEDS[0], calls=3)
    assert any(time.dtype == "float32" and time.seconds > 0.0 for time in times)
    assert sum(time.share for time in times) == pytest.approx(1.0)


def test_options_and_reasons_come_from_this_machine() -> None:
    adaptor = OnnxrtAdaptor(threads=1)
    handle = adaptor.open(MODEL)
    found = adaptor.half(handle, adaptor.capabilities(handle, TARGET), (BF16, FP16), batches=FEEDS)
    for op in found.ops:
        halves = [option for option in op.options if not option.is_quantized and option != FLOAT]
        # OpenVINO turns fp16 in a model into fp32: only bf16 can be chosen per operator, on processors that have it.
        assert {option.compute_dtype for option in halves} <= {BF16}
        if op.options == (FLOAT,):
            assert op.reason is not None
            codes = (ReasonCode.NO_HALF_KERNEL, ReasonCode.SLOWER_IN_HALF)
            assert op.is_quantizable or op.reason.code in (*codes, ReasonCode.NO_INTEGER_KERNEL, ReasonCode.RANGE_GUARD)


@pytest.mark.parametrize("integers", [False, True], ids=["bf16", "bf16 and int8"])
def test_a_model_with_bf16_runs_in_openvino_and_comes_back(tmp_path: Path, integers: bool) -> None:
    adaptor = OnnxrtAdaptor(threads=1, kernels=HEAVY)
    handle = adaptor.open(MODEL)
    found = adaptor.half(handle, adaptor.capabilities(handle, TARGET), (BF16,), batches=FEEDS)
    plan = found.plan(lambda option: option.compute_dtype is BF16)
    in_bf16 = [op for op, option in plan.ops.items() if option.compute_dtype is BF16]
    assert len(in_bf16) >= 3
    if integers:
        plan = found.plan().with_ops({op: plan.ops[op] for op in in_bf16[:1]})
    statistics = adaptor.observe(handle, FEEDS, adaptor.wanted(found, (plan,)))
    made = adaptor.emitter(handle, statistics, found).emit(plan, final=True)

    reference, got = (adaptor.predict(each, FEEDS[0])[0] for each in (handle, made))
    assert got.dtype == reference.dtype
    assert 20.0 < sqnr_db(reference, got) < 100.0
    assert adaptor.compare(handle, made, FEEDS).outputs[0].sqnr_db > 20.0
    (call,) = adaptor.bind(made, FEEDS[:1], threads=1)
    np.testing.assert_array_equal(np.asarray(call()[0]), got)  # type: ignore[index]  # what this runtime's calls return
    assert adaptor.profile(made, FEEDS[0], calls=1)

    store.save(adaptor.to_saved(made), tmp_path / "model")
    again = adaptor.from_saved(store.load(tmp_path / "model").model)
    np.testing.assert_array_equal(adaptor.predict(again, FEEDS[0])[0], got)
    assert again.state.plan == plan

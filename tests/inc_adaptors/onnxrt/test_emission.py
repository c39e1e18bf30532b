from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import attrs
import numpy as np
import onnx
import pytest
from graphs import Builder, batches, branches, depthwise, encoder, kernels, mlp, resnet, run, run_plainly
from inc_adaptors.handle import ModelHandle
from inc_adaptors.onnxrt.adaptor import OnnxrtAdaptor
from inc_adaptors.statistics.protocol import StatisticSpec
from inc_adaptors.statistics.store import Statistics
from inc_config.capabilities import Capabilities
from inc_config.dtypes import BF16, INT8, UINT8, IntegerType, PerChannel, PerGroup, Scheme
from inc_config.errors import CalibrationError, PlanError
from inc_config.named import Named
from inc_config.plan import OpId, OpPlan, QuantizationPlan, TensorPlan
from inc_config.target import Isa, Runtime, Target
from onnx import ModelProto, TensorProto, helper, numpy_helper
from tool import quiet

ADAPTOR = OnnxrtAdaptor(threads=1)
TARGET = Target(runtime=Runtime.ONNXRUNTIME, isa=Isa.AVX512_VNNI)
RANGE = StatisticSpec("range")


@attrs.frozen(eq=False)
class Calibrated:
    """A model ready to be quantized."""

    model: ModelProto
    handle: ModelHandle
    capabilities: Capabilities
    statistics: Statistics

    @property
    def plan(self) -> QuantizationPlan:
        return self.capabilities.plan()

    def emit(self, plan: QuantizationPlan | None = None, *, final: bool = False) -> ModelHandle:
        return ADAPTOR.emitter(self.handle, self.statistics, self.capabilities).emit(plan or self.plan, final=final)

    def sqnr_db(self, plan: QuantizationPlan | None = None) -> float:
        return ADAPTOR.parity(self.handle, self.emit(plan), batches(self.model))[0].sqnr_db

    def op(self, scope: str) -> OpId:
        return next(c.op for c in self.capabilities.ops if c.op.scope == scope)

    def changed(self, scope: str, **changes: Any) -> QuantizationPlan:
        return self.plan.with_ops({self.op(scope): attrs.evolve(self.plan.ops[self.op(scope)], **changes)})


def calibrated(model: ModelProto, *, threshold: str = "minmax") -> Calibrated:
    handle = ADAPTOR.open(model)
    capabilities = ADAPTOR.capabilities(handle, TARGET)
    plan = with_threshold(capabilities.plan(), threshold)
    return Calibrated(model, handle, capabilities, ADAPTOR.observe(handle, batches(model), ADAPTOR.wanted(capabilities, (plan,))))


def with_threshold(plan: QuantizationPlan, threshold: str) -> QuantizationPlan:
    def changed(tensors: tuple[TensorPlan | None, ...]) -> tuple[TensorPlan | None, ...]:
        return tuple(None if t is None else attrs.evolve(t, threshold=Named(threshold)) for t in tensors)

    return plan.with_ops({op: attrs.evolve(p, inputs=changed(p.inputs), outputs=changed(p.outputs)) for op, p in plan.ops.items()})


KERNELS: list[tuple[Callable[[], ModelProto], dict[str, int]]] = [
    (resnet, {"QLinearConv": 6, "QLinearAdd": 2, "QLinearGlobalAveragePool": 1, "QGemm": 1, "QuantizeLinear": 1}),
    (depthwise, {"QLinearConv": 7, "QLinearAdd": 2, "QGemm": 1}),
    (mlp, {"QGemm": 3, "QuantizeLinear": 1}),
    (encoder, {"MatMulIntegerToFloat": 12, "QGemm": 1, "SkipLayerNormalization": 4, "QuickGelu": 2}),
    (branches, {"QLinearConv": 5, "QLinearAdd": 1, "QLinearConcat": 1, "QLinearAveragePool": 1, "QGemm": 1, "QuantizeLinear": 1}),
]


def test_near_dead_channels_with_a_bias_do_not_overflow_int32() -> None:
    b = Builder()
    y = b.node("Relu", b.conv(b.input("x", ["n", 3, 8, 8]), 3, 8, name="thin"))
    weight = b.initializers[b.nodes[0].input[1]]
    factors = np.array([0.0, 1.0, 1e-20, 1.0, 1e-6, 1e-5, 1e-7, 1.0], np.float32).reshape(8, 1, 1, 1)
    weight.CopyFrom(numpy_helper.from_array(numpy_helper.to_array(weight) * factors, weight.name))
    bias = b.initializers[b.nodes[0].input[2]]
    bias.CopyFrom(numpy_helper.from_array(np.array([-1, 0.5, -0.1, 0.5, -1, -0.5, 1, -0.1], np.float32), bias.name))
    found = calibrated(b.model((b.conv(y, 8, 4, k=1, name="head"), ["n", 4, 8, 8])))
    assert found.sqnr_db() > 30.0


def test_a_clip_around_zero_is_done_by_the_clamp_of_the_codes(tmp_path: Path) -> None:
    b = Builder()
    bounds = [b.constant(np.float32(value)) for value in (-1.0, 1.0)]
    y = b.node("Clip", b.conv(b.input("x", ["n", 3, 8, 8]), 3, 8), *bounds)
    found = calibrated(b.model((b.node("Clip", b.conv(y, 8, 8), *bounds), ["n", 8, 8, 8])))
    made = found.emit(final=True)
    assert kernels(made.native, tmp_path)["QLinearConv"] == 2
    assert ADAPTOR.parity(found.handle, made, batches(found.model))[0].sqnr_db > 30.0


def test_a_model_whose_initializers_are_inputs_too_stays_valid() -> None:
    model = resnet(opset=11)
    model.ir_version = 3
    for tensor in model.graph.initializer:
        model.graph.input.append(helper.make_tensor_value_info(tensor.name, tensor.data_type, list(tensor.dims)))
    made = calibrated(model).emit(final=True).native
    onnx.checker.check_model(made)
    assert [value.name for value in made.graph.input] == ["x"]


@pytest.mark.parametrize(("make", "expected"), KERNELS)
@pytest.mark.parametrize("final", [False, True])
def test_the_default_plan_runs_on_integer_kernels(make: Any, expected: dict[str, int], final: bool, tmp_path: Path) -> None:
    """As found in the graph that onnxruntime optimized for itself: no float convolution, and no activation beside the kernels."""
    ran = kernels(calibrated(make()).emit(final=final).native, tmp_path)
    assert {name: ran[name] for name in expected} == expected
    assert not ran["Conv"] + ran["Gemm"] + ran["Relu"] + ran["Clip"] + ran["DequantizeLinear"] * (make is not depthwise)


def test_dynamic_products_run_on_their_fused_kernel(tmp_path: Path) -> None:
    for make, count in ((mlp, 3), (encoder, 13)):
        ready = calibrated(make())
        plan = ready.capabilities.plan(lambda option: option.is_dynamic)
        assert ADAPTOR.wanted(ready.capabilities, (plan,)) == {}
        ran = kernels(ready.emit(plan).native, tmp_path)
        assert ran["DynamicQuantizeMatMul"] + ran["MatMulIntegerToFloat"] == count == len(plan.quantized)
        assert ready.sqnr_db(plan) > 30.0


def test_products_of_one_tensor_share_its_dynamic_quantization() -> None:
    ready = calibrated(encoder())
    emitted = ready.emit(ready.capabilities.plan(lambda option: option.is_dynamic)).native
    dynamic = [node.input[0] for node in emitted.graph.node if node.op_type == "DynamicQuantizeLinear"]
    assert len(dynamic) == len(set(dynamic)) == 2 * 4 + 1


@pytest.mark.parametrize("make", [resnet, depthwise, mlp])
def test_weights_biases_and_outputs_agree_with_onnxruntimes_own_quantizer(make: Callable[[], ModelProto]) -> None:
    """From the same ranges over the same float graph: equal scales, codes within one step, nearly equal outputs."""
    ready = calibrated(make())
    emitted = ready.emit(final=True)
    theirs = reference(ready)
    feed = batches(ready.model)[0]
    ours, other = run(emitted.native, feed)[0], run(theirs, feed)[0]
    assert 10.0 * np.log10(np.square(other).sum() / np.square(ours - other).sum()) > 38.0
    left, right = (weights_of(model) for model in (emitted.native, theirs))
    assert left.keys() == right.keys()
    for name, (codes, scale) in right.items():
        np.testing.assert_allclose(left[name][1], scale, rtol=1e-6)
        assert np.abs(left[name][0].astype(np.int64) - codes).max() <= (1 if codes.dtype == np.int8 else 2)


def reference(ready: Calibrated) -> ModelProto:
    """onnxruntime's quantizer on our float graph with our ranges."""
    from onnxruntime.quantization import CalibrationMethod, QuantType
    from onnxruntime.quantization.calibrate import TensorsData
    from onnxruntime.quantization.qdq_quantizer import QDQQuantizer

    model = ready.emit(ready.plan.with_float(ready.plan.quantized)).native
    tensors = ADAPTOR.tensors(ready.handle)
    statistics = ADAPTOR.observe(ready.handle, batches(ready.model), {key: frozenset({RANGE}) for key in tensors})
    ranges = {tensors[key]: found[RANGE] for key, found in statistics.values.items()}
    found = {name: (np.float32(r.minimum), np.float32(r.maximum)) for name, r in ranges.items()}  # type: ignore[attr-defined]  # range statistics
    for node in model.graph.node:
        if node.op_type in ("Relu", "Clip"):
            found.setdefault(node.input[0], found[node.output[0]])
    quantizer = QDQQuantizer(
        model,
        per_channel=True,
        reduce_range=False,
        weight_qType=QuantType.QInt8,
        activation_qType=QuantType.QUInt8,
        tensors_range=TensorsData(CalibrationMethod.MinMax, found),
        nodes_to_quantize=[],
        nodes_to_exclude=[],
        op_types_to_quantize=sorted({op.type for op in ready.plan.quantized} | {"Relu", "Clip"}),
        extra_options={},
    )
    with quiet():
        quantizer.quantize_model()
    return quantizer.model.model


def weights_of(model: ModelProto) -> dict[str, tuple[Any, Any]]:
    """Codes and scales of the dequantized initializers, by the node and input position that read them."""
    held = {t.name: numpy_helper.to_array(t) for t in model.graph.initializer}
    made = {n.output[0]: n for n in model.graph.node if n.op_type == "DequantizeLinear" and n.input[0] in held}
    return {
        f"{node.name}/{position}": (held[made[name].input[0]], held[made[name].input[1]])
        for node in model.graph.node
        for position, name in enumerate(node.input)
        if name in made
    }


def test_a_dropped_pair_does_not_lose_its_relu() -> None:
    """The trap: strip first and fall back later, and the model reads near 0 dB; every operator alone in float must stay close."""
    ready = calibrated(resnet())
    emitter = ADAPTOR.emitter(ready.handle, ready.statistics, ready.capabilities)
    emitter.emit(ready.plan, final=True)
    for op in ready.plan.quantized:
        emitted = emitter.emit(ready.plan.with_float([op]))
        assert ADAPTOR.parity(ready.handle, emitted, batches(ready.model))[0].sqnr_db > 30.0, op


def test_a_bias_far_above_its_dead_channel_fits_int32() -> None:
    """Weights of 1e-12 beside a bias of 50: unfloored, 50 / (s_x * 1e-12 / 127) is about 1e17, far beyond int32."""
    b = Builder()
    model = b.model((b.node("Relu", b.conv(b.input("x", ["n", 4, 6, 6]), 4, 8, name="conv")), ["n", 8, 6, 6]))
    weight, bias = (np.array(numpy_helper.to_array(model.graph.initializer[i])) for i in (0, 1))
    weight[3] *= 1e-12
    bias[3] = 50.0
    for index, array in enumerate((weight, bias)):
        model.graph.initializer[index].CopyFrom(numpy_helper.from_array(array, model.graph.initializer[index].name))
    ready = calibrated(model)
    emitted = ready.emit()
    codes = next(numpy_helper.to_array(t) for t in emitted.native.graph.initializer if t.data_type == TensorProto.INT32)
    assert 2**30 < codes[3] < 2**31 - 1
    feed = batches(model)[0]
    np.testing.assert_allclose(run_plainly(emitted.native, feed)[0][:, 3], 50.0, atol=0.3)
    np.testing.assert_allclose(run(emitted.native, feed)[0][:, 3], 50.0, atol=0.3)


def test_pruned_weights_stay_exactly_zero() -> None:
    model = resnet()
    for tensor in model.graph.initializer:
        if len(tensor.dims) == 4:
            array = np.array(numpy_helper.to_array(tensor))
            array[np.random.default_rng(0).random(array.shape) < 0.7] = 0.0
            tensor.CopyFrom(numpy_helper.from_array(array, tensor.name))
    ready = calibrated(model)
    in_float = {
        n.name: n.input[1] for n in ready.emit(ready.plan.with_float(ready.plan.quantized)).native.graph.node if n.op_type == "Conv"
    }
    held = {t.name: numpy_helper.to_array(t) for t in ready.emit(ready.plan.with_float(ready.plan.quantized)).native.graph.initializer}
    codes = {name.removesuffix("/1"): found[0] for name, found in weights_of(ready.emit().native).items() if name.endswith("/1")}
    for name, weight in in_float.items():
        assert not codes[name][held[weight] == 0.0].any()


def test_a_weight_shared_by_an_integer_and_a_float_operator_is_kept_in_both_forms() -> None:
    ready = calibrated(branches(shared=True))
    both, one = ready.emit(), ready.emit(ready.plan.with_float([ready.op("left")]))
    shared = next(n for n in ready.model.graph.node if n.name == "left").input[1]
    for handle, in_float in ((both, False), (one, True)):
        names = {t.name for t in handle.native.graph.initializer}
        assert f"{shared}_codes" in names
        assert (shared in names) == in_float
    assert sum(t.name.startswith(f"{shared}_codes") for t in both.native.graph.initializer) == 1


def test_quantized_graph_outputs_and_captured_tensors_keep_their_names() -> None:
    b = Builder()
    y = b.conv(b.input("x", ["n", 4, 6, 6]), 4, 8, name="conv")
    branch = helper.make_graph(
        [helper.make_node("Neg", [y], ["neg"])], "b", [], [helper.make_tensor_value_info("neg", TensorProto.FLOAT, None)]
    )
    z = b.node("If", b.constant(np.array(True)), then_branch=branch, else_branch=branch)
    halves = b.node("Split", y, outputs=2, axis=1, name="split")
    model = b.model((y, ["n", 8, 6, 6]), (z, ["n", 8, 6, 6]), (halves[0], ["n", 4, 6, 6]), (halves[1], ["n", 4, 6, 6]))
    ready = calibrated(model)
    for final in (False, True):
        emitted = ready.emit(final=final)
        onnx.checker.check_model(emitted.native, full_check=True)
        assert [o.name for o in emitted.native.graph.output] == [y, z, *halves]
        feed = batches(model)[0]
        got, expected = run(emitted.native, feed), run(model, feed)
        for left, right in zip(got, expected, strict=True):
            assert 0.0 < np.abs(left - right).max() < 0.1
        np.testing.assert_array_equal(got[1], -got[0])


def test_operators_that_nothing_integer_feeds_stay_in_float_and_are_noted() -> None:
    ready = calibrated(branches())
    only_pool = ready.plan.with_float(op for op in ready.plan.quantized if op.scope not in ("pool", "join", "sum"))
    emitted = ready.emit(only_pool)
    assert not any(node.op_type == "QuantizeLinear" for node in emitted.native.graph.node)
    assert any("no integer operator feeds them" in note and "pool" in note for note in emitted.state.notes)
    assert emitted.state.plan == only_pool


def test_codes_pass_through_with_one_scale() -> None:
    emitted = calibrated(branches()).emit()
    scale = emitted.state.qparams
    assert scale["pool/input:0"] == scale["pool/output:0"] == scale["join/output:0"]
    assert "join/input:2" in scale
    assert scale["left/weight"][0].shape == (8,)


@pytest.mark.parametrize("threshold", ["percentile", "kl", "mse"])
def test_every_threshold_method_gives_a_close_model(threshold: str) -> None:
    ready = calibrated(resnet(), threshold=threshold)
    assert ready.sqnr_db(with_threshold(ready.plan, threshold)) > 20.0
    assert ready.sqnr_db() > 30.0, "a histogram also gives the range"


@pytest.mark.parametrize("dtype", [UINT8, INT8])
@pytest.mark.parametrize("scheme", [Scheme.SYMMETRIC, Scheme.ASYMMETRIC])
def test_activations_may_be_signed_or_symmetric(dtype: IntegerType, scheme: Scheme) -> None:
    ready = calibrated(mlp())
    tensor = TensorPlan(dtype=dtype, scheme=scheme)
    changes = {op: attrs.evolve(p, inputs=(tensor,), outputs=(tensor,)) for op, p in ready.plan.ops.items()}
    assert ready.sqnr_db(ready.plan.with_ops(changes)) > 25.0


@pytest.mark.parametrize("bits", [2, 4, 7])
def test_narrow_weights_are_coarser(bits: int) -> None:
    ready = calibrated(mlp())
    weight = TensorPlan(dtype=IntegerType(bits, signed=True), granularity=PerChannel(0))
    changes = {op: attrs.evolve(p, weight=weight) for op, p in ready.plan.ops.items()}
    plan = ready.plan.with_ops(changes)
    assert ready.sqnr_db(plan) < ready.sqnr_db() - 1.0
    codes = [found[0] for name, found in weights_of(ready.emit(plan).native).items() if name.endswith("/1")]
    assert max(np.abs(c).max() for c in codes) == 2 ** (bits - 1) - 1


A8, W8 = TensorPlan(dtype=UINT8, scheme=Scheme.ASYMMETRIC), TensorPlan(granularity=PerChannel(0))


@pytest.mark.parametrize(
    ("scope", "changes", "message"),
    [
        ("left", {"weight": None}, "no plan for its weight"),
        ("left", {"weight": TensorPlan(scheme=Scheme.ASYMMETRIC)}, "signed symmetric"),
        ("left", {"weight": TensorPlan(granularity=PerGroup(1, 2))}, "per tensor or along axis 0"),
        ("left", {"weight": TensorPlan(granularity=PerChannel(1))}, "per tensor or along axis 0"),
        ("left", {"inputs": ()}, "no plan for its input 0"),
        ("left", {"outputs": ()}, "returns codes"),
        ("left", {"inputs": (TensorPlan(dtype=IntegerType(4, signed=False)),)}, "8 bits per tensor"),
        ("left", {"inputs": (attrs.evolve(A8, ranges="dynamic"),)}, "dynamic ranges"),
        ("sum", {"inputs": (A8,)}, "no plan for its input 1"),
    ],
)
def test_a_plan_without_kernels_is_refused(scope: str, changes: dict[str, Any], message: str) -> None:
    ready = calibrated(branches())
    with pytest.raises(PlanError, match=message):
        ready.emit(ready.changed(scope, **changes))


def test_half_precision_is_no_plan_of_this_adaptor() -> None:
    ready = calibrated(mlp())
    with pytest.raises(PlanError, match="bf16"):
        ready.emit(ready.plan.with_ops({ready.op("gemm_0"): OpPlan(compute_dtype=BF16)}))


def test_missing_statistics_name_the_tensor() -> None:
    ready = calibrated(mlp())
    with pytest.raises(CalibrationError, match="gathered"):
        attrs.evolve(ready, statistics=attrs.evolve(ready.statistics, values={})).emit()


def test_a_model_of_two_gib_would_load_as_this_one_does() -> None:
    """Weights go beside the message: what is serialized for a session is the structure alone."""
    from inc_adaptors.onnxrt.tensors import split

    model = mlp(width=256)
    parts = split(model)
    assert len(parts.model.SerializeToString()) < 4096 < 256 * 256 * 4
    assert {t.name for t in model.graph.initializer if len(t.raw_data) > 1024} == set(parts.weights)

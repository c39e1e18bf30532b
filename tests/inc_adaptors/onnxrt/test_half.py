"""Operators of ONNX models in 16 bits: which are offered, what is written, and what comes out."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import Any

import attrs
import numpy as np
import onnx
import pytest
from graphs import Builder
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from inc_adaptors import machine
from inc_adaptors.handle import ModelHandle
from inc_adaptors.onnxrt.adaptor import OnnxrtAdaptor
from inc_adaptors.onnxrt.half.calls import Call, call_of
from inc_adaptors.onnxrt.half.measuring import Found, HalfKernels, measured
from inc_adaptors.onnxrt.half.weights import half_tensor
from inc_config.capabilities import Capabilities, Reason, ReasonCode
from inc_config.dtypes import BF16, FP16, FloatType
from inc_config.errors import PlanError
from inc_config.plan import FLOAT, OpPlan, QuantizationPlan
from inc_config.target import Isa, Runtime, Target
from onnx import ModelProto, numpy_helper

IN_BF16, IN_FP16 = OpPlan(compute_dtype=BF16), OpPlan(compute_dtype=FP16)
TARGET = Target(runtime=Runtime.ONNXRUNTIME, isa=machine.isa())
X = {"x": np.random.default_rng(0).standard_normal((3, 4, 8, 8)).astype(np.float32)}

Answer = Callable[[Call, FloatType], Found]


def fast(call: Call, dtype: FloatType) -> Found:
    return Found(has_kernel=dtype is FP16, speedup=2.0, inner=2.0, why="pretended")


def residual(scale: float = 1.0, shape: Any = ("n", 4, 8, 8)) -> ModelProto:
    """conv1 + Relu, conv2, their sum, the mean, a matrix product and a Softmax."""
    b = Builder(seed=1)
    x = b.input("x", list(shape))
    left = b.node("Relu", b.conv(x, 4, 8, name="conv1"), name="relu")
    total = b.node("Add", b.conv(left, 8, 8, name="conv2"), left, name="add")
    flat = b.node("Flatten", b.node("GlobalAveragePool", total, name="mean"), name="flatten")
    weight = b.constant(b.normal(8, 5, fan=8) * scale, "head_weight")
    return b.model((b.node("Softmax", b.node("MatMul", flat, weight, name="head"), name="softmax"), ["n", 5]))


@attrs.define
class Mixed:
    """A model with its 16-bit options, as ``answer`` has them measured."""

    adaptor: OnnxrtAdaptor
    handle: ModelHandle
    found: Capabilities

    @classmethod
    def of(cls, model: ModelProto, answer: Answer = fast, dtypes: tuple[FloatType, ...] = (FP16,), **more: Any) -> Mixed:
        adaptor = OnnxrtAdaptor(threads=1, kernels=HalfKernels(lambda call, dtype, target: answer(call, dtype)))
        handle = adaptor.open(model)
        bare = adaptor.capabilities(handle, TARGET)
        bare = attrs.evolve(bare, ops=[attrs.evolve(op, options=(FLOAT,), reason=None) for op in bare.ops])
        return cls(adaptor, handle, adaptor.half(handle, bare, dtypes, **{"batches": (X,)} | more))

    def emit(self, plan: QuantizationPlan) -> ModelHandle:
        statistics = self.adaptor.observe(self.handle, (X,), self.adaptor.wanted(self.found, (plan,)))
        return self.adaptor.emitter(self.handle, statistics, self.found).emit(plan)

    def only(self, *scopes: str) -> QuantizationPlan:
        return self.found.plan().with_float(op.op for op in self.found.ops if op.op.scope not in scopes)

    def options(self) -> dict[str, tuple[OpPlan, ...]]:
        return {op.op.scope: op.options for op in self.found.ops}

    def reason(self, scope: str) -> Reason:
        found = next(op.reason for op in self.found.ops if op.op.scope == scope)
        assert found is not None
        return found


def casts(model: ModelProto) -> list[tuple[str, str]]:
    """The tensors before and after each cast."""
    return [(node.input[0], node.output[0]) for node in model.graph.node if node.op_type == "Cast"]


def types(model: ModelProto) -> dict[str, int]:
    inferred = onnx.shape_inference.infer_shapes(model, strict_mode=True).graph
    return {value.name: value.type.tensor_type.elem_type for value in (*inferred.value_info, *inferred.output)}


def test_a_run_of_operators_in_16_bits_has_one_cast_at_each_end() -> None:
    mixed = Mixed.of(residual())
    made = mixed.emit(mixed.found.plan()).native
    assert casts(made) == [("x", "x_fp16"), ("softmax_out_fp16", "softmax_out")]
    onnx.checker.check_model(made, full_check=True)
    assert not [tensor.name for tensor in made.graph.initializer if tensor.data_type == onnx.TensorProto.FLOAT]


def test_an_operator_that_goes_back_to_fp32_gets_casts_around_it_and_no_more() -> None:
    mixed = Mixed.of(residual())
    made = mixed.emit(mixed.found.plan().with_float(op.op for op in mixed.found.ops if op.op.scope in ("conv2", "add", "softmax"))).native
    # relu is read by conv2 and add, both in fp32: one cast serves both. The head starts anew, light operators before it stay in fp32.
    assert casts(made) == [
        ("x", "x_fp16"),
        ("relu_out_fp16", "relu_out"),
        ("flatten_out", "flatten_out_fp16"),
        ("head_out_fp16", "head_out"),
    ]
    assert Counter(types(made).values())[onnx.TensorProto.FLOAT] >= 5


def test_light_operators_alone_stay_in_fp32_and_a_note_says_so() -> None:
    mixed = Mixed.of(residual())
    made = mixed.emit(mixed.only("add", "softmax"))
    assert not casts(made.native)
    assert "in fp32 because nothing they read is in 16 bits: add, softmax" in made.state.notes


def test_a_tensor_that_is_an_output_too_keeps_its_name_and_type() -> None:
    model = residual()
    model.graph.output.append(onnx.helper.make_tensor_value_info("relu_out", onnx.TensorProto.FLOAT, ["n", 8, 8, 8]))
    mixed = Mixed.of(model)
    made = mixed.emit(mixed.found.plan())
    assert types(made.native)["relu_out"] == onnx.TensorProto.FLOAT
    for left, right in zip(mixed.adaptor.predict(made, X), mixed.adaptor.predict(mixed.handle, X), strict=True):
        assert left.dtype == right.dtype
        assert np.abs(left - right).max() < 0.01 * np.abs(right).max()


def test_a_plan_with_a_type_that_is_not_offered_is_refused() -> None:
    mixed = Mixed.of(residual())
    for scope, option in (("conv1", IN_BF16), ("relu", IN_FP16)):
        ops = {op.op: option for op in mixed.found.ops if op.op.scope == scope}
        plan = mixed.found.plan().with_ops(ops or {attrs.evolve(mixed.found.ops[0].op, scope=scope): option})
        with pytest.raises(PlanError, match=r"compute type bf16|no operator relu"):
            mixed.emit(plan)


def test_what_was_measured_is_the_reason_of_what_is_not_offered() -> None:
    def answer(call: Call, dtype: FloatType) -> Found:
        if call.type == "Conv":
            return Found(has_kernel=True, speedup=1 / 3.1, inner=0.5)
        return Found(has_kernel=False, why=f"no {dtype} {call.type} on this target")

    mixed = Mixed.of(residual(), answer)
    assert str(mixed.reason("conv1")) == "slower_in_half: fp16 Conv 3.1x slower than fp32 here"
    assert str(mixed.reason("head")) == "no_half_kernel: no fp16 MatMul on this target"
    assert mixed.reason("add").code is ReasonCode.SLOWER_IN_HALF
    assert not mixed.found.lowerable


def test_slower_kernels_are_offered_where_size_counts() -> None:
    def slow(call: Call, dtype: FloatType) -> Found:
        return Found(has_kernel=call.type == "MatMul", speedup=0.5, inner=0.5, why="none")

    mixed = Mixed.of(residual(), slow, smaller=True)
    assert mixed.options()["head"] == (IN_FP16, FLOAT)
    assert mixed.options()["conv1"] == (FLOAT,)


def test_the_faster_type_comes_first() -> None:
    def answer(call: Call, dtype: FloatType) -> Found:
        return Found(has_kernel=True, speedup=3.0 if (dtype is FP16) == (call.type == "Conv") else 2.0, inner=2.0)

    options = Mixed.of(residual(), answer, (BF16, FP16)).options()
    assert options["conv1"] == (IN_FP16, IN_BF16, FLOAT)
    assert options["head"] == (IN_BF16, IN_FP16, FLOAT)


def test_a_light_operator_is_offered_only_behind_what_may_be_in_its_type() -> None:
    def only_head(call: Call, dtype: FloatType) -> Found:
        return Found(has_kernel=call.type in ("MatMul", "Softmax", "Add"), speedup=2.0, inner=1.0, why="none")

    options = Mixed.of(residual(), only_head).options()
    assert options["head"] == options["softmax"] == (IN_FP16, FLOAT)
    assert options["add"] == (FLOAT,)


def test_weights_beyond_fp16_keep_their_operator_in_fp32() -> None:
    mixed = Mixed.of(residual(scale=1e6))
    assert mixed.reason("head").code is ReasonCode.HALF_OVERFLOW
    assert "head_weight" in str(mixed.reason("head"))
    assert mixed.options()["conv1"] == (IN_FP16, FLOAT)


@pytest.mark.parametrize(("factor", "overflows"), [(1.0, False), (1e5, True)])
def test_activations_beyond_fp16_keep_their_operators_in_fp32(factor: float, overflows: bool) -> None:
    # The second batch goes too far: all are looked at. What lies behind the softmax's own input stays within fp16.
    mixed = Mixed.of(residual(), batches=(X, {"x": X["x"] * np.float32(factor)}))
    assert (mixed.options()["conv1"] == (FLOAT,)) is overflows
    if overflows:
        assert mixed.reason("conv1").code is ReasonCode.HALF_OVERFLOW
        assert "65504" in str(mixed.reason("conv1"))


def test_without_a_batch_unknown_shapes_are_said_and_not_guessed() -> None:
    mixed = Mixed.of(residual(shape=("n", 4, "height", "width")), batches=())
    assert mixed.reason("conv1").code is ReasonCode.NOT_EXECUTED
    assert Mixed.of(residual(shape=("n", 4, "height", "width"))).options()["conv1"] == (IN_FP16, FLOAT)


def test_operators_in_subgraphs_are_left_alone() -> None:
    b = Builder()
    x = b.input("x", ["n", 4, 8, 8])
    body = onnx.helper.make_graph(
        [onnx.helper.make_node("Abs", [x], ["inner"], name="inner_abs")],
        "branch",
        [],
        [onnx.helper.make_tensor_value_info("inner", onnx.TensorProto.FLOAT, None)],
    )
    condition = b.constant(np.array(True), "condition")
    mixed = Mixed.of(b.model((b.node("If", condition, then_branch=body, else_branch=body, name="choose"), ["n", 4, 8, 8])))
    assert not mixed.found.lowerable


# -- measuring --------------------------------------------------------------------------------------------------------------------------


def call(op_type: str, shape: tuple[int, ...] = (2, 8, 16)) -> Call:
    b = Builder()
    x = b.input("x", list(shape))
    vector = b.constant(np.ones(shape[-1], np.float32))
    extra = {"LayerNormalization": [vector], "MatMul": [b.constant(b.normal(shape[-1], 24, fan=16))]}.get(op_type, [])
    adaptor = OnnxrtAdaptor(threads=1)
    found = adaptor._analysis(adaptor.open(b.model((b.node(op_type, x, *extra, name="op"), [None] * len(shape)))))
    made = call_of(found.graph, found.types, found.operators[0])
    assert isinstance(made, Call)
    return made


def test_a_kernel_is_found_by_running_it() -> None:
    # onnxruntime has normalizations in fp16 on every CPU; a product in fp16 only on some, and it says which.
    assert measured(call("LayerNormalization"), FP16, TARGET).has_kernel
    product = measured(call("MatMul"), FP16, TARGET)
    assert product.has_kernel or "fp16 MatMul in float32 between casts" in product.why
    assert product.speedup is not None
    assert product.speedup > 0.0


def test_an_operator_without_a_kernel_says_whose() -> None:
    found = measured(call("Tanh"), BF16, TARGET)
    assert not found.has_kernel
    assert found.why.startswith("onnxruntime ")
    assert found.why.endswith("has no bf16 kernel for Tanh")


def test_another_machine_is_not_measured_here() -> None:
    other = Isa.ARM if machine.isa() is not Isa.ARM else Isa.AVX2
    found = measured(call("MatMul"), FP16, Target(runtime=Runtime.ONNXRUNTIME, isa=other))
    assert not found.has_kernel
    assert "cannot be tried on this machine" in found.why


def test_each_kind_of_call_is_measured_once_per_target() -> None:
    asked: list[Any] = []

    def answer(call: Call, dtype: FloatType, target: Target) -> Found:
        asked.append((call.type, dtype))
        return Found(has_kernel=call.type == "MatMul")

    kernels = HalfKernels(answer)
    for _ in range(2):
        for shape in ((2, 8, 16), (2, 9, 16), (2, 10, 16)):
            kernels.ask(call("MatMul", shape), FP16, TARGET)
            kernels.ask(call("Tanh", shape), FP16, TARGET)
    assert Counter(asked) == {("MatMul", FP16): 3, ("Tanh", FP16): 2}  # a type that has no kernel twice is not asked a third time


# -- weights ----------------------------------------------------------------------------------------------------------------------------

floats = hnp.arrays(np.float32, st.integers(0, 20), elements=st.floats(width=32, allow_nan=True, allow_infinity=True))


@given(floats)
def test_weights_are_rounded_to_the_nearest_as_the_reference_does(values: np.ndarray[Any, np.dtype[np.float32]]) -> None:
    ml_dtypes = pytest.importorskip("ml_dtypes", reason="onnx brings it")
    for dtype, kind in ((BF16, ml_dtypes.bfloat16), (FP16, np.float16)):
        with np.errstate(over="ignore"):
            expected = values.astype(kind)
        got = numpy_helper.to_array(half_tensor(values, dtype, "w"))
        np.testing.assert_array_equal(got.astype(np.float32), expected.astype(np.float32))


def test_ties_go_to_even() -> None:
    # 1 + 2**-8 lies halfway between 1 and 1 + 2**-7, the next bf16; 1 + 3 * 2**-8 halfway between 1 + 2**-7 and 1 + 2**-6.
    got = numpy_helper.to_array(half_tensor(np.array([1 + 2**-8, 1 + 3 * 2**-8], np.float32), BF16, "w"))
    assert got.astype(np.float32).tolist() == [1.0, 1 + 2**-6]

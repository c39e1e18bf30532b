from __future__ import annotations

import functools
from typing import Any

import numpy as np
import pytest
from graphs import Builder, batches, depthwise, encoder, mlp, resnet
from inc_adaptors.onnxrt.adaptor import OnnxrtAdaptor
from inc_config.capabilities import Capabilities, OpCapability, ReasonCode
from inc_config.dtypes import FP32, INT8, UINT8, PerChannel, PerTensor, Scheme
from inc_config.errors import ModelError
from inc_config.plan import FLOAT
from inc_config.target import Isa, Runtime, Target
from onnx import ModelProto, TensorProto, helper

ADAPTOR = OnnxrtAdaptor(threads=1)
VNNI = Target(runtime=Runtime.ONNXRUNTIME, isa=Isa.AVX512_VNNI)


def described(model: ModelProto, target: Target = VNNI, **options: Any) -> dict[str, OpCapability]:
    found: Capabilities = ADAPTOR.capabilities(ADAPTOR.open(model), target, **options)
    return {capability.op.scope: capability for capability in found.ops}


def test_convolutions_are_offered_u8s8_per_channel_first_and_never_dynamic() -> None:
    conv = described(resnet())["conv_0"]
    best, second, last = conv.options
    assert (best.inputs[0].dtype, best.inputs[0].scheme) == (UINT8, Scheme.ASYMMETRIC)  # type: ignore[union-attr]  # static options plan their input
    assert (best.weight.dtype, best.weight.scheme, best.weight.granularity) == (INT8, Scheme.SYMMETRIC, PerChannel(0))  # type: ignore[union-attr]  # and weight
    assert second.weight is not None
    assert second.weight.granularity == PerTensor()
    assert last == FLOAT
    assert not any(option.is_dynamic for option in conv.options)
    assert conv.reason is not None
    assert conv.reason.code is ReasonCode.SLOWER_IN_INTEGER


def test_matrix_products_can_be_dynamic_along_their_output_channels() -> None:
    for model, name, axis in ((mlp(), "gemm_0", 0), (encoder(), "layer0/q", 1)):
        dynamic = next(option for option in described(model)[name].options if option.is_dynamic)
        assert dynamic.weight is not None
        assert dynamic.weight.granularity == PerChannel(axis)


@pytest.mark.parametrize(
    ("isa", "threshold"),
    [(Isa.AVX2, "pairs"), (Isa.AVX512, "pairs"), (Isa.AVX512_VNNI, "minmax"), (Isa.AMX, "minmax"), (Isa.ARM, "minmax")],
)
def test_weights_leave_room_where_sixteen_bit_sums_saturate(isa: Isa, threshold: str) -> None:
    for option in described(resnet(), Target(runtime=Runtime.ONNXRUNTIME, isa=isa))["conv_0"].options[:-1]:
        assert option.weight is not None
        assert (option.weight.dtype, option.weight.threshold.name) == (INT8, threshold)


def test_fused_nodes_are_members_of_one_operator() -> None:
    found = described(resnet())
    assert found["conv_0"].members == ("conv_0", "batchnormalization_1", "relu_2")
    assert "relu_2" not in found


def test_work_is_the_multiply_adds_of_one_sample() -> None:
    """By hand: conv_0 makes 16 channels of 16x16 from 3 of 3x3: 16*256*27; the depthwise one 48 of 8x8 from 9 each; the head 32 to 10."""
    found = described(resnet())
    assert found["conv_0"].work == 16 * 256 * 27
    assert described(depthwise())["conv_4"].work == 48 * 64 * 9
    assert next(c for c in found.values() if c.op.type == "Gemm").work == 32 * 10
    assert found["conv_0"].weight_bytes == 4 * (16 * 27 + 16)


def test_a_batch_tells_the_work_of_dynamic_axes() -> None:
    b = Builder()
    model = b.model((b.linear(b.input("x", ["n", "length", 8]), 8, 4, bias=False, name="product"), ["n", "length", 4]))
    assert described(model)["product"].work == 0
    assert described(model, batches=[np.zeros((5, 7, 8), np.float32)])["product"].work == 7 * 8 * 4


def test_in_a_transformer_only_products_with_constant_weights_are_quantized() -> None:
    found = described(encoder())
    assert {c.op.type for c in found.values() if c.is_quantizable} == {"MatMul", "Gemm"}
    reasons = {c.op.type: c.reason.code for c in found.values() if c.reason is not None}
    assert reasons["Add"] is ReasonCode.SLOWER_IN_INTEGER
    assert reasons["Softmax"] is ReasonCode.SLOWER_IN_INTEGER
    assert [c.reason.code for c in found.values() if c.op.type == "MatMul" and c.reason] == [ReasonCode.DYNAMIC_WEIGHT] * 4


def test_products_of_unknown_work_are_not_outweighed_by_a_convolution_of_known_work() -> None:
    """Behind a Reshape to a shape that is only known at run time; a picture is cut into patches by one convolution, as in ViT."""
    b = Builder()
    x = b.input("x", ["n", 3, 32, 32])
    patches = b.conv(x, 3, 32, k=4, strides=[4, 4], pads=[0, 0, 0, 0])
    given = b.input("shape", [3], TensorProto.INT64)
    y = b.node("Reshape", patches, given)
    for _ in range(4):
        y = b.node("Add", b.linear(b.node("Relu", b.linear(y, 32, 64)), 64, 32), y)
        y = b.node("LayerNormalization", y, b.constant(np.ones(32, np.float32)))
    found = ADAPTOR.capabilities(ADAPTOR.open(b.model((y, ["n", 64, 32]))), Target(runtime=Runtime.ONNXRUNTIME))
    assert {op.type for op in found.plan().quantized} == {"Conv", "MatMul"}


@pytest.mark.parametrize(("shape", "is_bias"), [([16], True), ([1, 1, 16], True), ([6, 16], False)])
def test_the_bias_of_a_product_is_no_operator_of_its_own(shape: list[int], is_bias: bool) -> None:
    """Behind a recurrent layer, say, in a model that is no transformer: the product's kernel adds it in floats and returns them."""
    b = Builder(seed=1)
    y = b.node("MatMul", b.input("x", ["n", 6, 8]), b.constant(b.normal(8, 16, fan=8)), name="product")
    y = b.node("Relu", b.node("Add", y, b.constant(b.normal(*shape)), name="bias"))
    handle = ADAPTOR.open(b.model((b.node("MatMul", y, b.constant(b.normal(16, 4, fan=16)), name="last"), ["n", 6, 4])))
    found = {op.op.scope: op for op in ADAPTOR.capabilities(handle, Target(runtime=Runtime.ONNXRUNTIME, isa=Isa.AVX512_VNNI)).ops}
    assert found["bias"].is_quantizable != is_bias
    assert (found["product"].options[0].outputs == ()) == is_bias


def test_a_convolutional_network_with_softmax_is_no_transformer() -> None:
    b = Builder()
    y = b.node("Add", b.conv(b.input("x", ["n", 4, 8, 8]), 4, 4), b.constant(b.normal(1, 4, 8, 8)), name="add")
    found = described(b.model((b.conv(b.node("Softmax", y), 4, 4), ["n", 4, 8, 8])))
    assert found["add"].is_quantizable


def _unknown_domain(b: Builder) -> ModelProto:
    y = b.node("Magic", b.conv(b.input("x", ["n", 4, 8, 8]), 4, 4), name="op", domain="acme")
    out = helper.make_tensor_value_info(y, TensorProto.FLOAT, ["n", 4, 8, 8])
    graph = helper.make_graph(b.nodes, "g", b.inputs, [out], list(b.initializers.values()))
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17), helper.make_opsetid("acme", 1)], ir_version=8)


def _dynamic_weight(b: Builder) -> ModelProto:
    return b.model((b.node("MatMul", b.input("x", ["n", 4, 8]), b.input("w", ["n", 8, 2]), name="op"), ["n", 4, 2]))


def _integer_add(b: Builder) -> ModelProto:
    y = b.node("Add", b.input("x", ["n", 4], TensorProto.INT64), b.constant(np.ones(4, np.int64)), name="op")
    return b.model((b.node("Cast", y, to=TensorProto.FLOAT), ["n", 4]))


def _scaled_dynamic_bias(b: Builder) -> ModelProto:
    y = b.node("Gemm", b.input("x", ["n", 4]), b.constant(b.normal(4, 2)), b.input("bias", [2]), beta=0.5, name="op")
    return b.model((y, ["n", 2]))


def _left_constant(b: Builder) -> ModelProto:
    y = b.node("Gemm", b.constant(b.normal(8, 4)), b.constant(b.normal(4, 2)), b.input("bias", [2]), name="op")
    return b.model((y, [8, 2]))


def _half_precision(b: Builder) -> ModelProto:
    y = b.node("Cast", b.input("x", ["n", 4]), to=TensorProto.FLOAT16)
    y = b.node("MatMul", y, b.constant(b.normal(4, 2).astype(np.float16)), name="op")
    return b.model((b.node("Cast", y, to=TensorProto.FLOAT), ["n", 2]))


def _linear_resize(b: Builder) -> ModelProto:
    scales = b.constant(np.array([1, 1, 2, 2], np.float32))
    y = b.node("Resize", b.input("x", [1, 4, 4, 4]), b.constant(np.zeros(0, np.float32)), scales, mode="linear", name="op")
    return b.model((y, [1, 4, 8, 8]))


@pytest.mark.parametrize(
    ("make", "code"),
    [
        (_unknown_domain, ReasonCode.UNKNOWN_DOMAIN),
        (_dynamic_weight, ReasonCode.DYNAMIC_WEIGHT),
        (_integer_add, ReasonCode.UNSUPPORTED_OPERATOR),
        (_scaled_dynamic_bias, ReasonCode.UNSUPPORTED_OPERATOR),
        (_left_constant, ReasonCode.DYNAMIC_WEIGHT),
        (_half_precision, ReasonCode.UNSUPPORTED_OPERATOR),
        (_linear_resize, ReasonCode.NO_INTEGER_KERNEL),
    ],
)
def test_an_operator_that_stays_in_float_says_why(make: Any, code: ReasonCode) -> None:
    capability = described(make(Builder()))["op"]
    assert capability.options == (FLOAT,)
    assert capability.options[0].compute_dtype is FP32
    assert capability.reason is not None
    assert capability.reason.code is code
    assert capability.reason.detail


def test_an_operator_behind_one_that_onnx_does_not_know_is_still_quantizable() -> None:
    """onnx infers nothing behind com.microsoft's Gelu; the float32 weight tells the type."""
    b = Builder()
    y = b.node("Gelu", b.gemm(b.input("x", ["n", 8]), 8, 8), domain="com.microsoft")
    y = b.node("Add", b.gemm(y, 8, 8, name="second"), y, name="sum")
    out = helper.make_tensor_value_info(b.gemm(y, 8, 4), TensorProto.FLOAT, ["n", 4])
    graph = helper.make_graph(b.nodes, "g", b.inputs, [out], list(b.initializers.values()))
    opsets = [helper.make_opsetid("", 17), helper.make_opsetid("com.microsoft", 1)]
    found = described(helper.make_model(graph, opset_imports=opsets, ir_version=8))
    assert found["second"].is_quantizable
    assert found["sum"].is_quantizable


def test_a_product_whose_codes_nobody_reads_wants_no_range_for_its_output() -> None:
    found = described(encoder())
    assert found["layer0/q"].options[0].outputs == ()
    assert described(mlp())["gemm_0"].options[0].outputs != ()


def test_operators_inside_a_subgraph_are_listed_and_left_alone() -> None:
    b = Builder()
    y = b.conv(b.input("x", ["n", 4, 6, 6]), 4, 4)
    out = helper.make_tensor_value_info("inner_out", TensorProto.FLOAT, None)
    inner = helper.make_graph([helper.make_node("Relu", [y], ["inner_out"], name="inner")], "branch", [], [out])
    picked = b.node("If", b.constant(np.array(True)), then_branch=inner, else_branch=inner, name="choice")
    found = described(b.model((picked, ["n", 4, 6, 6])))
    for branch in ("then_branch", "else_branch"):
        reason = found[f"choice/{branch}/inner"].reason
        assert reason is not None
        assert reason.code is ReasonCode.IN_SUBGRAPH


def test_a_model_without_anything_to_quantize_still_lists_its_reasons() -> None:
    b = Builder()
    found = described(b.model((b.node("Tanh", b.input("x", ["n", 4])), ["n", 4])))
    assert [c.reason.code for c in found.values() if c.reason] == [ReasonCode.NO_INTEGER_KERNEL]


def test_a_quantized_model_is_refused() -> None:
    handle = ADAPTOR.open(mlp())
    capabilities = ADAPTOR.capabilities(handle, VNNI)
    statistics = ADAPTOR.observe(handle, batches(mlp()), ADAPTOR.wanted(capabilities, (capabilities.plan(),)))
    emitted = ADAPTOR.emitter(handle, statistics, capabilities).emit(capabilities.plan())
    for ask in (ADAPTOR.capabilities, functools.partial(ADAPTOR.capabilities, batches=batches(mlp()))):
        with pytest.raises(ModelError, match="quantized already"):
            ask(emitted, VNNI)

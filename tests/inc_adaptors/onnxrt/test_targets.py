"""What a target changes in the emitted graph."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from graphs import Builder, batches, encoder, mlp, resnet
from inc_adaptors.onnxrt.adaptor import OnnxrtAdaptor
from inc_config.capabilities import ReasonCode
from inc_config.plan import QuantizationPlan
from inc_config.target import Device, Isa, Runtime, Target
from onnx import ModelProto, TensorProto, numpy_helper

ADAPTOR = OnnxrtAdaptor(threads=1)


@pytest.mark.parametrize("model", [resnet, mlp, encoder])
def test_tensorrt_gets_int8_without_zero_points_and_float_biases(model: Any) -> None:
    handle = ADAPTOR.open(model())
    target = Target(runtime=Runtime.TENSORRT, isa=Isa.GENERIC, device=Device.CUDA)
    found = ADAPTOR.capabilities(handle, target)
    statistics = ADAPTOR.observe(handle, batches(handle.native), ADAPTOR.wanted(found, (found.plan(),)))
    made = ADAPTOR.emitter(handle, statistics, found).emit(found.plan(), final=True)
    tensors = {tensor.name: tensor for tensor in made.native.graph.initializer}
    makers = {name: node for node in made.native.graph.node for name in node.output}
    pairs = [node for node in made.native.graph.node if node.op_type in ("QuantizeLinear", "DequantizeLinear")]
    assert pairs
    for node in pairs:
        zero_point = tensors[node.input[2]]
        assert zero_point.data_type == TensorProto.INT8
        assert not np.any(numpy_helper.to_array(zero_point))
    weighted = [node for node in made.native.graph.node if node.name in {op.scope for op, p in found.plan().ops.items() if p.weight}]
    assert weighted
    for node in weighted:
        assert all(makers[name].op_type == "DequantizeLinear" for name in node.input[:2])
        assert all(tensors[name].data_type == TensorProto.FLOAT for name in node.input[2:])
    assert not any(plan.is_dynamic for c in found.ops for plan in c.options)
    assert ADAPTOR.parity(handle, made, batches(handle.native))[0].sqnr_db > 25.0


def test_relu_is_kept_where_symmetric_codes_cannot_stand_for_it() -> None:
    handle = ADAPTOR.open(resnet())
    found = ADAPTOR.capabilities(handle, Target(runtime=Runtime.TENSORRT))
    statistics = ADAPTOR.observe(handle, batches(handle.native), ADAPTOR.wanted(found, (found.plan(),)))
    made = ADAPTOR.emitter(handle, statistics, found).emit(found.plan(), final=True)
    assert sum(node.op_type == "Relu" for node in made.native.graph.node) == sum(n.op_type == "Relu" for n in handle.native.graph.node)


def emitted_for(runtime: Runtime, model: ModelProto) -> ModelProto:
    handle = ADAPTOR.open(model)
    found = ADAPTOR.capabilities(handle, Target(runtime=runtime, isa=Isa.AVX512_VNNI))
    statistics = ADAPTOR.observe(handle, batches(model), ADAPTOR.wanted(found, (found.plan(),)))
    found = ADAPTOR.guard(handle, found, statistics)
    return ADAPTOR.emitter(handle, statistics, found).emit(found.plan(), final=True).native  # type: ignore[no-any-return]


def test_openvino_takes_the_same_graph_as_onnxruntime() -> None:
    made = []
    handle = ADAPTOR.open(resnet())
    for runtime in (Runtime.ONNXRUNTIME, Runtime.OPENVINO):
        found = ADAPTOR.capabilities(handle, Target(runtime=runtime, isa=Isa.AVX512_VNNI))
        statistics = ADAPTOR.observe(handle, batches(handle.native), ADAPTOR.wanted(found, (found.plan(),)))
        made.append(ADAPTOR.emitter(handle, statistics, found).emit(found.plan(), final=True).native.SerializeToString(deterministic=True))
    assert made[0] == made[1]


def shuffled() -> ModelProto:
    """Two convolutions with their channels shuffled between, by shapes found at run time as exporters write it, and joined."""
    b = Builder(seed=3)
    y = b.node("Relu", b.conv(b.input("x", ["n", 8, 6, 6]), 8, 16))
    shape = b.node("Slice", b.node("Shape", y), *(b.constant(np.array([at], np.int64)) for at in (0, 1)))
    split = b.node("Concat", shape, b.constant(np.array([2, 8, 6, 6], np.int64)), axis=0)
    back = b.node("Concat", shape, b.constant(np.array([16, 6, 6], np.int64)), axis=0)
    y = b.node("Reshape", b.node("Transpose", b.node("Reshape", y, split), perm=[0, 2, 1, 3, 4]), back)
    y = b.node("Concat", b.conv(y, 16, 8), b.conv(y, 16, 8, k=1), axis=1, name="joined")
    return b.model((b.conv(y, 16, 4, name="last"), ["n", 4, 6, 6]))


def test_whoever_asks_for_a_shape_is_given_codes() -> None:
    """Dequantized for it, the tensor would be written once more in floats."""
    made = emitted_for(Runtime.ONNXRUNTIME, shuffled())
    makers = {name: node.op_type for node in made.graph.node for name in node.output}
    assert [makers[node.input[0]] for node in made.graph.node if node.op_type == "Shape"] == ["QuantizeLinear"]


def test_for_openvino_codes_are_rearranged_without_pairs() -> None:
    made = emitted_for(Runtime.OPENVINO, shuffled())
    makers = {name: node.op_type for node in made.graph.node for name in node.output}
    chain = [node for node in made.graph.node if node.op_type in ("Transpose", "Reshape")]
    assert [makers[node.input[0]] for node in chain] == ["DequantizeLinear", "Reshape", "Transpose"]


@pytest.mark.parametrize("runtime", [Runtime.ONNXRUNTIME, Runtime.OPENVINO])
def test_what_is_joined_shares_a_scale_where_nobody_else_reads_it(runtime: Runtime) -> None:
    made = emitted_for(runtime, shuffled())
    makers = {name: node for node in made.graph.node for name in node.output}
    joined = next(node for node in made.graph.node if node.name == "joined")
    result = next(node for node in made.graph.node if node.op_type == "QuantizeLinear" and node.input[0] == joined.output[0])
    assert {tuple(makers[name].input[1:]) for name in joined.input} == {tuple(result.input[1:])}


@pytest.mark.parametrize("runtime", [Runtime.OPENVINO, Runtime.TENSORRT])
def test_elsewhere_a_convolution_writes_floats_for_whoever_reads_floats(runtime: Runtime) -> None:
    """Only onnxruntime's integer convolution can return nothing but codes; rounding before an activation costs time and accuracy."""
    b = Builder()
    first = b.node("HardSwish", b.conv(b.input("x", ["n", 4, 8, 8]), 4, 8, name="first"))
    second = b.conv(first, 8, 8, name="second")
    last = b.conv(second, 8, 4, name="last")
    handle = ADAPTOR.open(b.model((last, ["n", 4, 8, 8])))
    noise = {}
    for each in (Runtime.ONNXRUNTIME, runtime):
        found = ADAPTOR.capabilities(handle, Target(runtime=each, isa=Isa.AVX512_VNNI))
        statistics = ADAPTOR.observe(handle, batches(handle.native), ADAPTOR.wanted(found, (found.plan(),)))
        made = ADAPTOR.emitter(handle, statistics, found).emit(found.plan(), final=True)
        readers = {name: node.op_type for node in made.native.graph.node for name in node.input}
        made_by = {node.name: node.output[0] for node in made.native.graph.node}
        assert readers[made_by["second"]] == "QuantizeLinear"
        assert readers[made_by["first"]] == ("QuantizeLinear" if each is Runtime.ONNXRUNTIME else "HardSwish")
        assert {"first", "second"} <= {op.scope for op in found.plan().quantized}
        noise[each] = -ADAPTOR.parity(handle, made, batches(handle.native))[0].sqnr_db
    assert runtime is Runtime.TENSORRT or noise[runtime] < noise[Runtime.ONNXRUNTIME]


@pytest.mark.parametrize("kind", ["Mul", "Sigmoid", "LeakyRelu"])
def test_openvino_keeps_in_float_what_it_makes_a_part_of_its_neighbours(kind: str) -> None:
    b = Builder()
    y = b.conv(b.input("x", ["n", 4, 8, 8]), 4, 8)
    y = b.node(kind, *([y, b.conv(y, 8, 8)] if kind == "Mul" else [y]), name="between")
    handle = ADAPTOR.open(b.model((b.conv(y, 8, 4), ["n", 4, 8, 8])))
    for runtime in (Runtime.ONNXRUNTIME, Runtime.OPENVINO):
        found = next(
            op for op in ADAPTOR.capabilities(handle, Target(runtime=runtime, isa=Isa.AVX512_VNNI)).ops if op.op.scope == "between"
        )
        assert found.is_quantizable == (runtime is Runtime.ONNXRUNTIME)
        assert found.is_quantizable or (found.reason is not None and found.reason.code is ReasonCode.SLOWER_IN_INTEGER)


@pytest.mark.parametrize("rows", [(7, 8), (7, 1)])
def test_openvino_gets_no_8_bit_constant_of_several_rows_behind_a_product(rows: tuple[int, int]) -> None:
    b = Builder()
    y = b.node("Add", b.linear(b.input("x", [7, 16]), 16, 8, bias=False), b.constant(b.normal(*rows)), name="rows")
    handle = ADAPTOR.open(b.model((b.linear(b.node("Relu", y), 8, 4, bias=False), [7, 4])))
    found = ADAPTOR.capabilities(handle, Target(runtime=Runtime.OPENVINO, isa=Isa.AVX512_VNNI))
    statistics = ADAPTOR.observe(handle, batches(handle.native), ADAPTOR.wanted(found, (found.plan(),)))
    made = ADAPTOR.emitter(handle, statistics, found).emit(found.plan(), final=True)
    assert ADAPTOR.parity(handle, made, batches(handle.native))[0].sqnr_db > 25.0


@pytest.mark.parametrize(("axes", "padded"), [(1, "fp32"), (2, "int8")])
def test_openvino_pads_lines_in_float(axes: int, padded: str) -> None:
    b = Builder()
    x = b.input("x", ["n", 8, *[20] * axes])
    y = b.node("Conv", x, b.constant(b.normal(8, 8, *[1] * axes, fan=8)), kernel_shape=[1] * axes)
    y = b.node("Pad", b.node("Add", y, x), b.constant(np.array([0, 0, *[2] * axes, 0, 0, *[0] * axes], np.int64)), name="pad")
    y = b.node("Conv", y, b.constant(b.normal(8, 8, *[3] * axes, fan=8 * 3**axes)), kernel_shape=[3] * axes)
    handle = ADAPTOR.open(b.model((y, ["n", 8, *[20] * axes])))
    found = ADAPTOR.capabilities(handle, Target(runtime=Runtime.OPENVINO, isa=Isa.AVX512_VNNI))
    statistics = ADAPTOR.observe(handle, batches(handle.native), ADAPTOR.wanted(found, (found.plan(),)))
    assert {op.scope: plan.precision for op, plan in found.plan().ops.items()}["pad"] == padded
    made = ADAPTOR.emitter(handle, statistics, found).emit(found.plan(), final=True)
    assert ADAPTOR.parity(handle, made, batches(handle.native))[0].sqnr_db > 25.0


def test_types_with_float_outputs_write_floats_and_their_readers_round_for_themselves() -> None:
    b = Builder()
    first = b.conv(b.input("x", ["n", 4, 8, 8]), 4, 8, name="first")
    second = b.conv(first, 8, 4, name="second")
    handle = ADAPTOR.open(b.model((first, ["n", 8, 8, 8]), (second, ["n", 4, 8, 8])))
    found = ADAPTOR.capabilities(handle, Target(runtime=Runtime.ONNXRUNTIME, isa=Isa.AVX512_VNNI))
    statistics = ADAPTOR.observe(handle, batches(handle.native), ADAPTOR.wanted(found, (found.plan(),)))
    emitter = ADAPTOR.emitter(handle, statistics, found)
    for recipes, maker in (({}, "DequantizeLinear"), ({"float_outputs": ("Conv",)}, "Conv")):
        plan = QuantizationPlan(target=found.target, ops=found.plan().ops, recipes=recipes)
        made = emitter.emit(plan, final=True)
        makers = {name: node for node in made.native.graph.node for name in node.output}
        assert makers[first].op_type == maker
        assert makers[next(n for n in made.native.graph.node if n.name == "second").input[0]].op_type == "DequantizeLinear"
        assert all(output.sqnr_db > 25.0 for output in ADAPTOR.parity(handle, made, batches(handle.native)))

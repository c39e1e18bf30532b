from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import onnx
import pytest
from graphs import Builder, batches, resnet, run
from inc_adaptors.onnxrt.graph import Graph, assemble
from inc_adaptors.onnxrt.prepare.model import prepare
from inc_config.errors import ModelError
from onnx import ModelProto, TensorProto, helper, numpy_helper


def prepared(model: ModelProto) -> tuple[Graph, ModelProto]:
    """The prepared graph, after making sure that its outputs are the model's."""
    graph = prepare(model)
    made = assemble(graph, graph.nodes, graph.initializers)
    onnx.checker.check_model(made)
    for feed in batches(model, count=2):
        for left, right in zip(run(made, feed), run(model, feed), strict=True):
            np.testing.assert_allclose(left, right, rtol=1e-4, atol=1e-5)
    return graph, made


def types(model: ModelProto) -> list[str]:
    return [node.op_type for node in model.graph.node]


def test_batch_norm_folds_into_the_convolution_before_it() -> None:
    graph, made = prepared(resnet(batch_norm=True))
    assert "BatchNormalization" not in types(made)
    assert graph.absorbed["conv_0"] == ("batchnormalization_1",)


def test_weights_that_are_zero_stay_zero_when_folded() -> None:
    b = Builder()
    y = b.conv(b.input("x", ["n", 4, 6, 6]), 4, 8, name="conv")
    weight = np.array(numpy_helper.to_array(b.initializers["c1"]))
    weight[np.abs(weight) < 0.3] = 0.0
    b.initializers["c1"].CopyFrom(numpy_helper.from_array(weight, "c1"))
    graph, _ = prepared(b.model((b.batch_norm(y, 8), ["n", 8, 6, 6])))
    folded = graph.constant(graph.nodes[0].input[1])
    assert folded is not None
    np.testing.assert_array_equal(folded == 0.0, weight == 0.0)


def _affine_after_conv(b: Builder, op_type: str, shape: tuple[int, ...], *, constant_first: bool = False) -> Any:
    y = b.conv(b.input("x", ["n", 4, 8, 8]), 4, 8, bias=False, name="conv")
    operands = [y, b.constant(b.normal(*shape) + 2.0)]
    return b.node(op_type, *(operands[::-1] if constant_first else operands))


@pytest.mark.parametrize("op_type", ["Add", "Mul"])
@pytest.mark.parametrize("shape", [(1, 8, 1, 1), (8, 1, 1), (), (1,), (1, 1)])
@pytest.mark.parametrize("constant_first", [False, True])
def test_a_constant_per_channel_folds(op_type: str, shape: tuple[int, ...], constant_first: bool) -> None:
    b = Builder()
    _, made = prepared(b.model((_affine_after_conv(b, op_type, shape, constant_first=constant_first), ["n", 8, 8, 8])))
    assert types(made) == ["Conv"]


@pytest.mark.parametrize("shape", [(8,), (1, 1, 1, 8), (1, 8, 8, 8), (8, 1)])
def test_a_constant_along_another_axis_stays(shape: tuple[int, ...]) -> None:
    """(8,) aligns with the width of 8, not with the 8 channels."""
    b = Builder()
    _, made = prepared(b.model((_affine_after_conv(b, "Mul", shape), ["n", 8, 8, 8])))
    assert types(made) == ["Conv", "Mul"]


def test_a_chain_of_affine_steps_folds_into_one_operator() -> None:
    b = Builder()
    y = b.batch_norm(_affine_after_conv(b, "Mul", (8, 1, 1)), 8)
    y = b.node("Add", y, b.constant(b.normal(8, 1, 1)))
    graph, made = prepared(b.model((y, ["n", 8, 8, 8])))
    assert types(made) == ["Conv"]
    assert len(graph.absorbed["conv"]) == 3


def test_batch_norm_after_gemm_folds_into_its_columns() -> None:
    b = Builder()
    _, made = prepared(b.model((b.batch_norm(b.gemm(b.input("x", ["n", 6]), 6, 5), 5), ["n", 5])))
    assert types(made) == ["Gemm"]


def _read_twice(b: Builder) -> list[tuple[str, list[Any]]]:
    y = b.conv(b.input("x", ["n", 4, 6, 6]), 4, 8)
    return [(b.node("Add", b.batch_norm(y, 8), y), ["n", 8, 6, 6])]


def _an_output(b: Builder) -> list[tuple[str, list[Any]]]:
    y = b.conv(b.input("x", ["n", 4, 6, 6]), 4, 8)
    return [(b.batch_norm(y, 8), ["n", 8, 6, 6]), (y, ["n", 8, 6, 6])]


@pytest.mark.parametrize("make", [_read_twice, _an_output])
def test_what_others_read_is_not_folded_away(make: Callable[[Builder], Any]) -> None:
    b = Builder()
    _, made = prepared(b.model(*make(b)))
    assert "BatchNormalization" in types(made)


def test_a_shared_weight_is_not_changed_for_its_other_reader() -> None:
    b = Builder()
    x = b.input("x", ["n", 8, 6, 6])
    first = b.conv(x, 8, 8, bias=False, name="first")
    second = b.node("Conv", x, "c1", name="second", pads=[1, 1, 1, 1], kernel_shape=[3, 3])
    _, made = prepared(b.model((b.node("Add", b.batch_norm(first, 8), second), ["n", 8, 6, 6])))
    assert {t.name for t in made.graph.initializer} >= {"c1", "first/weight"}


def test_constants_and_what_follows_from_them_become_initializers() -> None:
    b = Builder()
    weight = b.node("Transpose", b.constant(b.normal(5, 6)), perm=[1, 0])
    shape = b.node("Constant", value_ints=[-1, 5])
    y = b.node("Reshape", b.node("MatMul", b.input("x", ["n", 6]), weight), shape)
    graph, made = prepared(b.model((y, ["n", 5])))
    assert types(made) == ["MatMul", "Reshape"]
    assert graph.nodes[0].input[1] in graph.initializers


def test_a_constant_that_would_grow_without_bounds_is_left_to_run_time() -> None:
    b = Builder()
    row, column = (b.constant(np.ones(shape, np.float32)) for shape in ((1, 1 << 20), (1 << 20, 1)))
    y = b.node("Gather", b.node("Add", row, column), b.input("x", ["n"], TensorProto.INT64))
    model = b.model((y, ["n", 1 << 20]))
    assert [node.op_type for node in prepare(model).nodes] == ["Add", "Gather"]


def test_identities_and_dropout_go_and_names_of_outputs_stay() -> None:
    b = Builder()
    weight = b.node("Identity", b.constant(b.normal(6, 6)))
    y = b.node("Dropout", b.node("Identity", b.node("MatMul", b.input("x", ["n", 6]), weight)))
    _, made = prepared(b.model((b.node("Identity", y), ["n", 6])))
    assert types(made) == ["MatMul", "Identity"]


def test_an_unnamed_model_gets_the_same_names_each_time() -> None:
    names = [[node.name for node in prepare(resnet(named=False)).nodes] for _ in range(2)]
    assert names[0] == names[1]
    assert len(set(names[0])) == len(names[0])
    assert names[0][0] == "Conv_0"


def test_doubly_named_nodes_are_told_apart() -> None:
    model = resnet()
    for node in model.graph.node:
        node.name = "block"
    names = [node.name for node in prepare(model).nodes]
    assert len(set(names)) == len(names)


@pytest.mark.parametrize("opset", [11, 12])
def test_old_operator_sets_are_upgraded_with_names_kept(opset: int) -> None:
    graph, _ = prepared(resnet(opset=opset))
    assert graph.opset == 13
    assert {node.name for node in graph.nodes} >= {"conv_0", "relu_2", "maxpool_3"}


def test_an_operator_set_that_cannot_be_upgraded_is_said_so() -> None:
    model = resnet(opset=12)
    model.graph.node[0].op_type = "NoSuchOperator"
    with pytest.raises(ModelError, match="cannot be upgraded"):
        prepare(model)


def test_subgraphs_keep_the_tensors_they_read() -> None:
    b = Builder()
    y = b.conv(b.input("x", ["n", 4, 6, 6]), 4, 8, name="conv")
    normed = b.batch_norm(y, 8)

    def branch(op_type: str) -> Any:
        out = helper.make_tensor_value_info(f"{op_type}_out", TensorProto.FLOAT, None)
        return helper.make_graph([helper.make_node(op_type, [y], [out.name])], op_type, [], [out])

    flag = b.constant(np.array(True))
    picked = b.node("If", flag, then_branch=branch("Relu"), else_branch=branch("Neg"))
    graph, made = prepared(b.model((b.node("Add", normed, picked), ["n", 8, 6, 6])))
    assert y in graph.captured
    assert "BatchNormalization" in types(made)


@pytest.mark.parametrize("opset", [11, 17])
def test_preparing_copies_no_weights(opset: int) -> None:
    model = resnet(named=False, opset=opset)
    graph = prepare(model)
    large = [tensor for tensor in model.graph.initializer if tensor.name in graph.initializers and len(tensor.raw_data) > 1024]
    assert large
    for tensor in large:
        tensor.doc_string = "the message itself"
        assert graph.initializers[tensor.name].doc_string == "the message itself"


@pytest.mark.parametrize("linear", [False, True])
def test_sparse_weights_become_dense_ones(linear: bool) -> None:
    rng = np.random.default_rng(0)
    places = np.sort(rng.choice(128, 40, replace=False))
    values = numpy_helper.from_array(rng.standard_normal(40).astype(np.float32), "weight")
    indices = places if linear else np.stack(np.unravel_index(places, (16, 8)), axis=1)
    b = Builder()
    y = b.node("MatMul", b.input("x", ["n", 16]), b.constant(np.zeros((16, 8), np.float32), "weight"), name="product")
    model = b.model((y, ["n", 8]))
    del model.graph.initializer[:]
    model.graph.sparse_initializer.append(helper.make_sparse_tensor(values, numpy_helper.from_array(indices.astype(np.int64)), [16, 8]))
    model.ir_version = 11
    graph, _ = prepared(model)
    assert not graph.sparse
    assert np.count_nonzero(graph.constant("weight")) == 40


def test_sparse_weights_of_an_absurd_shape_or_with_places_outside_stay() -> None:
    for dims, place in (([1 << 20, 1 << 20], 5), ([4, 4], 99)):
        b = Builder()
        model = b.model((b.node("Relu", b.input("x", ["n", 4])), ["n", 4]))
        values = numpy_helper.from_array(np.ones(1, np.float32), "weight")
        indices = numpy_helper.from_array(np.array([place], np.int64))
        model.graph.sparse_initializer.append(helper.make_sparse_tensor(values, indices, dims))
        assert len(prepare(model).sparse) == 1

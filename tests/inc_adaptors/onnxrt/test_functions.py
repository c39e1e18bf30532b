"""Functions of a model are written out when it is opened."""

from __future__ import annotations

from collections import Counter

import numpy as np
from graphs import Builder, batches, run
from onnx import ModelProto, helper
from test_emission import ADAPTOR, calibrated

OPSETS = [helper.make_opsetid("", 17), helper.make_opsetid("local", 1)]


def with_functions(*, domain: str = "local") -> ModelProto:
    """Two calls of a function for a linear layer with an activation, which calls another for the layer."""
    b = Builder()
    x, first, second = b.input("x", ["n", 16]), b.constant(b.normal(16, 32, fan=16)), b.constant(b.normal(32, 8, fan=32))
    y = b.node("Block", x, first, b.constant(b.normal(32) * 0.1), name="first", domain=domain)
    y = b.node("Block", y, second, b.constant(b.normal(8) * 0.1), name="second", domain=domain)
    linear = [helper.make_node("MatMul", ["a", "w"], ["t"], name="product"), helper.make_node("Add", ["t", "b"], ["y"], name="sum")]
    block = [
        helper.make_node("Linear", ["a", "w", "b"], ["u"], name="layer", domain="local"),
        helper.make_node("Relu", ["u"], ["y"], name="relu"),
    ]
    graph = helper.make_graph(b.nodes, "graph", b.inputs, [helper.make_tensor_value_info(y, 1, ["n", 8])], list(b.initializers.values()))
    functions = [
        helper.make_function("local", "Linear", ["a", "w", "b"], ["y"], linear, OPSETS),
        helper.make_function(domain, "Block", ["a", "w", "b"], ["y"], block, OPSETS),
    ]
    opsets = [*OPSETS, *([helper.make_opsetid(domain, 1)] if domain != "local" else [])]
    return helper.make_model(graph, opset_imports=opsets, functions=functions, ir_version=10)


def test_operators_inside_functions_are_quantized_and_compute_the_same() -> None:
    model = with_functions()
    found = calibrated(model)
    assert Counter(op.type for op in found.plan.quantized) == {"Gemm": 2}
    assert len({op.scope for op in found.plan.ops}) == len(found.plan.ops)
    feed = batches(model)[0]
    exact, made = run(model, feed)[0], run(found.emit(final=True).native, feed)[0]
    assert float(np.abs(exact - made).max()) < 0.05 * float(np.abs(exact).max())
    np.testing.assert_allclose(ADAPTOR.predict(found.handle, feed)[0], exact, rtol=1e-5, atol=1e-6)
    assert not found.emit().native.functions


def test_functions_that_bear_the_name_of_an_operator_of_onnxruntime_stay_calls() -> None:
    opened = ADAPTOR.open(with_functions(domain="com.microsoft")).native
    assert [node.op_type for node in opened.graph.node] == ["Block", "Block"]


def test_the_callers_model_keeps_its_functions() -> None:
    model = with_functions()
    ADAPTOR.open(model)
    assert len(model.functions) == 2

"""Models that claim the absurd are read or refused in bounded time and memory: a child has three gigabytes of address space."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import onnx
import pytest
from graphs import Builder, mlp
from inc_adaptors.onnxrt.adaptor import OnnxrtAdaptor
from inc_config.errors import ModelError
from onnx import GraphProto, ModelProto, TensorProto, helper

_CHILD = """
import resource, sys
resource.setrlimit(resource.RLIMIT_AS, (3 << 30, 3 << 30))
from inc_adaptors.onnxrt.adaptor import OnnxrtAdaptor
from inc_config.errors import ModelError
adaptor = OnnxrtAdaptor(threads=1)
try:
    found = adaptor.capabilities(adaptor.open(sys.argv[1]), adaptor.target())
except ModelError as error:
    print("refused:", error)
else:
    print("read:", len(found.quantizable))
"""


def opened(data: bytes, folder: Path) -> str:
    (folder / "m.onnx").write_bytes(data)
    done = subprocess.run(
        [sys.executable, "-c", _CHILD, str(folder / "m.onnx")],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
        env={"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"},
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def huge_constant(kind: str) -> ModelProto:
    """Constant operands that stand for a terabyte when they are worked out."""
    b = Builder()
    y = b.gemm(b.input("x", ["n", 4]), 4, 4)
    large = {
        "ConstantOfShape": lambda: b.node("ConstantOfShape", b.constant(np.array([1 << 38], np.int64))),
        "Tile": lambda: b.node("Tile", b.constant(np.ones(4, np.float32)), b.constant(np.array([1 << 36], np.int64))),
        "Expand": lambda: b.node("Expand", b.constant(np.ones(1, np.float32)), b.constant(np.array([1 << 20, 1 << 20], np.int64))),
        "Range": lambda: b.node("Cast", b.node("Range", *(b.constant(np.int64(v)) for v in (0, 1 << 40, 1))), to=TensorProto.FLOAT),
    }[kind]()
    return b.model((b.node("Add", y, b.node("ReduceSum", large, keepdims=0)), ["n", 4]))


@pytest.mark.parametrize("kind", ["ConstantOfShape", "Tile", "Expand", "Range"])
def test_constants_that_would_fill_the_memory_are_not_worked_out(kind: str, tmp_path: Path) -> None:
    assert opened(huge_constant(kind).SerializeToString(), tmp_path).startswith("read:")


def test_an_absurd_shape_is_only_a_number(tmp_path: Path) -> None:
    b = Builder()
    y = b.conv(b.input("x", ["n", 1, 1 << 30, 1 << 30]), 1, 4)
    assert opened(b.model((y, ["n", 4, 1 << 30, 1 << 30])).SerializeToString(), tmp_path).startswith("read:")


def test_subgraphs_nested_without_end_are_refused(tmp_path: Path) -> None:
    graph = helper.make_graph([helper.make_node("Identity", ["x"], ["y"])], "g", [], [])
    for _ in range(300):
        outer = GraphProto(name="g")
        attribute = outer.node.add(op_type="If", input=["c"], output=["y"]).attribute.add(name="then_branch", type=5)
        attribute.g.CopyFrom(graph)
        graph = outer
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)])
    assert opened(model.SerializeToString(), tmp_path).startswith("refused: Not an ONNX model")


def test_a_function_that_calls_itself_is_refused(tmp_path: Path) -> None:
    assert "recursive" in opened(with_functions(1, last="F0").SerializeToString(), tmp_path)


def test_functions_that_double_forty_times_are_not_followed(tmp_path: Path) -> None:
    assert opened(with_functions(40, last="Identity").SerializeToString(), tmp_path).startswith("read: 3")


def with_functions(count: int, *, last: str) -> ModelProto:
    """Functions that each call the next one twice."""
    model = mlp()
    domain = helper.make_opsetid("d", 1)
    for index in range(count):
        callee = f"F{index + 1}" if index + 1 < count else last
        home = "" if callee == "Identity" else "d"
        nodes = [helper.make_node(callee, ["a"], ["c"], domain=home), helper.make_node(callee, ["c"], ["b"], domain=home)]
        model.functions.append(helper.make_function("d", f"F{index}", ["a"], ["b"], nodes, [helper.make_opsetid("", 17), domain]))
    model.opset_import.append(domain)
    model.graph.node.append(onnx.helper.make_node("F0", ["x"], ["unused"], domain="d", name="call"))
    return model


@pytest.mark.parametrize("is_nested", [False, True])
def test_forty_joins_of_a_constant_with_itself_are_not_counted_out(is_nested: bool, tmp_path: Path) -> None:
    b = Builder()
    y = b.gemm(b.input("x", ["n", 4]), 4, 4)
    nodes = [helper.make_node("Concat", [f"t{i}", f"t{i}"], [f"t{i + 1}"], axis=0) for i in range(40)]
    nodes.append(helper.make_node("ReduceSum", ["t40"], ["sum"], keepdims=0))
    start = onnx.numpy_helper.from_array(np.ones(2, np.float32), "t0")
    if is_nested:
        body = helper.make_graph(nodes, "body", [], [helper.make_tensor_value_info("sum", TensorProto.FLOAT, [])], [start])
        total = b.node("If", b.constant(np.array(True)), then_branch=body, else_branch=body)
    else:
        b.nodes += nodes
        b.initializers["t0"] = start
        total = "sum"
    model = b.model((b.node("Add", y, total), ["n", 4]))
    assert opened(model.SerializeToString(), tmp_path).startswith("read:")


@pytest.mark.parametrize("start", ["x", "w"])
def test_forty_joins_of_a_tensor_with_itself_are_not_run(start: str) -> None:
    b = Builder()
    b.input("x", ["n", 4])
    b.constant(np.ones((2, 4), np.float32), "w")
    nodes = [helper.make_node("Concat", [f"t{i}" if i else start] * 2, [f"t{i + 1}"], axis=0, name=f"join_{i}") for i in range(40)]
    b.nodes += nodes
    model = b.model((b.node("ReduceSum", "t40", keepdims=0), []))
    adaptor = OnnxrtAdaptor(threads=1)
    with pytest.raises(ModelError, match="would make a tensor of"):
        adaptor.predict(adaptor.open(model), {"x": np.ones((1, 4), np.float32)})

from __future__ import annotations

from typing import Any

import numpy as np
import onnx
import pytest
from graphs import Builder, batches, branches, encoder, resnet, session
from inc_adaptors.onnxrt import blocked, calibration
from inc_adaptors.onnxrt.adaptor import OnnxrtAdaptor
from inc_adaptors.statistics.merging import merged
from inc_adaptors.statistics.protocol import StatisticSpec
from inc_adaptors.statistics.store import Statistics
from inc_config.errors import DataError, PlanError
from inc_config.plan import OpId, TensorKey
from onnx import ModelProto, TensorProto, helper

ADAPTOR = OnnxrtAdaptor(threads=1)
RANGE, HISTOGRAM = StatisticSpec("range"), StatisticSpec("histogram", {"bins": 2048})


def observed(model: ModelProto, data: Any, *specs: StatisticSpec) -> tuple[Statistics, dict[TensorKey, str]]:
    """Statistics of every tensor that can have some, with the tensors' names."""
    handle = ADAPTOR.open(model)
    tensors = dict(ADAPTOR.tensors(handle))
    return ADAPTOR.observe(handle, data, {key: frozenset(specs) for key in tensors}), tensors


def values_of(model: ModelProto, names: list[str], data: list[dict[str, Any]]) -> dict[str, Any]:
    """All values of some tensors, from onnxruntime without any optimization."""
    copy = ModelProto()
    copy.CopyFrom(model)
    del copy.graph.output[:]
    copy.graph.output.extend(helper.make_tensor_value_info(name, TensorProto.FLOAT, None) for name in names)
    runs = [session(copy, optimized=False).run(names, feed) for feed in data]
    return {name: np.concatenate([found[i].ravel() for found in runs]) for i, name in enumerate(names)}


@pytest.mark.parametrize("make", [branches, encoder])
def test_ranges_are_those_of_the_unoptimized_model(make: Any) -> None:
    model = make()
    data = batches(model, count=3)
    statistics, tensors = observed(model, data, RANGE)
    made = {name for node in model.graph.node for name in node.output}
    values = values_of(model, sorted(made & set(tensors.values())), data)
    checked = 0
    for key, found in statistics.values.items():
        if tensors[key] in values:
            expected = values[tensors[key]]
            assert found[RANGE].minimum == pytest.approx(expected.min(), rel=1e-4, abs=1e-5)
            assert found[RANGE].maximum == pytest.approx(expected.max(), rel=1e-4, abs=1e-5)
            assert found[RANGE].count == expected.size
            checked += 1
    assert checked > 10


def test_inputs_and_constant_operands_have_ranges_too() -> None:
    b = Builder()
    y = b.node(
        "Add", b.conv(b.input("x", ["n", 4, 6, 6]), 4, 4, name="conv"), b.constant(np.full((1, 4, 1, 6), 7.5, np.float32)), name="add"
    )
    model = b.model((y, ["n", 4, 6, 6]))
    data = batches(model)
    statistics, _ = observed(model, data, RANGE)
    assert statistics.values[TensorKey(OpId("add", 0, "Add"), "input:1")][RANGE].maximum == 7.5
    x = np.concatenate([feed["x"] for feed in data])
    assert statistics.values[TensorKey(OpId("conv", 0, "Conv"), "input:0")][RANGE].minimum == x.min()


def test_a_constant_operand_counts_once_however_many_parts_are_merged() -> None:
    b = Builder()
    y = b.node("Add", b.input("x", ["n", 4]), b.constant(np.array([1, 2, 3, 4], np.float32)), name="add")
    model = b.model((y, ["n", 4]))
    data = batches(model, count=4)
    whole, _ = observed(model, data, RANGE, HISTOGRAM)
    parts = merged([observed(model, data[:1], RANGE, HISTOGRAM)[0], observed(model, data[1:], RANGE, HISTOGRAM)[0]])
    assert parts.constant == whole.constant == {TensorKey(OpId("add", 0, "Add"), "input:1")}
    for key, found in whole.values.items():
        for spec, statistic in found.items():
            for name, array in statistic.to_arrays().items():
                np.testing.assert_array_equal(parts.values[key][spec].to_arrays()[name], array)


def test_reading_blocked_layout_gives_bit_identical_statistics(monkeypatch: pytest.MonkeyPatch) -> None:
    """16 and 32 channels fill whole blocks; what differs is the order of the values only."""
    model = resnet()
    data = batches(model)
    fast, _ = observed(model, data, RANGE, HISTOGRAM)
    monkeypatch.setattr(calibration, "blocked_session", lambda *_, **__: None)
    plain, _ = observed(model, data, RANGE, HISTOGRAM)
    _assert_equal(fast, plain)


def test_channels_that_do_not_fill_their_blocks_are_counted_without_padding(monkeypatch: pytest.MonkeyPatch) -> None:
    b = Builder()
    y = b.conv(b.input("x", ["n", 8, 8, 8]), 8, 24, bias=True, name="first")
    y = b.node("Concat", b.conv(y, 24, 24, name="second"), y, axis=1)
    model = b.model((y, ["n", 48, 8, 8]))
    fast, tensors = observed(model, batches(model), HISTOGRAM)
    monkeypatch.setattr(calibration, "blocked_session", lambda *_, **__: None)
    _assert_equal(fast, observed(model, batches(model), HISTOGRAM)[0])
    assert tensors


def test_blocked_layout_is_used_where_onnxruntime_has_it(tmp_path: Any) -> None:
    """On x86; elsewhere the optimized graph has no ReorderOutput and the plain session is taken."""
    model = resnet()
    session(model, path=tmp_path / "optimized.onnx")
    has_blocks = any(node.domain == "com.microsoft.nchwc" for node in onnx.load(tmp_path / "optimized.onnx").graph.node)
    handle = ADAPTOR.open(model)
    graph = ADAPTOR._analysis(handle).graph
    name = graph.nodes[1].output[0]
    parts = calibration.with_outputs(graph, [helper.make_tensor_value_info(name, TensorProto.FLOAT, None)])
    found = blocked.blocked_session(parts, [name], {name}, threads=1)
    assert (found is not None) == has_blocks
    assert blocked.blocked_session(parts, [name], set(), threads=1) is None


def test_large_batches_are_run_in_parts_with_the_same_result(monkeypatch: pytest.MonkeyPatch) -> None:
    model = branches()
    data = batches(model, size=7)
    whole, _ = observed(model, data, RANGE, HISTOGRAM)
    monkeypatch.setattr(calibration, "OUTPUT_BYTES", 1 << 16)
    _assert_equal(observed(model, data, RANGE, HISTOGRAM)[0], whole)
    assert whole.samples == 28


def test_batches_of_changing_size_are_one_stream() -> None:
    model = branches()
    x = np.concatenate([feed["x"] for feed in batches(model, size=5)])
    one, _ = observed(model, [x], RANGE)
    many, _ = observed(model, [x[:3], x[3:10], x[10:11], x[11:14], x[14:]], RANGE)
    _assert_equal(many, one)
    assert many.data_fingerprint == one.data_fingerprint


def test_more_batch_sizes_than_shapes_are_inferred_for_are_one_stream(monkeypatch: pytest.MonkeyPatch) -> None:
    model = branches()
    x = np.concatenate([feed["x"] for feed in batches(model, size=7)])
    data = np.split(x, np.cumsum([1, 2, 3, 4, 5, 6]))
    monkeypatch.setattr(calibration, "_INFERENCES", 0)
    none, _ = observed(model, data, RANGE)
    monkeypatch.setattr(calibration, "_INFERENCES", 3)
    _assert_equal(observed(model, data, RANGE)[0], none)


def test_shapes_that_depend_on_the_values_need_no_buffers() -> None:
    b = Builder()
    x = b.input("x", ["n", 6])
    picked = b.node("Compress", x, b.node("Greater", b.node("ReduceMax", x, axes=[1], keepdims=0), b.constant(np.float32(1.5))), axis=0)
    y = b.node("Relu", b.gemm(picked, 6, 4))
    model = b.model((b.gemm(y, 4, 3, name="last"), ["m", 3]))
    data = batches(model, count=6, size=8)
    statistics, tensors = observed(model, data, RANGE)
    rows = sum(int((feed["x"].max(axis=1) > 1.5).sum()) for feed in data)
    key = next(key for key, name in tensors.items() if name == y)
    assert statistics.values[key][RANGE].count == 4 * rows


def test_a_fixed_batch_axis_is_run_as_it_is() -> None:
    b = Builder()
    model = b.model((b.gemm(b.input("x", [3, 6]), 6, 4), [3, 4]))
    assert observed(model, batches(model, count=2), RANGE)[0].samples == 6


def test_non_finite_values_inside_are_counted_and_keep_their_operator_in_float() -> None:
    b = Builder()
    y = b.node("Log", b.gemm(b.input("x", ["n", 6]), 6, 8, name="first"))
    model = b.model((b.gemm(b.node("Relu", b.gemm(y, 8, 8, name="second")), 8, 4, name="third"), ["n", 4]))
    handle = ADAPTOR.open(model)
    capabilities = ADAPTOR.capabilities(handle, ADAPTOR.target())
    plan = capabilities.plan()
    statistics = ADAPTOR.observe(handle, batches(model), ADAPTOR.wanted(capabilities, (plan,)))
    second = next(op for op in plan.quantized if op.scope == "second")
    assert statistics.non_finite[TensorKey(second, "input:0")] > 0
    emitted = ADAPTOR.emitter(handle, statistics, capabilities).emit(plan)
    assert not any(key.startswith("second/") for key in emitted.state.qparams)
    assert any("NaN or infinity" in note and "second" in note for note in emitted.state.notes)


def test_an_unknown_tensor_is_refused() -> None:
    handle = ADAPTOR.open(branches())
    with pytest.raises(PlanError, match="nowhere"):
        ADAPTOR.observe(handle, batches(branches()), {TensorKey(OpId("nowhere", 0, "Conv"), "input:0"): frozenset({RANGE})})


def test_batches_that_do_not_fit_are_refused() -> None:
    with pytest.raises(DataError, match=r"float32\[\?, 8, 8, 8\]"):
        observed(branches(), [np.zeros((2, 8, 8), np.float32)], RANGE)


def _assert_equal(left: Statistics, right: Statistics) -> None:
    assert left.values.keys() == right.values.keys()
    for key, specs in right.values.items():
        for spec, statistic in specs.items():
            for name, array in statistic.to_arrays().items():
                np.testing.assert_array_equal(left.values[key][spec].to_arrays()[name], array, err_msg=f"{key} {name}")

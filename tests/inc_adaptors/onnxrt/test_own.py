"""Attention, LSTM and tables: onnxruntime's own integer operators in place of whole float ones."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import attrs
import numpy as np
import pytest
from graphs import Builder, kernels, run, run_plainly
from inc_config.capabilities import ReasonCode
from inc_config.dtypes import INT8, UINT8, PerChannel, PerTensor, Scheme
from inc_config.errors import PlanError
from inc_config.plan import OpPlan, QuantizationPlan, TensorPlan
from inc_config.target import Isa, Runtime, Target
from onnx import ModelProto, TensorProto, helper, numpy_helper
from test_emission import ADAPTOR, TARGET, Calibrated

CONTRIB = "com.microsoft"


def finished(b: Builder, *outputs: tuple[str, list[Any]]) -> ModelProto:
    """A model with onnxruntime's own operators, which onnx's checker does not know."""
    results = [helper.make_tensor_value_info(name, TensorProto.FLOAT, shape) for name, shape in outputs]
    graph = helper.make_graph(b.nodes, "graph", b.inputs, results, list(b.initializers.values()))
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17), helper.make_opsetid(CONTRIB, 1)], ir_version=8)


def attention(*, mask: bool = False, products: bool = False, **attributes: Any) -> ModelProto:
    b = Builder()
    x = b.input("x", ["n", 8, 32])
    y = b.linear(x, 32, 32, name="before") if products else x
    operands = [y, b.constant(b.normal(32, 96, fan=32)), b.constant(b.normal(96) * 0.1)]
    if mask:
        operands.append(b.constant(np.full((2, 8), 1, np.int32)))
    y = b.node("Attention", *operands, name="attention", domain=CONTRIB, num_heads=4, **attributes)
    if products:
        y = b.node("LayerNormalization", b.linear(y, 32, 32, name="after"), b.constant(np.ones(32, np.float32)))
    return finished(b, (y, ["n", 8, 32]))


def lstm(direction: str = "forward", *, bias: bool = True, lengths: bool = False) -> ModelProto:
    b = Builder()
    ways = 2 if direction == "bidirectional" else 1
    x = b.input("x", [12, "n", 16])
    operands = [x, b.constant(b.normal(ways, 4 * 24, 16, fan=16)), b.constant(b.normal(ways, 4 * 24, 24, fan=24))]
    operands += [b.constant(b.normal(ways, 8 * 24) * 0.1) if bias else ""] if bias or lengths else []
    operands += [b.constant(np.array([12, 7, 3, 12], np.int32))] if lengths else []
    y, h, c = b.node("LSTM", *operands, outputs=3, name="lstm", direction=direction, hidden_size=24)
    return finished(b, (y, [12, ways, "n", 24]), (h, [ways, "n", 24]), (c, [ways, "n", 24]))


def lookups(*, rows: int = 50, wild: bool = False) -> ModelProto:
    b = Builder()
    ids = b.input("ids", ["n", 6], TensorProto.INT64)
    table = b.normal(rows, 32, fan=2)
    if wild:
        table[:, 3] *= 500.0
    y = b.node("Gather", b.constant(table), ids, name="lookup")
    y = b.node("LayerNormalization", b.linear(y, 32, 32, name="linear"), b.constant(np.ones(32, np.float32)))
    return finished(b, (y, ["n", 6, 32]))


def embedding() -> ModelProto:
    b = Builder()
    ids, segments = (b.input(name, ["n", 6], TensorProto.INT32) for name in ("ids", "segments"))
    tables = [b.constant(b.normal(rows, 32, fan=2)) for rows in (50, 6, 2)]
    scale = [b.constant(b.rng.uniform(0.5, 1.5, 32).astype(np.float32)), b.constant(b.normal(32) * 0.1)]
    y, mask = b.node("EmbedLayerNormalization", ids, segments, *tables, *scale, outputs=2, name="embed", domain=CONTRIB, epsilon=1e-12)
    del mask
    return finished(b, (b.linear(y, 32, 32, name="linear"), ["n", 6, 32]))


def feeds(model: ModelProto, *, count: int = 3, size: int = 4) -> list[dict[str, Any]]:
    rng = np.random.default_rng(1)
    made = []
    for _ in range(count):
        feed = {}
        for value in model.graph.input:
            shape = [d.dim_value or size for d in value.type.tensor_type.shape.dim]
            kind = value.type.tensor_type.elem_type
            if kind == TensorProto.FLOAT:
                feed[value.name] = rng.standard_normal(shape).astype(np.float32)
            else:
                high = 2 if value.name == "segments" else 50
                feed[value.name] = rng.integers(0, high, shape).astype(np.int64 if kind == TensorProto.INT64 else np.int32)
        made.append(feed)
    return made


def ready(model: ModelProto, target: Target = TARGET) -> Calibrated:
    handle = ADAPTOR.open(model)
    capabilities = ADAPTOR.capabilities(handle, target)
    statistics = ADAPTOR.observe(handle, feeds(model), ADAPTOR.wanted(capabilities, (capabilities.plan(),)))
    return Calibrated(model, handle, capabilities, statistics)


def types_of(model: ModelProto) -> Counter[str]:
    return Counter(node.op_type for node in model.graph.node)


def sqnr_db(found: Calibrated, plan: QuantizationPlan) -> float:
    """The worst of all outputs, integer nodes as they stand in the graph."""
    made = found.emit(plan).native
    feed = feeds(found.model)[0]
    pairs = zip(run_plainly(made, feed), run(found.model, feed), strict=True)
    return min(10.0 * float(np.log10(np.square(right).sum() / np.square(left - right).sum())) for left, right in pairs)


def kind(found: Calibrated, *, dynamic: bool) -> QuantizationPlan:
    return found.capabilities.plan(lambda option: option.is_dynamic == dynamic)


@pytest.mark.parametrize("dynamic", [False, True])
@pytest.mark.parametrize("options", [{}, {"unidirectional": 1}, {"mask": True}, {"products": True}])
def test_attention_becomes_qattention(options: dict[str, Any], dynamic: bool) -> None:
    model = attention(**options)
    if options.get("mask"):
        model.graph.input[0].type.tensor_type.shape.dim[0].dim_value = 2
    found = ready(model)
    plan = kind(found, dynamic=dynamic)
    made = found.emit(plan).native
    assert types_of(made)["QAttention"] == 1
    assert types_of(made)["Attention"] == 0
    assert sqnr_db(found, plan) > 28.0


def test_attention_beside_products_shares_the_codes_of_its_input(tmp_path: Path) -> None:
    found = ready(attention(products=True))
    ran = kernels(found.emit(final=True).native, tmp_path)
    assert ran["QAttention"] == 1
    assert ran["MatMulIntegerToFloat"] == 2
    assert ran["DequantizeLinear"] == 0
    assert {op.type for op in found.plan.quantized} == {"MatMul", "Attention"}


def test_weights_of_attention_have_a_scale_per_column_or_one() -> None:
    found = ready(attention())
    op = found.op("attention")
    for weight in (TensorPlan(granularity=PerChannel(1)), TensorPlan(granularity=PerTensor())):
        plan = found.plan.with_ops({op: attrs.evolve(found.plan.ops[op], weight=weight)})
        assert sqnr_db(found, plan) > 25.0


def test_integer_attention_is_also_written_in_operator_form() -> None:
    found = ready(attention(products=True))
    made = found.emit(attrs.evolve(found.plan, recipes={"graph_format": "qoperator"})).native
    assert types_of(made)["QAttention"] == 1
    assert types_of(made)["DequantizeLinear"] == 0


def test_integer_attention_is_diagnosed() -> None:
    found = ready(attention(products=True))
    report = ADAPTOR.diagnose(found.handle, found.emit(), feeds(found.model)[:1], calls=1)
    assert {row.name for row in report.operators} == {"before", "attention", "after"}


def test_what_qattention_does_not_take_is_said() -> None:
    found = ADAPTOR.capabilities(ADAPTOR.open(attention(do_rotary=1)), TARGET)
    reason = found.ops[0].reason
    assert reason is not None
    assert reason.code is ReasonCode.UNSUPPORTED_OPERATOR
    assert "do_rotary" in reason.detail


@pytest.mark.parametrize("options", [{}, {"bias": False}, {"lengths": True}])
@pytest.mark.parametrize("direction", ["forward", "reverse", "bidirectional"])
def test_lstm_finds_its_ranges_at_run_time(direction: str, options: dict[str, bool]) -> None:
    found = ready(lstm(direction, **options))
    made = []
    for dynamic in (True, False):
        plan = kind(found, dynamic=dynamic)
        assert types_of(found.emit(plan).native) == {"DynamicQuantizeLSTM": 1}
        assert sqnr_db(found, plan) > 25.0
        assert ADAPTOR.wanted(found.capabilities, (plan,)) == {}
        made.append(found.emit(plan).native.SerializeToString(deterministic=True))
    assert made[0] == made[1], "one kernel, whichever is asked for"


def test_a_static_lstm_is_refused() -> None:
    found = ready(lstm())
    op = found.op("lstm")
    tensor = TensorPlan(dtype=UINT8, scheme=Scheme.ASYMMETRIC)
    with pytest.raises(PlanError, match="at run time"):
        found.emit(found.plan.with_ops({op: OpPlan(inputs=(tensor,), weight=TensorPlan(granularity=PerChannel(1)), compute_dtype=INT8)}))


def test_rows_of_a_table_are_read_as_codes() -> None:
    found = ready(lookups())
    made = found.emit().native
    size = {t.name: len(t.raw_data) for t in made.graph.initializer}
    gather = next(node for node in made.graph.node if node.op_type == "Gather")
    assert size[gather.input[0]] == 50 * 32
    assert sqnr_db(found, found.plan) > 28.0
    assert found.plan.ops[found.op("lookup")].weight == TensorPlan(granularity=PerTensor())


def test_a_table_with_one_wild_column_gets_a_scale_per_column() -> None:
    found = ready(lookups(wild=True))
    assert found.plan.ops[found.op("lookup")].weight == TensorPlan(granularity=PerChannel(1))
    feed = feeds(found.model)[0]
    alone = found.plan.with_float(op for op in found.plan.quantized if op.scope != "lookup")
    got, expected = run_plainly(found.emit(alone).native, feed)[0], run(found.model, feed)[0]
    assert 10.0 * np.log10(np.square(expected).sum() / np.square(got - expected).sum()) > 28.0


def test_a_table_that_8_bits_do_not_keep_stays_in_float() -> None:
    """One value of 2,000 among 50,000 of 1: the step is 15.7, whose noise of 20 is no 30 dB below a power of 81."""
    model = lookups()
    table = np.full((50, 32), 0.5, np.float32)
    table[0] = 100.0
    kept = ADAPTOR.capabilities(ADAPTOR.open(with_table(model, table)), TARGET).ops[0]
    assert kept.is_quantizable, "the large row carries the power"
    table = np.random.default_rng(0).standard_normal((50_000, 2)).astype(np.float32)
    table[0] = 2000.0
    lost = ADAPTOR.capabilities(ADAPTOR.open(with_table(model, table)), TARGET).ops[0]
    assert lost.reason is not None
    assert lost.reason.code is ReasonCode.RANGE_GUARD


def with_table(model: ModelProto, table: np.ndarray[Any, Any]) -> ModelProto:
    made = ModelProto()
    made.CopyFrom(model)
    made.graph.initializer[0].CopyFrom(numpy_helper.from_array(table, made.graph.initializer[0].name))
    del made.graph.node[1:], made.graph.output[:]
    made.graph.output.append(helper.make_tensor_value_info(made.graph.node[0].output[0], TensorProto.FLOAT, ["n", 6, table.shape[1]]))
    return made


def test_embedding_tables_are_read_as_codes_inside_the_fused_operator() -> None:
    found = ready(embedding())
    made = found.emit().native
    assert types_of(made)["QEmbedLayerNormalization"] == 1
    assert sqnr_db(found, found.plan) > 25.0


@pytest.mark.parametrize("make", [attention, lstm, embedding])
def test_an_operator_put_back_to_float_is_the_models_own(make: Any) -> None:
    found = ready(make())
    plan = found.plan.with_float(found.plan.quantized)
    feed = feeds(found.model)[0]
    for left, right in zip(run(found.emit(plan).native, feed), run(found.model, feed), strict=True):
        np.testing.assert_allclose(left, right, atol=1e-5)


@pytest.mark.parametrize("make", [attention, lstm, embedding, lookups])
def test_they_count_as_integer_operators(make: Any) -> None:
    found = ready(make())
    assert ADAPTOR.integers(found.emit()) >= {op.scope for op in found.plan.quantized}


def test_other_runtimes_keep_these_operators_in_float() -> None:
    target = Target(runtime=Runtime.OPENVINO, isa=Isa.AVX512_VNNI)
    for make in (attention, lstm, embedding):
        first = ADAPTOR.capabilities(ADAPTOR.open(make()), target).ops[0]
        assert first.reason is not None
        assert first.reason.code is ReasonCode.NO_INTEGER_KERNEL


def test_an_index_of_the_largest_code_rides_along_and_starts_nothing(tmp_path: Path) -> None:
    b = Builder()
    y = b.node("Relu", b.conv(b.input("x", ["n", 3, 8, 8]), 3, 8, name="conv"))
    index = b.node("Cast", b.node("ArgMax", y, axis=1, keepdims=0, name="index"), to=TensorProto.FLOAT)
    found = ready(b.model((index, ["n", 8, 8])))
    assert "index" in {op.scope for op in found.plan.quantized}
    ran = kernels(found.emit(final=True).native, tmp_path)
    assert ran["DequantizeLinear"] == 0
    b = Builder()
    logits = b.gemm(b.input("x", ["n", 32]), 32, 10, name="head")
    index = b.node("Cast", b.node("ArgMax", logits, axis=1, name="index"), to=TensorProto.FLOAT)
    found = ready(b.model((index, ["n", 1])))
    assert "index" not in found.emit().state.qparams
    assert any("index" in note for note in found.emit().state.notes)


@pytest.mark.parametrize(
    ("op_type", "domain"),
    [("Abs", ""), ("Sign", ""), ("Softmax", ""), ("Gelu", CONTRIB), ("Relu", "")],
)
def test_operators_without_an_integer_form_say_why(op_type: str, domain: str) -> None:
    b = Builder()
    x = b.input("x", ["n", 8])
    capability = ADAPTOR.capabilities(ADAPTOR.open(finished(b, (b.node(op_type, x, domain=domain), ["n", 8]))), TARGET).ops[0]
    assert capability.reason is not None
    assert len(capability.reason.detail) > 20
    assert capability.reason.code in (ReasonCode.NO_INTEGER_KERNEL, ReasonCode.SLOWER_IN_INTEGER)

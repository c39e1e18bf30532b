"""Recipes that place pairs: dedicated_qdq_pair and weight_qdq_pair."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import attrs
import numpy as np
import onnx
import pytest
from graphs import batches, branches, kernels, mlp, resnet, run, run_plainly
from hypothesis import example, given, settings
from hypothesis import strategies as st
from inc_config.dtypes import IntegerType
from inc_config.plan import QuantizationPlan
from onnx import ModelProto, numpy_helper
from test_emission import calibrated
from test_emission_law import MODELS, ready

DEDICATED = {"dedicated_qdq_pair": True}
WEIGHTS = {"weight_qdq_pair": True}


def under(plan: QuantizationPlan, recipes: dict[str, Any]) -> QuantizationPlan:
    return attrs.evolve(plan, recipes=recipes)


def readers_of_pairs(model: ModelProto) -> Counter[str]:
    """How many inputs read each dequantizer of an activation."""
    held = {t.name for t in model.graph.initializer}
    pairs = {n.output[0] for n in model.graph.node if n.op_type == "DequantizeLinear" and n.input[0] not in held}
    return Counter(name for node in model.graph.node for name in node.input if name in pairs)


@pytest.mark.parametrize("make", [resnet, branches])
def test_every_reader_has_a_pair_of_its_own(make: Callable[[], ModelProto]) -> None:
    found = calibrated(make())
    shared, own = found.emit(final=True).native, found.emit(under(found.plan, DEDICATED), final=True).native
    assert max(readers_of_pairs(shared).values()) > 1
    assert set(readers_of_pairs(own).values()) == {1}
    onnx.checker.check_model(own, full_check=True)
    feed = batches(found.model)[0]
    np.testing.assert_array_equal(run_plainly(own, feed)[0], run_plainly(shared, feed)[0])


@pytest.mark.parametrize("recipes", [DEDICATED, WEIGHTS, {**DEDICATED, **WEIGHTS}])
@pytest.mark.parametrize("make", [resnet, branches, mlp])
def test_onnxruntime_runs_the_same_kernels(make: Callable[[], ModelProto], recipes: dict[str, Any], tmp_path: Path) -> None:
    found = calibrated(make())
    usual, made = found.emit(final=True).native, found.emit(under(found.plan, recipes), final=True).native
    left, right = kernels(usual, tmp_path), kernels(made, tmp_path)
    assert {name: count for name, count in right.items() if name.startswith(("QLinear", "QGemm"))} == {
        name: count for name, count in left.items() if name.startswith(("QLinear", "QGemm"))
    }
    feed = batches(found.model)[0]
    np.testing.assert_allclose(run(made, feed)[0], run(usual, feed)[0], atol=1e-5)


@pytest.mark.parametrize("name", MODELS)
@settings(max_examples=10, deadline=None)
@given(chosen=st.lists(st.booleans(), min_size=24, max_size=24))
@example(chosen=[place in (5, 7) for place in range(24)])
def test_any_fallback_set_computes_the_same_numbers(name: str, chosen: list[bool]) -> None:
    model = ready(name)
    plan = model.fallback(chosen)
    usual = run_plainly(model.emitter.emit(plan).native, model.feed)[0]
    for recipes in (DEDICATED, WEIGHTS):
        made = run_plainly(model.emitter.emit(under(plan, recipes)).native, model.feed)[0]
        np.testing.assert_allclose(made, usual, atol=1e-5 * max(1.0, float(np.abs(usual).max())))


def test_float_weights_are_the_models_own_behind_a_quantizer() -> None:
    found = calibrated(mlp())
    made = found.emit(under(found.plan, WEIGHTS)).native
    held = {t.name: numpy_helper.to_array(t) for t in made.graph.initializer}
    makers = {n.output[0]: n for n in made.graph.node}
    for node in (n for n in made.graph.node if n.op_type == "Gemm"):
        pair = makers[makers[node.input[1]].input[0]]
        assert pair.op_type == "QuantizeLinear"
        source = next(n for n in found.model.graph.node if n.name == node.name).input[1]
        assert pair.input[0] == source
        assert held[source].dtype == np.float32
    assert not any(array.dtype == np.int8 and array.size > 64 for array in held.values())


def test_codes_narrower_than_their_container_come_back_from_the_float_weights() -> None:
    """7 bits clip at 63 where the pair would go on to 127: then the floats are what the codes stand for."""
    found = calibrated(mlp())
    narrow = IntegerType(3, signed=True)
    changes = {op: attrs.evolve(p, weight=attrs.evolve(p.weight, dtype=narrow)) for op, p in found.plan.ops.items()}  # type: ignore[arg-type]  # every operator has one
    plan = found.plan.with_ops(changes)
    feed = batches(found.model)[0]
    usual, made = found.emit(plan).native, found.emit(under(plan, {**WEIGHTS, "weight_correction": True})).native
    corrected = found.emit(under(plan, {"weight_correction": True})).native
    np.testing.assert_allclose(run_plainly(made, feed)[0], run_plainly(corrected, feed)[0], atol=1e-5)
    assert np.abs(run_plainly(made, feed)[0] - run_plainly(usual, feed)[0]).max() > 1e-3


def test_integer_operators_have_no_pairs_to_place() -> None:
    found = calibrated(mlp())
    recipes = {**DEDICATED, **WEIGHTS, "graph_format": "qoperator"}
    notes = found.emit(under(found.plan, recipes)).state.notes
    assert {"dedicated_qdq_pair means nothing to integer operators", "weight_qdq_pair means nothing to integer operators"} <= set(notes)

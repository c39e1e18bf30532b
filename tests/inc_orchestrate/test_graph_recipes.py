"""Recipes that change the graph of an ONNX model, asked for where users ask: in Quantize and in plan."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from inc_config import QuantizeConfig
from inc_config.errors import PlanError
from inc_metrics import Accuracy
from inc_orchestrate import Evaluation, FitResult, Pipeline, Progress, Quantize, plan
from inc_orchestrate.recipes import recipes_of, without_effect


@pytest.fixture
def fit(onnx_path: Path, digits: Any) -> Any:
    def run(**options: Any) -> FitResult:
        evaluate = Evaluation(digits.evaluation, Accuracy())
        steps = [Quantize(accuracy_loss=0.2, **options)]
        return Pipeline(steps, calibrate=digits.calibration, evaluate=evaluate, benchmark=False, progress=Progress(quiet=True)).fit(
            str(onnx_path)
        )

    return run


def types_of(result: FitResult) -> Counter[str]:
    return Counter(node.op_type for node in result.model.graph.node)


def test_graph_format_gives_integer_operators_and_is_part_of_every_plan(fit: Any) -> None:
    result = fit(graph_format="qoperator")
    types = types_of(result)
    assert types["QLinearConv"] >= 1
    assert types["QGemm"] >= 1
    assert not types["Conv"] + types["Gemm"]
    assert result.is_feasible
    carried = result.handle.state.plan
    assert carried is not None
    assert carried.recipes["graph_format"] == "qoperator"
    assert not any("graph_format" in note for note in result.summary.notes)


def test_a_gemm_that_may_not_be_split_has_no_dynamic_ranges_and_says_so(fit: Any, onnx_path: Path) -> None:
    whole = {"approach": "dynamic", "recipes": {"gemm_to_matmul": False}}
    with pytest.raises(PlanError, match="gemm_to_matmul is False"):
        fit(**whole)
    rows = plan(str(onnx_path), config=QuantizeConfig(recipes={"gemm_to_matmul": False})).operators
    assert {row.precision for row in rows if row.type == "Gemm"} == {"int8"}


def test_graph_level_rewrites_the_model_first(fit: Any, onnx_path: Path) -> None:
    result = fit(recipes={"graph_level": "all"})
    assert result.is_feasible
    assert not any("graph_level" in note for note in result.summary.notes)
    assert plan(str(onnx_path), config=QuantizeConfig(recipes={"graph_level": "all"})).by_precision["int8"] >= 3


@pytest.mark.parametrize(
    "recipes", [{"fast_bias_correction": True}, {"weight_correction": True}, {"weight_qdq_pair": True}, {"dedicated_qdq_pair": True}]
)
def test_recipes_hold_through_the_search(recipes: dict[str, bool], fit: Any) -> None:
    result = fit(recipes=recipes)
    assert result.is_feasible
    assert not any("no effect" in note for note in result.summary.notes)
    carried = result.handle.state.plan
    assert carried is not None
    assert dict(carried.recipes) == recipes


def test_an_adaptor_that_knows_no_formats_has_it_said() -> None:
    config = QuantizeConfig(graph_format="qoperator")
    assert without_effect(config) == ("graph_format",)
    assert dict(recipes_of(config)) == {"graph_format": "qoperator"}
    assert dict(recipes_of(QuantizeConfig())) == {}

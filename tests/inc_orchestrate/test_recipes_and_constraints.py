"""What recipes and constraints leave of a model's options, on real models."""

from __future__ import annotations

from typing import Any

import pytest
from inc_config import FLOAT, INT8, Capabilities, OpCapability, OpConstraint, OpId, OpPlan, QuantizeConfig, Target, TensorConstraint
from inc_orchestrate import plan
from inc_orchestrate.recipes import restrict_by_recipes
from torch import nn


def precisions(model: nn.Module, digits: Any, **options: Any) -> dict[str, tuple[str, str]]:
    config = QuantizeConfig(**options)
    rows = plan(model, config=config, batches=[digits.calibration[0][0]]).operators
    return {row.op: (row.precision, row.reason.partition(":")[0]) for row in rows}


def test_a_constraint_keeps_a_layer_in_float_and_says_so(model: nn.Module, digits: Any) -> None:
    usual = precisions(model, digits)
    constrained = precisions(model, digits, constraints=[OpConstraint(patterns="conv.*", weight=TensorConstraint(dtypes="fp32"))])
    assert usual["conv2"][0] == "int8"
    assert constrained["conv2"] == ("fp32", "excluded_by_user")


def test_what_lies_outside_of_the_first_and_the_last_product_stays_in_float() -> None:
    names = ["Add", "Conv", "Relu", "MatMul", "Mul"]
    ops = [OpCapability(op=OpId(name, type=name), options=(OpPlan(compute_dtype=INT8), FLOAT)) for name in names]
    capabilities = Capabilities(target=Target(runtime="onnxruntime"), ops=ops)
    left = restrict_by_recipes(capabilities, {"pre_post_process": False}).quantizable
    assert [op.op.type for op in left] == ["Conv", "Relu", "MatMul"]
    no_products = Capabilities(target=capabilities.target, ops=ops[:1])
    assert restrict_by_recipes(no_products, {"pre_post_process": False}) == no_products


@pytest.mark.parametrize("recipe", ["first_conv_or_matmul", "last_conv_or_matmul"])
def test_a_recipe_keeps_its_operators_in_float(recipe: str, digits: Any) -> None:
    model = nn.Sequential(nn.MaxPool2d(1), nn.Conv2d(1, 64, 3), nn.Conv2d(64, 64, 3), nn.Conv2d(64, 64, 3), nn.ReLU()).eval()
    usual, changed = precisions(model, digits), precisions(model, digits, recipes={recipe: False})
    integers = [name for name, (precision, _) in usual.items() if precision == "int8"]
    assert "2" in integers
    assert changed["2"] == usual["2"]
    touched = {name for name in usual if changed[name] != usual[name]}
    expected = {"first_conv_or_matmul": {"1"}, "last_conv_or_matmul": {"3"}}[recipe]
    assert touched == expected & set(integers)
    assert all(changed[name] == ("fp32", "excluded_by_recipe") for name in touched)

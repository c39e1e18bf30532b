import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from inc_config import (
    BF16,
    FLOAT,
    INT8,
    UINT8,
    OpId,
    OpPlan,
    QuantizationPlan,
    RangeSource,
    Target,
    TensorKey,
    TensorPlan,
    from_json,
    to_json,
)

STATIC = OpPlan(inputs=[TensorPlan(dtype=UINT8)], weight=TensorPlan(), compute_dtype=INT8)
DYNAMIC = OpPlan(inputs=[None, TensorPlan(ranges=RangeSource.DYNAMIC)], compute_dtype=INT8)
A, B, C = (OpId(scope, 0, "Conv") for scope in "abc")
PLAN = QuantizationPlan(target=Target(runtime="torch"), ops={A: STATIC, B: DYNAMIC, C: FLOAT})
RELAXED = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])


@given(data=st.data())
@RELAXED
def test_the_digest_ignores_the_order_of_construction_and_survives_json(any_plan, data):
    plan = data.draw(any_plan)
    ops = data.draw(st.permutations(list(plan.ops.items())))
    recipes = data.draw(st.permutations(list(plan.recipes.items())))
    again = QuantizationPlan(target=plan.target, ops=dict(ops), recipes=dict(recipes))
    assert again == plan
    assert hash(again) == hash(plan)
    assert again.digest == plan.digest == from_json(to_json(plan), QuantizationPlan).digest


@given(data=st.data())
@RELAXED
def test_different_plans_have_different_digests(any_plan, data):
    one, other = data.draw(any_plan), data.draw(any_plan)
    assert (one == other) == (one.digest == other.digest)


def test_equal_numbers_have_equal_digests_however_they_are_spelled():
    one, other = (QuantizationPlan(target=PLAN.target, recipes={"alpha": value, "list": [value]}) for value in (1, 1.0))
    assert one == other
    assert one.digest == other.digest


def test_the_digest_covers_target_operators_and_recipes():
    changed = [
        QuantizationPlan(target=Target(runtime="onnxruntime"), ops=PLAN.ops),
        PLAN.with_float([A]),
        QuantizationPlan(target=PLAN.target, ops=PLAN.ops, recipes={"x": 1}),
        PLAN.with_ops({C: OpPlan(compute_dtype=BF16)}),
    ]
    assert len({plan.digest for plan in (PLAN, *changed)}) == 5
    assert len(PLAN.digest) == 64


def test_fallback_touches_the_named_operators_only():
    assert PLAN.quantized == (A, B)
    fallen = PLAN.with_float([B])
    assert fallen.quantized == (A,)
    assert (fallen.ops[A], fallen.ops[B]) == (STATIC, FLOAT)
    assert PLAN.ops[B] == DYNAMIC
    assert list(fallen.ops) == [A, B, C]


def test_an_operators_precision_is_named_for_tables():
    assert [p.precision for p in (STATIC, DYNAMIC, FLOAT, OpPlan(compute_dtype=BF16))] == ["int8", "int8 dynamic", "fp32", "bf16"]


def test_names_print_as_a_user_knows_them():
    assert str(OpId("layer1.conv")) == "layer1.conv"
    assert str(OpId("layer1.conv", 2)) == "layer1.conv#2"
    assert str(TensorKey(OpId("fc", 1), "input:0")) == "fc#1/input:0"
    assert str(Target(runtime="onnxruntime", isa="avx512_vnni")) == "onnxruntime, avx512_vnni, cpu"
    assert sorted([OpId("b"), OpId("a", 1), OpId("a")]) == [OpId("a"), OpId("a", 1), OpId("b")]


@pytest.mark.parametrize("role", ["input", "input:", "bias", "output:-1", "weight:0"])
def test_a_tensor_has_one_of_three_roles(role):
    with pytest.raises(ValueError, match="role"):
        TensorKey(A, role)

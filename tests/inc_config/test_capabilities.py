import pytest
from inc_config import BF16, FLOAT, INT8, Capabilities, OpCapability, OpId, OpPlan, Reason, ReasonCode, Target

INTEGER = OpPlan(compute_dtype=INT8)
HALF = OpPlan(compute_dtype=BF16)
CONV, GEMM, RESIZE = OpId("body.conv", 0, "Conv"), OpId("head", 0, "Gemm"), OpId("up", 0, "Resize")
CAPABILITIES = Capabilities(
    target=Target(runtime="onnxruntime"),
    ops=[
        OpCapability(op=CONV, options=[INTEGER, HALF, FLOAT]),
        OpCapability(op=GEMM, options=[INTEGER, FLOAT]),
        OpCapability(op=RESIZE, reason=Reason(ReasonCode.UNSUPPORTED_OPERATOR)),
    ],
)


def test_the_default_plan_takes_the_first_option_of_every_operator():
    assert dict(CAPABILITIES.plan().ops) == {CONV: INTEGER, GEMM: INTEGER, RESIZE: FLOAT}
    assert [c.op for c in CAPABILITIES.quantizable] == [CONV, GEMM]
    assert [c.op for c in CAPABILITIES.lowerable] == [CONV, GEMM]


def test_a_plan_takes_the_best_accepted_option_or_float():
    plan = CAPABILITIES.plan(lambda option: not option.is_quantized)
    assert dict(plan.ops) == {CONV: HALF, GEMM: FLOAT, RESIZE: FLOAT}
    assert CAPABILITIES.ops[1].first(lambda option: False) == FLOAT


def test_excluded_operators_stay_in_float_with_the_reason():
    restricted = CAPABILITIES.restrict(exclude=("body.*", "hea"), exclude_types=("gemm",))
    assert restricted.quantizable == ()
    assert [str(c.reason) for c in restricted.ops] == [
        "excluded_by_user: matches 'body.*'",
        "excluded_by_user: type Gemm",
        "unsupported_operator",
    ]
    assert CAPABILITIES.restrict(exclude=("hea",)).quantizable == CAPABILITIES.quantizable


@pytest.mark.parametrize("options", [(), (INTEGER,)])
def test_the_float_plan_is_always_an_option(options):
    with pytest.raises(ValueError, match="must end with the float plan"):
        OpCapability(op=CONV, options=options)

import pytest
from inc_config import (
    FLOAT,
    INT8,
    UINT8,
    Capabilities,
    Named,
    OpCapability,
    OpConstraint,
    OpId,
    OpPlan,
    PerChannel,
    PerGroup,
    PerTensor,
    ReasonCode,
    Target,
    TensorConstraint,
    TensorPlan,
    constrain,
)
from inc_config.constrain import threshold_for, without_match
from inc_config.dtypes import BF16, FP16


def option(scheme="asymmetric", granularity=None, dtype=UINT8, algorithm=None):
    weight = TensorPlan(dtype=INT8, granularity=granularity or PerChannel(0))
    return OpPlan(inputs=[TensorPlan(dtype=dtype, scheme=scheme), None], weight=weight, compute_dtype=INT8, algorithm=algorithm)


PER_CHANNEL, PER_TENSOR, PER_GROUP = option(), option(granularity=PerTensor()), option(granularity=PerGroup(1, 32))
SYMMETRIC = option("symmetric", dtype=INT8)
NO_WEIGHT = OpPlan(inputs=[TensorPlan(dtype=UINT8)], compute_dtype=INT8)


def options(constraint, *given, scope="encoder.fc1", kind="Linear", members=()):
    op = OpCapability(op=OpId(scope, type=kind), options=(*given, FLOAT), members=members)
    constraints = [constraint] if isinstance(constraint, OpConstraint) else constraint
    (found,) = constrain(Capabilities(target=Target(runtime="torch"), ops=[op]), constraints).ops
    return found


FLOAT_WEIGHTS = TensorConstraint(dtypes="fp32")


@pytest.mark.parametrize(
    ("selector", "selected"),
    [
        ({}, True),
        ({"names": "encoder.fc1"}, True),
        ({"names": "encoder.fc"}, False),
        ({"names": "MatMul_7"}, True),
        ({"patterns": r"encoder\..*"}, True),
        ({"patterns": "encoder"}, False),
        ({"names": "other", "patterns": ".*fc1"}, True),
        ({"types": "linear"}, True),
        ({"types": "Conv"}, False),
        ({"types": "Conv", "names": "encoder.fc1"}, False),
        ({"types": ["Conv", "Linear"], "names": "encoder.fc1"}, True),
    ],
)
def test_a_constraint_finds_its_operators_by_name_pattern_and_type(selector, selected):
    found = options(OpConstraint(weight=FLOAT_WEIGHTS, **selector), PER_CHANNEL, members=("MatMul_7",))
    assert found.is_quantizable is not selected
    assert (found.reason is None) is not selected


@pytest.mark.parametrize(
    ("limits", "left"),
    [
        ({"weight": {"granularities": "per_tensor"}}, [PER_TENSOR]),
        ({"weight": {"granularities": ["per_group", "per_channel"]}}, [PER_CHANNEL, PER_GROUP, SYMMETRIC]),
        ({"weight": {"group_sizes": 64}}, [PER_CHANNEL, PER_TENSOR, SYMMETRIC]),
        ({"weight": {"group_sizes": [32, 64], "granularities": "per_group"}}, [PER_GROUP]),
        ({"activation": {"schemes": "symmetric"}}, [SYMMETRIC]),
        ({"activation": {"dtypes": ["uint8", "fp32"]}}, [PER_CHANNEL, PER_TENSOR, PER_GROUP]),
        ({"activation": {"dtypes": "int8"}, "weight": {"dtypes": "int8"}}, [SYMMETRIC]),
        ({"weight": {"algorithms": ["minmax", "rtn"]}}, [PER_CHANNEL, PER_TENSOR, PER_GROUP, SYMMETRIC]),
        ({"activation": {"dtypes": "bf16"}}, []),
        ({"weight": {"algorithms": "gptq"}}, []),
        ({"weight": {"schemes": "asymmetric"}}, []),
    ],
)
def test_what_is_left_is_what_every_limit_allows(limits, left):
    constraint = OpConstraint(**{role: TensorConstraint(**fields) for role, fields in limits.items()})
    found = options(constraint, PER_CHANNEL, PER_TENSOR, PER_GROUP, SYMMETRIC)
    assert list(found.options) == [*left, FLOAT]
    assert found.reason is None if left else found.reason.code is ReasonCode.EXCLUDED_BY_USER


def test_a_weight_algorithm_is_known_by_its_name():
    rounded = option(algorithm=Named("gptq"))
    constraint = OpConstraint(weight=TensorConstraint(algorithms="gptq"))
    assert list(options(constraint, PER_CHANNEL, rounded).options) == [rounded, FLOAT]


def test_limits_of_weights_do_not_reach_operators_without():
    constraint = OpConstraint(weight=TensorConstraint(dtypes="fp32"))
    assert options(constraint, NO_WEIGHT, kind="Add").options == (NO_WEIGHT, FLOAT)


def test_an_unfit_limit_may_be_ignored_but_a_wish_for_float_never():
    per_tensor = TensorConstraint(granularities="per_tensor", schemes="symmetric")
    assert options(OpConstraint(weight=per_tensor), PER_CHANNEL).options == (FLOAT,)
    assert options(OpConstraint(weight=per_tensor, unfit="ignore"), PER_CHANNEL).options == (PER_CHANNEL, FLOAT)
    assert options(OpConstraint(weight=FLOAT_WEIGHTS, unfit="ignore"), PER_CHANNEL).options == (FLOAT,)


def test_constraints_narrow_one_another():
    both = [
        OpConstraint(weight=TensorConstraint(granularities=["per_tensor", "per_channel"])),
        OpConstraint(types="Linear", activation=TensorConstraint(schemes="symmetric")),
    ]
    assert options(both, PER_TENSOR, PER_GROUP, SYMMETRIC).options == (SYMMETRIC, FLOAT)
    assert options([*both, OpConstraint(weight=FLOAT_WEIGHTS), *both], PER_TENSOR).reason is not None


def test_thresholds_follow_the_last_constraint_that_disagrees():
    op = OpCapability(op=OpId("a", type="Conv"), options=(PER_CHANNEL, FLOAT))
    kl = OpConstraint(types="Conv", activation=TensorConstraint(algorithms=["kl", "percentile"]))
    other = OpConstraint(types="Linear", activation=TensorConstraint(algorithms="mse"))
    silent = OpConstraint(weight=FLOAT_WEIGHTS)
    default = Named("percentile", {"percentile": 99.9})
    assert threshold_for(op, [], default) == default
    assert threshold_for(op, [kl, other, silent], default) == default
    assert threshold_for(op, [kl, other], Named("minmax")) == Named("kl")


def test_what_matches_no_operator_is_named():
    ops = [OpCapability(op=OpId("block.conv", type="Conv"), members=("bn",)), OpCapability(op=OpId("head", type="Linear"))]
    found = without_match(
        Capabilities(target=Target(runtime="torch"), ops=ops),
        exclude=("block.*", "hed"),
        exclude_types=("conv", "Gemm"),
        constraints=[
            OpConstraint(names=["bn", "hat"], weight=FLOAT_WEIGHTS),
            OpConstraint(patterns=["h.*d", "h.*t"], weight=FLOAT_WEIGHTS),
            OpConstraint(types="Gemm", weight=FLOAT_WEIGHTS),
        ],
    )
    assert found == ("exclude 'hed'", "exclude_types 'Gemm'", "constraints[0].names 'hat'", "constraints[1].patterns 'h.*t'")


IN_BF16, IN_FP16 = OpPlan(compute_dtype=BF16), OpPlan(compute_dtype=FP16)


@pytest.mark.parametrize(
    ("dtypes", "left"),
    [
        ("bf16", (IN_BF16, FLOAT)),
        (("bf16", "fp16"), (IN_BF16, IN_FP16, FLOAT)),
        ("fp32", (FLOAT,)),
        ("int8", (SYMMETRIC, FLOAT)),
        (("int8", "fp16"), (SYMMETRIC, IN_FP16, FLOAT)),
    ],
)
def test_types_of_16_bits_are_kept_where_they_are_named(dtypes, left):
    constraint = OpConstraint(activation=TensorConstraint(dtypes=dtypes))
    assert options(constraint, SYMMETRIC, IN_BF16, IN_FP16).options == left


def test_a_limit_on_integers_leaves_16_bits_alone():
    constraint = OpConstraint(weight=TensorConstraint(granularities="per_tensor"))
    assert options(constraint, PER_CHANNEL, IN_BF16).options == (IN_BF16, FLOAT)
    assert options(constraint, IN_BF16).reason is None


def test_excluded_operators_lose_16_bits_too():
    op = OpCapability(op=OpId("norm", type="LayerNormalization"), options=(IN_BF16, FLOAT))
    found = Capabilities(target=Target(runtime="torch"), ops=[op]).restrict(exclude=("norm",)).ops[0]
    assert found.options == (FLOAT,)
    assert found.reason.code is ReasonCode.EXCLUDED_BY_USER

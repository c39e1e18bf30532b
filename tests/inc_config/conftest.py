"""Hypothesis strategies for every configuration class, shared by the round-trip tests."""

import pytest
from hypothesis import strategies as st
from inc_config import (
    AccuracyCriterion,
    Approach,
    Baseline,
    BenchmarkConfig,
    BlockPattern,
    Device,
    DistillConfig,
    ExitPolicy,
    FloatType,
    IntegerType,
    Isa,
    LossKind,
    Named,
    NofMPattern,
    Objective,
    ObjectiveKind,
    OpId,
    OpPlan,
    PerChannel,
    PerGroup,
    PerTensor,
    PipelineConfig,
    PipelineMode,
    PruneConfig,
    PruneOverride,
    QuantizationPlan,
    QuantizeConfig,
    RangeSource,
    Reduction,
    Runtime,
    ScheduleKind,
    Scheme,
    Scope,
    SoftTargetLoss,
    Target,
    TensorPlan,
    TuningConfig,
)

texts = st.text(st.characters(codec="utf-8"), max_size=8)
names = st.text(st.characters(codec="utf-8"), min_size=1, max_size=8)
finite = st.floats(allow_nan=False, allow_infinity=False)
plain = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**70), 2**70) | finite | texts,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3),
    max_leaves=6,
)
maps = st.dictionaries(texts, plain, max_size=3)
counts = st.integers(0, 1000)
positive = st.floats(1e-6, 1e6)
fractions = st.floats(0.0, 0.97)
layer_names = st.sampled_from(["a.*", r"encoder\.\d+", "conv[0-9]", "(x|y)"])
layer_patterns = st.lists(layer_names, max_size=2).map(tuple)

named = st.builds(Named, names, maps)
targets = st.builds(Target, runtime=st.sampled_from(Runtime), isa=st.sampled_from(Isa), device=st.sampled_from(Device))
integer_types = st.builds(IntegerType, st.integers(2, 8), signed=st.booleans())
granularities = (
    st.builds(PerTensor) | st.builds(PerChannel, st.integers(-2, 3)) | st.builds(PerGroup, st.integers(0, 3), st.integers(1, 128))
)
tensor_plans = st.builds(
    TensorPlan,
    dtype=integer_types,
    scheme=st.sampled_from(Scheme),
    granularity=granularities,
    threshold=named,
    ranges=st.sampled_from(RangeSource),
)
optional_tensors = st.lists(st.none() | tensor_plans, max_size=2)
op_plans = st.builds(
    OpPlan,
    inputs=optional_tensors,
    weight=st.none() | tensor_plans,
    outputs=optional_tensors,
    compute_dtype=integer_types | st.sampled_from(FloatType),
    algorithm=st.none() | named,
)
op_ids = st.builds(OpId, texts, st.integers(0, 3), texts)
plans = st.builds(QuantizationPlan, target=targets, ops=st.dictionaries(op_ids, op_plans, max_size=4), recipes=maps)

tunings = st.builds(
    TuningConfig,
    strategy=named,
    objectives=st.lists(st.builds(Objective, kind=st.sampled_from(ObjectiveKind), weight=positive), min_size=1, max_size=2),
    exit_policy=st.builds(ExitPolicy, max_trials=st.integers(1, 999), timeout_s=st.floats(0, 1e6), first_success=st.booleans()),
    seed=counts,
    ledger=st.none() | st.sampled_from(["runs/one", "/tmp/x y"]),
)
quantize_configs = st.builds(
    QuantizeConfig,
    approach=st.sampled_from(Approach),
    accuracy_loss=st.floats(0, 10),
    loss_kind=st.sampled_from(LossKind),
    higher_is_better=st.booleans(),
    baseline=st.sampled_from(Baseline),
    calibration_samples=st.integers(1, 10**6),
    activation_threshold=named,
    activation_scheme=st.sampled_from(Scheme),
    exclude=layer_patterns,
    exclude_types=st.lists(texts, max_size=2),
    recipes=maps,
    target=st.none() | targets,
    tuning=tunings,
)
block_patterns = st.builds(BlockPattern, st.integers(1, 64), st.integers(1, 64))
overrides = st.builds(
    PruneOverride,
    include=st.lists(layer_names, min_size=1, max_size=2).map(tuple),
    target_sparsity=st.none() | fractions,
    pattern=st.none() | block_patterns,
)
schedules = {
    "scope": st.sampled_from(Scope),
    "schedule": st.sampled_from(ScheduleKind),
    "start_step": counts,
    "end_step": st.none() | st.integers(1000, 2000),
    "frequency": st.integers(1, 100),
    "reduction": st.sampled_from(Reduction),
    "criterion": named,
    "include": layer_patterns,
    "exclude": layer_patterns,
}
prune_configs = st.builds(
    PruneConfig, target_sparsity=fractions, pattern=block_patterns, overrides=st.lists(overrides, max_size=2), **schedules
) | st.builds(
    lambda group, share, **rest: PruneConfig(
        pattern=NofMPattern(1 + share % (group - 1), group), target_sparsity=(1 + share % (group - 1)) / group, **rest
    ),
    st.integers(2, 16),
    counts,
    **schedules,
)
distill_configs = st.builds(
    DistillConfig, temperature=positive, loss=st.sampled_from(SoftTargetLoss), student_weight=st.floats(0, 10), teacher_weight=positive
)
pipelines = st.builds(
    PipelineConfig,
    steps=st.lists(quantize_configs | prune_configs | distill_configs, min_size=1, max_size=3),
    mode=st.sampled_from(PipelineMode),
)
benchmarks = st.builds(
    BenchmarkConfig,
    batch_size=st.integers(1, 99),
    warmup=counts,
    iterations=counts,
    rounds=st.integers(3, 99),
    min_round_s=positive,
    threads=st.integers(1, 9),
    confidence=st.floats(0.51, 0.99),
    seed=counts,
)
criteria = st.builds(AccuracyCriterion, loss=st.floats(0, 10), kind=st.sampled_from(LossKind), higher_is_better=st.booleans())


@pytest.fixture(scope="session")
def any_plan():
    """Plans with every kind of tensor, operator and recipe."""
    return plans


@pytest.fixture(scope="session")
def any_config():
    """Objects of every configuration class."""
    return st.one_of(pipelines, quantize_configs, prune_configs, distill_configs, tunings, benchmarks, criteria, plans)


@pytest.fixture(scope="session")
def any_pipeline():
    """Pipelines with steps of every kind."""
    return pipelines


@pytest.fixture(scope="session")
def any_plain():
    """JSON data."""
    return plain

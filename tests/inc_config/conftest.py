"""Hypothesis strategies for every configuration class, shared by the round-trip tests."""

import pytest
from hypothesis import strategies as st
from inc_config import (
    AccuracyCriterion,
    AlphaSearch,
    Approach,
    Baseline,
    BenchmarkConfig,
    BlockPattern,
    ChannelPattern,
    Device,
    DiagnosisConfig,
    DistillConfig,
    DistillLayersConfig,
    DistillSelfConfig,
    Domain,
    EpochWindow,
    EvaluationConfig,
    ExitPolicy,
    FeatureLoss,
    FloatType,
    GranularityKind,
    GraphFormat,
    GraphLevel,
    HeadPattern,
    Inspected,
    IntegerType,
    Isa,
    LastBatch,
    LayerMapping,
    LoaderConfig,
    LossKind,
    MetricConfig,
    MixedPrecisionConfig,
    ModelConfig,
    Named,
    NofMPattern,
    Objective,
    ObjectiveKind,
    OpConstraint,
    OpId,
    OpPlan,
    OutputPair,
    PerChannel,
    PerGroup,
    PerTensor,
    PipelineConfig,
    PipelineMode,
    PruneConfig,
    PruneOverride,
    QuantizationPlan,
    QuantizeAwareConfig,
    QuantizeConfig,
    RangeSource,
    Recipes,
    Reduction,
    Regularization,
    Regularizer,
    Runtime,
    ScheduleKind,
    Scheme,
    Scope,
    SelfLevel,
    SelfLoss,
    SharedCriterion,
    SmoothQuant,
    SoftTargetLoss,
    TableType,
    Target,
    TensorConstraint,
    TensorPlan,
    TrainingConfig,
    TuningConfig,
    Unfit,
    WeightOnlyConfig,
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

words = st.lists(texts, max_size=2).map(tuple)
weights = st.floats(0, 10)
maybe_named = st.none() | named
references = st.lists(named, max_size=2)
loaders = st.builds(
    LoaderConfig,
    dataset=named,
    transforms=references,
    filter=maybe_named,
    batch_size=st.integers(1, 999),
    last_batch=st.sampled_from(LastBatch),
    shuffle=st.booleans(),
    seed=counts,
    distributed=st.booleans(),
)
maybe_loader = st.none() | loaders
some_count = st.none() | st.integers(1, 99)
lengths = st.sampled_from([{}, {"epochs": 3}, {"steps": 7}])
trainings = st.builds(
    lambda length, **rest: TrainingConfig(**length, **rest),
    lengths,
    data=maybe_loader,
    loss=named,
    optimizer=named,
    scheduler=maybe_named,
    steps_per_epoch=some_count,
    device=st.none() | texts,
    seed=counts,
    postprocess=references,
)
maybe_training = st.none() | trainings
metrics = named | st.builds(MetricConfig, metric=named, weight=st.none() | positive, higher_is_better=st.none() | st.booleans())
evaluations = st.builds(
    EvaluationConfig, metrics=st.lists(metrics, min_size=1, max_size=2), data=maybe_loader, postprocess=references, batches=some_count
)
diagnoses = st.builds(
    DiagnosisConfig,
    ops=words,
    batches=st.lists(counts, max_size=2),
    inspect=st.sampled_from(Inspected),
    folder=st.none() | st.sampled_from(["a", "/b c"]),
)
tunings = st.builds(
    TuningConfig,
    strategy=named,
    objectives=st.lists(
        st.builds(Objective, kind=st.sampled_from(ObjectiveKind), weight=positive, higher_is_better=st.none() | st.booleans()),
        min_size=1,
        max_size=2,
    ),
    exit_policy=st.builds(ExitPolicy, max_trials=st.integers(1, 999), timeout_s=st.floats(0, 1e6), first_success=st.booleans()),
    seed=counts,
    ledger=st.none() | st.sampled_from(["runs/one", "/tmp/x y"]),
    calibration_samples=st.lists(st.integers(1, 99), max_size=2),
    diagnosis=st.none() | diagnoses,
)
storage_types = integer_types | st.sampled_from(FloatType) | st.sampled_from(TableType)
tensor_constraints = st.builds(
    TensorConstraint,
    dtypes=st.lists(storage_types, max_size=2),
    schemes=st.lists(st.sampled_from(Scheme), max_size=2),
    granularities=st.lists(st.sampled_from(GranularityKind), max_size=2),
    algorithms=st.lists(texts, min_size=1, max_size=2),
    group_sizes=st.lists(st.integers(1, 99), max_size=2),
)
constraints = st.builds(
    OpConstraint,
    names=words,
    patterns=layer_patterns,
    types=words,
    activation=tensor_constraints,
    weight=tensor_constraints,
    unfit=st.sampled_from(Unfit),
)
recipes = st.builds(
    Recipes,
    first_conv_or_matmul=st.booleans(),
    pre_post_process=st.booleans(),
    smooth_quant=st.none()
    | st.builds(
        SmoothQuant,
        alphas=st.lists(st.floats(0, 1), max_size=3),
        search=st.none() | st.builds(AlphaSearch, step=positive, shared=st.sampled_from(SharedCriterion), blockwise=st.booleans()),
        folding=st.booleans(),
        op_types=words,
        percentile=st.none() | positive,
    ),
    graph_level=st.none() | st.sampled_from(GraphLevel),
    float_outputs=words,
)
precisions = st.lists(st.sampled_from(FloatType), max_size=2)
tuned = {
    "accuracy_loss": st.floats(0, 10),
    "loss_kind": st.sampled_from(LossKind),
    "higher_is_better": st.booleans(),
    "baseline": st.sampled_from(Baseline),
    "exclude": layer_patterns,
    "exclude_types": words,
    "constraints": st.lists(constraints, max_size=2),
    "excluded_precisions": precisions,
    "target": st.none() | targets,
    "tuning": tunings,
}
integer_graphs = {
    "graph_format": st.sampled_from(GraphFormat),
    "reduce_range": st.none() | st.booleans(),
    "recipes": recipes,
}
weight_only = st.builds(
    WeightOnlyConfig,
    algorithm=named,
    dtype=storage_types,
    scheme=st.sampled_from(Scheme),
    group_size=st.sampled_from([-1, 1, 128]),
    lm_head=st.booleans(),
)
quantize_configs = st.builds(
    QuantizeConfig,
    approach=st.sampled_from(Approach),
    calibration_samples=st.integers(1, 10**6),
    activation_threshold=named,
    activation_scheme=st.sampled_from(Scheme),
    weight_only=weight_only,
    domain=st.sampled_from(Domain),
    **tuned,
    **integer_graphs,
)
quantize_aware_configs = st.builds(QuantizeAwareConfig, training=maybe_training, **tuned, **integer_graphs)
mixed_precision_configs = st.builds(MixedPrecisionConfig, precisions=precisions, **tuned)
block_patterns = st.builds(BlockPattern, st.integers(1, 64), st.integers(1, 64))
regularizers = st.none() | st.builds(Regularizer, kind=st.sampled_from(Regularization), coefficient=weights)
windows = st.builds(EpochWindow, start=st.integers(0, 5), end=st.integers(5, 9), frequency=st.integers(1, 3))
channels = st.sampled_from([*ChannelPattern, *HeadPattern])
overrides = st.builds(
    PruneOverride,
    include=st.lists(layer_names, min_size=1, max_size=2).map(tuple),
    exclude=layer_patterns,
    target_sparsity=st.none() | fractions,
    pattern=st.none() | block_patterns | channels,
    initial_sparsity=st.none() | fractions,
    criterion=maybe_named,
    scope=st.none() | st.sampled_from(Scope),
    schedule=st.none() | st.sampled_from(ScheduleKind),
    start_step=st.none() | counts,
    epochs=st.none() | windows,
    layer_types=words,
    max_sparsity_per_op=st.none() | fractions,
    reduction=st.none() | st.sampled_from(Reduction),
    regularizer=regularizers,
)
schedules = {
    "scope": st.sampled_from(Scope),
    "schedule": st.sampled_from(ScheduleKind),
    "reduction": st.sampled_from(Reduction),
    "criterion": named,
    "include": layer_patterns,
    "exclude": layer_patterns,
    "regularizer": regularizers,
    "progressive": st.booleans(),
    "training": maybe_training,
}
steps_of_schedules = {"start_step": counts, "end_step": st.none() | st.integers(1000, 2000), "frequency": st.integers(1, 100)}
prune_configs = (
    st.builds(
        PruneConfig,
        target_sparsity=fractions,
        pattern=block_patterns | channels,
        overrides=st.lists(overrides, max_size=2),
        **schedules,
        **steps_of_schedules,
    )
    | st.builds(PruneConfig, epochs=windows, initial_sparsity=st.floats(0, 0.5), **schedules)
    | st.builds(
        lambda group, share, **rest: PruneConfig(
            pattern=NofMPattern(1 + share % (group - 1), group), target_sparsity=(1 + share % (group - 1)) / group, **rest
        ),
        st.integers(2, 16),
        counts,
        **schedules,
    )
)
distill_configs = st.builds(
    DistillConfig,
    temperature=positive,
    loss=st.sampled_from(SoftTargetLoss),
    student_weight=weights,
    teacher_weight=positive,
    training=maybe_training,
)
maybe_weight = st.none() | weights
layer_mappings = st.builds(
    LayerMapping,
    student=texts,
    teacher=st.none() | texts,
    student_part=st.none() | texts,
    teacher_part=st.none() | texts,
    loss=st.sampled_from(FeatureLoss),
    weight=maybe_weight,
)
levels = st.builds(
    SelfLevel,
    pairs=st.lists(st.builds(OutputPair, student=texts, teacher=texts), min_size=1, max_size=2),
    loss=st.sampled_from(SelfLoss),
    weight=maybe_weight,
)
distill_layers_configs = st.builds(
    DistillLayersConfig, mappings=st.lists(layer_mappings, min_size=1, max_size=2), student_weight=weights, training=maybe_training
)
distill_self_configs = st.builds(
    DistillSelfConfig,
    levels=st.lists(levels, min_size=1, max_size=2),
    temperature=positive,
    student_weight=weights,
    training=maybe_training,
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
    instances=st.integers(1, 9),
    cores_per_instance=some_count,
    inter_op_threads=some_count,
    kmp_blocktime=st.none() | counts,
    kmp_affinity=st.none() | texts,
    data=maybe_loader,
)
step_configs = st.one_of(
    quantize_configs,
    prune_configs,
    distill_configs,
    distill_layers_configs,
    distill_self_configs,
    quantize_aware_configs,
    mixed_precision_configs,
)
pipelines = st.builds(
    PipelineConfig,
    steps=st.lists(step_configs, min_size=1, max_size=2),
    mode=st.sampled_from(PipelineMode),
    model=st.builds(ModelConfig, name=texts, inputs=words, outputs=words),
    training=maybe_training,
    calibration=maybe_loader,
    evaluation=st.none() | evaluations,
    confirmation=st.none() | evaluations,
    benchmark=st.none() | benchmarks,
    workspace=st.none() | st.sampled_from(["runs", "/tmp/a b"]),
)
criteria = st.builds(AccuracyCriterion, loss=st.floats(0, 10), kind=st.sampled_from(LossKind), higher_is_better=st.booleans())


@pytest.fixture(scope="session")
def any_plan():
    """Plans with every kind of tensor, operator and recipe."""
    return plans


@pytest.fixture(scope="session")
def any_config():
    """Objects of every configuration class."""
    return st.one_of(pipelines, step_configs, tunings, benchmarks, criteria, plans)


@pytest.fixture(scope="session")
def any_pipeline():
    """Pipelines with steps of every kind."""
    return pipelines


@pytest.fixture(scope="session")
def any_plain():
    """JSON data."""
    return plain

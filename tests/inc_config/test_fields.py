import pytest
from inc_config import (
    AccuracyCriterion,
    Approach,
    BenchmarkConfig,
    BlockPattern,
    DistillConfig,
    ExitPolicy,
    IncError,
    IntegerType,
    Named,
    NofMPattern,
    Objective,
    OpConstraint,
    PerGroup,
    PruneConfig,
    PruneOverride,
    QuantizeConfig,
    ScheduleKind,
    TensorConstraint,
    TuningConfig,
    WeightOnlyConfig,
)
from inc_config.dtypes import parse_dtype
from inc_config.fields import FieldError, one_of
from inc_config.named import as_named


@pytest.mark.parametrize(
    ("build", "what", "fix"),
    [
        (lambda: QuantizeConfig(approach="statik"), "Unknown approach 'statik'", "did you mean 'static'"),
        (lambda: PruneConfig(schedule="Cubic"), "Unknown schedule kind 'Cubic'", "did you mean 'cubic'"),
        (lambda: QuantizeConfig(accuracy_loss=-0.1), "accuracy_loss cannot be -0.1", "at least 0"),
        (lambda: QuantizeConfig(accuracy_loss=float("nan")), "cannot be nan", "a number"),
        (lambda: QuantizeConfig(accuracy_loss=float("inf")), "cannot be inf", "a number"),
        (lambda: QuantizeConfig(accuracy_loss="1%"), "cannot be '1%'", "a number"),
        (lambda: QuantizeConfig(accuracy_loss=True), "cannot be True", "a number"),
        (lambda: QuantizeConfig(higher_is_better="yes"), "cannot be 'yes'", "true or false"),
        (lambda: QuantizeConfig(calibration_samples=0), "cannot be 0", "at least 1"),
        (lambda: QuantizeConfig(calibration_samples=1.0), "cannot be 1.0", "whole number"),
        (lambda: QuantizeConfig(exclude="("), "not a regular expression", "backslash"),
        (lambda: QuantizeConfig(exclude_types=["Conv", 3]), "cannot hold 3", "strings"),
        (lambda: Named("a", {"a": object()}), "not plain data", "strings"),
        (lambda: QuantizeConfig(recipes={"smooth": True}), "Unknown recipe 'smooth'", "did you mean 'smooth_quant'"),
        (lambda: OpConstraint(types="Conv"), "allows everything", "dtypes"),
        (lambda: TensorConstraint(dtypes="int9"), "'int9' is not a data type", "int8"),
        (lambda: WeightOnlyConfig(group_size=True), "group_size cannot be True", "-1"),
        (lambda: QuantizeConfig(recipes=3), "3 is not a mapping", "names"),
        (lambda: ExitPolicy(max_trials=True), "max_trials cannot be True", "whole number"),
        (lambda: TuningConfig(objectives=[]), "objectives is empty", "at least one"),
        (lambda: TuningConfig(objectives=[3]), "objectives cannot hold 3", "names such as latency"),
        (lambda: TuningConfig(objectives=["speed"]), "'speed'", "latency"),
        (lambda: Objective(weight=0), "weight cannot be 0", "above 0"),
        (lambda: BenchmarkConfig(confidence=1), "confidence cannot be 1", "above 0.5 and below 1"),
        (lambda: BenchmarkConfig(rounds=2), "rounds cannot be 2", "at least 3"),
        (lambda: DistillConfig(teacher_weight=0), "teacher has no effect", "above 0"),
        (lambda: DistillConfig(temperature=0), "temperature cannot be 0", "above 0"),
        (lambda: PruneConfig(target_sparsity=1.0), "target_sparsity cannot be 1.0", "below 1"),
        (lambda: PruneConfig(start_step=5, end_step=4), "end_step 4 is before start_step 5", "swap"),
        (lambda: PruneConfig(min_sparsity_per_op=0.9, max_sparsity_per_op=0.1), "is above max_sparsity_per_op", "swap"),
        (lambda: PruneConfig(pattern="2:4", target_sparsity=0.8), "reaches sparsity 0.5 and nothing else", "set target_sparsity to 0.5"),
        (lambda: PruneConfig(overrides=[PruneOverride(include="a", pattern="1:4")]), "reaches sparsity 0.25", "0.25"),
        (lambda: PruneOverride(include=[]), "include is empty", "name the layers"),
        (lambda: PruneConfig(pattern="4*1"), "'4*1' is not a pattern", "2:4"),
        (lambda: PruneConfig(pattern="9999999x1"), "not a pattern", "4x1"),
        (lambda: NofMPattern(4, 4), "would cut whole groups", "2:4"),
        (lambda: BlockPattern(0, 1), "rows cannot be 0", "at least 1"),
        (lambda: PerGroup(0, 0), "size cannot be 0", "at least 1"),
        (lambda: IntegerType(9, signed=True), "bits cannot be 9", "2 to 8"),
        (lambda: IntegerType(8, signed=1), "signed cannot be 1", "true or false"),
        (lambda: parse_dtype("int9"), "'int9' is not a data type", "int8"),
        (lambda: Named(""), "name cannot be ''", "give a name"),
        (lambda: as_named(3), "3 does not name anything", "give a name"),
        (lambda: as_named({"name": 3}), "does not name anything", "give a name"),
        (lambda: as_named({}), "does not name anything", "give a name"),
        (lambda: as_named({"": {}}), "does not name anything", "give a name"),
    ],
)
def test_a_wrong_value_names_what_is_wrong_and_the_fix(build, what, fix):
    with pytest.raises(FieldError) as caught:
        build()
    assert what in caught.value.what
    assert fix in caught.value.fix
    assert isinstance(caught.value, IncError)
    assert isinstance(caught.value, ValueError)


def test_the_field_is_where():
    with pytest.raises(FieldError) as caught:
        ExitPolicy(max_trials=0)
    assert str(caught.value) == "max_trials cannot be 0.\n  where: max_trials\n  fix:   give a whole number of at least 1"


def test_a_choice_is_found_by_value_and_by_member():
    assert Approach("auto") is Approach.AUTO
    assert QuantizeConfig(approach=Approach.DYNAMIC).approach is Approach.DYNAMIC
    assert PruneConfig(schedule="one-shot").schedule is ScheduleKind.ONE_SHOT


def test_the_closest_name_is_found_whatever_its_case():
    assert one_of("TOPK", ["accuracy", "TopK"]) == "use one of accuracy, TopK; did you mean 'TopK'?"
    assert one_of("zzz", ["accuracy"]) == "use one of accuracy"


def test_patterns_are_read_and_written_in_one_spelling():
    assert PruneConfig(pattern="unstructured").pattern == BlockPattern(1, 1)
    assert [str(PruneConfig(pattern=text).pattern) for text in ("4x1", "2:4")] == ["4x1", "2:4"]
    assert PruneConfig(pattern=BlockPattern(2, 2)).pattern == BlockPattern(2, 2)


def test_names_have_three_spellings():
    expected = Named("topk", {"k": 5})
    assert as_named({"topk": {"k": 5}}) == as_named({"name": "topk", "args": {"k": 5}}) == as_named(expected) == expected
    assert as_named({"topk": None}) == as_named({"name": "topk", "args": None}) == as_named("topk") == Named("topk")


def test_the_criterion_is_spelled_by_the_quantize_fields():
    config = QuantizeConfig(accuracy_loss=0.5, loss_kind="absolute", higher_is_better=False)
    assert config.criterion == AccuracyCriterion(loss=0.5, kind="absolute", higher_is_better=False)


def test_objectives_may_be_named():
    assert TuningConfig(objectives="size").objectives == (Objective(kind="size"),)
    assert TuningConfig(objectives=["size", Objective(weight=2.0)]).objectives == (Objective(kind="size"), Objective(weight=2.0))

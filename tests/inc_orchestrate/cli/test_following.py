from __future__ import annotations

from pathlib import Path

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st
from inc_adaptors.handle import Signature, TensorSpec
from inc_config.target import Runtime
from inc_config.tuning import AccuracyCriterion, ExitPolicy
from inc_orchestrate.cli.arguments import drop
from inc_orchestrate.cli.following import following, in_options, needed_drop, resumed
from inc_orchestrate.summary import AccuracySummary, Summary, TrialSummary

TYPED = "inc quantize m.onnx --data 'my data' --max-drop=0.5% --max-trials 3 -o out --force"
MET = Summary(
    framework="onnxrt",
    target="onnxruntime, amx, cpu",
    accuracy=AccuracySummary(metric="accuracy", original=0.8, limit=0.796, final=0.79, is_met=True),
    size_before_bytes=4,
    size_after_bytes=1,
    trials=tuple(TrialSummary(index=index, status="complete", quantized=1, operators=1) for index in range(3)),
)
MISSED = attrs.evolve(MET, accuracy=attrs.evolve(MET.accuracy, is_met=False))


def after(summary: Summary, max_trials: int = 3, timeout_s: float = 0.0) -> str:
    policy = ExitPolicy(max_trials=max_trials, timeout_s=timeout_s)
    return following(TYPED, model=Path("m.onnx"), output=Path("out"), summary=summary, exit_policy=policy)


def test_a_model_inside_the_criterion_is_benchmarked_next() -> None:
    assert after(MET) == "inc-bench m.onnx --compare out/model.onnx"


def test_where_trials_ran_out_the_search_goes_on() -> None:
    assert after(MISSED) == "inc quantize m.onnx --data 'my data' --max-drop=0.5% -o out --max-trials 6 --resume"


def test_where_everything_was_tried_the_drop_is_what_the_best_model_needs() -> None:
    # 0.8 to 0.79 is 1.25 % lost; two digits, rounded up: 1.3 %.
    assert after(MISSED, 100) == "inc quantize m.onnx --data 'my data' --max-trials 3 -o out --max-drop 1.3% --force"


def test_where_time_ran_out_the_search_goes_on_for_longer() -> None:
    assert after(MISSED, 100, 45.0).endswith("--max-trials 3 -o out --timeout 90s --resume")


@given(original=st.floats(0.01, 1.0), kept=st.floats(0.011, 0.999999))
def test_the_drop_that_is_suggested_admits_the_model(original: float, kept: float) -> None:
    final = original * kept
    needed = needed_drop(AccuracySummary(metric="accuracy", original=original, final=final))
    assert needed is not None
    assert AccuracyCriterion(loss=drop(needed).loss).is_met(final, original * (1 - 1e-12))


@pytest.mark.parametrize(("original", "final"), [(None, 0.5), (0.0, 0.5), (0.5, None), (0.5, 0.5)])
def test_without_a_loss_there_is_no_drop_to_suggest(original: float | None, final: float | None) -> None:
    assert needed_drop(AccuracySummary(metric="accuracy", original=original, final=final)) is None


def test_resuming_is_the_same_command_without_starting_over() -> None:
    assert resumed(TYPED) == "inc quantize m.onnx --data 'my data' --max-drop=0.5% --max-trials 3 -o out --resume"
    assert resumed(resumed(TYPED)) == resumed(TYPED)


def test_suggestions_speak_of_options() -> None:
    assert in_options("Allow relative accuracy_loss=0.0022 to accept") == "Allow --max-drop 0.0022 to accept"
    assert in_options("Use approach 'auto': more than max_trials=3") == "Use --approach auto: more than --max-trials 3"


def test_a_model_for_another_runtime_is_timed_with_that_runtimes_own_tool() -> None:
    inputs = (TensorSpec(name="ids", shape=(None, 16), dtype="int64"), TensorSpec(name="mask", shape=(None, 16), dtype="int64"))
    made = {
        runtime: following(
            TYPED,
            model=Path("m.onnx"),
            output=Path("out"),
            summary=MET,
            exit_policy=ExitPolicy(),
            runtime=runtime,
            signature=Signature(inputs=inputs, outputs=()),
        )
        for runtime in (Runtime.OPENVINO, Runtime.TENSORRT)
    }
    assert made[Runtime.OPENVINO] == "benchmark_app -m out/model.onnx -d CPU -hint latency -data_shape 'ids[1,16],mask[1,16]'"
    assert made[Runtime.TENSORRT] == "trtexec --onnx=out/model.onnx --int8"

from __future__ import annotations

import attrs
import pytest
from inc_orchestrate.report import Context, Sensitivity, contents, to_markdown
from inc_orchestrate.report.content import trial_verdict, verdict
from inc_orchestrate.report.document import Bars
from inc_orchestrate.summary import AccuracySummary, HurtSummary, LatencySummary, OperatorSummary, Summary, TrialSummary

# The session in the design: 76.1 -> 75.8 with 1 % of 76.1 (0.761 points) allowed, 98 -> 26 MB, 35.1 -> 10.6 ms.
CLAIM = LatencySummary(
    against="the fastest fp32 runtime here (onnxruntime)",
    ratio=3.31,
    low=3.2,
    high=3.4,
    verdict="faster",
    baseline_s=0.0351,
    candidate_s=0.0106,
    batch_size=1,
    threads=1,
    confidence=0.95,
)
SUMMARY = Summary(
    framework="onnxrt",
    target="onnxruntime, avx512_vnni, cpu",
    accuracy=AccuracySummary(metric="accuracy", original=0.761, limit=0.75339, final=0.758, samples=900),
    size_before_bytes=98_000_000,
    size_after_bytes=26_000_000,
    operators=(
        OperatorSummary(op="conv1", type="Conv", precision="fp32", reason="fallback", weight_bytes=37_632),
        OperatorSummary(op="layer1", type="Conv", precision="int8", weight_bytes=16_384),
    ),
    latency=(attrs.evolve(CLAIM, against="the model's own runtime in fp32 (onnxruntime)", ratio=3.3), CLAIM),
    trials=(
        TrialSummary(index=0, status="stopped_early", quantized=54, operators=54, accuracy=0.749, size_bytes=25_000_000),
        TrialSummary(index=1, status="complete", quantized=53, operators=54, accuracy=0.758, is_feasible=True, fallback=("conv1",)),
        TrialSummary(index=2, status="failed", quantized=52, operators=54, error="ModelError: no kernel"),
    ),
    hurts=(HurtSummary(ops=("conv1",), gain=0.009),),
    stop_reason="a model meets the criterion",
    seconds=75.0,
)
CONTEXT = Context(
    model="resnet50.onnx",
    data="1000 images",
    preprocessing="imagenet",
    criterion="accuracy, at most 1% of the original's value lost",
    made_by="inc quantize resnet50.onnx",
    next_command="inc-bench resnet50.onnx --compare out/model.onnx",
    confirmation="on 300 held-out samples: ...",
    sensitivities=(Sensitivity(op="conv1", value=0.01, text="20.0 dB"),),
    sensitivity_measure="Noise.",
)


def test_the_verdict_says_what_a_reader_came_for() -> None:
    assert verdict(SUMMARY).text == (
        "Inside the accuracy criterion: accuracy 76.10 -> 75.80 % (-0.30 points), 98 MB -> 26 MB, "
        "3.31x the fastest fp32 runtime here (onnxruntime)."
    )
    assert verdict(SUMMARY).is_good


def test_a_missed_criterion_and_an_open_speed_are_said_in_the_verdict() -> None:
    missed = attrs.evolve(
        SUMMARY, accuracy=attrs.evolve(SUMMARY.accuracy, is_met=False), latency=(attrs.evolve(CLAIM, verdict="inconclusive"),)
    )
    assert verdict(missed).text.startswith("OUTSIDE the accuracy criterion")
    assert verdict(missed).text.endswith("(onnxruntime), inconclusive.")
    assert not verdict(missed).is_good


def test_the_report_holds_the_evidence() -> None:
    text = to_markdown(contents(SUMMARY, CONTEXT))
    for expected in (
        "| allowed | at least 75.34 % |",
        "| operators | 2 operators: 1 fp32, 1 int8 |",
        "| time taken | 1 min 15 s |",
        "| 35.1 -\\> 10.6 | 3.31x | \\[3.20, 3.40\\] | faster |",
        "| conv1 | Conv | fp32 | fallback | 37.6 kB |",
        "| 1 | 54 of 54 | 74.90 | outside (stopped early) | 25 MB |",
        "| 2 | 53 of 54 | 75.80 | inside | - |",
        "| 3 | 52 of 54 | - | failed | - | 0.0 s | ModelError: no kernel |",
        "inc-bench resnet50.onnx --compare out/model.onnx",
    ):
        assert expected in text


def test_sensitivity_is_shown_from_trials_and_from_noise() -> None:
    bars = [block for section in contents(SUMMARY, CONTEXT).sections for block in section.blocks if isinstance(block, Bars)]
    assert [(bar.label, bar.text) for group in bars for bar in group.bars] == [("conv1", "0.9 points"), ("conv1", "20.0 dB")]


@pytest.mark.parametrize("field", ["latency", "trials", "operators", "hurts"])
def test_a_report_without_a_part_has_no_empty_section(field: str) -> None:
    document = contents(attrs.evolve(SUMMARY, **{field: ()}), attrs.evolve(CONTEXT, sensitivities=()))
    assert all(section.blocks for section in document.sections)
    headings = {section.heading for section in document.sections}
    assert {"latency": "Latency", "trials": "Trials", "operators": "", "hurts": "Sensitivity"}[field] not in headings - {""}


def test_a_trial_in_float_is_neither_inside_nor_outside() -> None:
    trial = TrialSummary(index=0, status="complete", quantized=0, operators=3, accuracy=0.761, in_float=True)
    assert trial_verdict(trial) == "in float"

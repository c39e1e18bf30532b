from typing import Any

import pytest
from inc_config.errors import StepError
from inc_orchestrate import Distill, Prune, Quantize
from inc_orchestrate.stages import plan_stages


def names(steps: list[Any], mode: str) -> list[str]:
    return [stage.name for stage in plan_stages(steps, mode)]


def test_multi_shot_trains_for_each_step_and_one_shot_once() -> None:
    steps = [Prune(), Distill(), Quantize()]
    assert names(steps, "multi-shot") == ["prune", "distill", "quantize"]
    assert names(steps, "one-shot") == ["prune + distill", "quantize"]
    assert names([Quantize()], "one-shot") == ["quantize"]
    assert names([Distill(), Prune()], "one-shot") == ["distill + prune"]


@pytest.mark.parametrize(
    ("steps", "mode", "message"),
    [
        ([], "multi-shot", "no steps"),
        ([Prune()], "two-shot", "Unknown pipeline mode 'two-shot'"),
        ([Quantize(), Prune()], "multi-shot", r"Step 1 \(prune\) comes after step 0 \(quantize\): a model in integers cannot be trained"),
        ([Prune(), Quantize(), Distill()], "one-shot", r"Step 2 \(distill\) comes after step 1 \(quantize\)"),
        ([Quantize(), Quantize()], "multi-shot", "Steps 0 and 1 are both quantize"),
        ([Prune], "multi-shot", "Step 0 is the class Prune, which is no step"),
        ([Prune(), "quantize"], "multi-shot", "Step 1 is a str, which is no step"),
    ],
)
def test_impossible_arrangements_are_refused(steps: list[Any], mode: str, message: str) -> None:
    with pytest.raises(StepError, match=message):
        plan_stages(steps, mode)

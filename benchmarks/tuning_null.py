"""Is what tuning accepts true? 10,000 simulated tuning runs on models that are just outside the criterion, and what early verdicts save.

Run: ``python benchmarks/tuning_null.py [--runs N]``. Each run tries up to 20 plans on one evaluation set with one error budget of 5 %.

Two null hypotheses:

- *source*: every model loses exactly the allowed accuracy in truth; ``Evaluation(generalize=True)`` may accept any with at most 5 %.
- *data*: every model is one sample outside the criterion on the evaluation data; the default may accept any with at most 5 %.

By data few runs can fail: what is lost early is missing later, and bets near the criterion are small. That the simulation can tell is shown
by a control: a judge that looks after every batch and trusts a plain 95 % interval must accept far more than 5 % of either kind.

The savings are over typical runs: some plans break the model, some are clearly inside, the baseline is 76 % accurate.
"""

from __future__ import annotations

import argparse
import math
import sys
import time

import numpy as np
from inc_config.tuning import AccuracyCriterion
from inc_metrics import Accuracy
from inc_orchestrate import Evaluation
from inc_orchestrate.early import EarlyJudge
from inc_orchestrate.scoring import Terms
from numpy.typing import NDArray

SAMPLES, BATCH, TRIALS, ALLOWED, BASELINE, RATE = 1000, 50, 20, 0.05, 0.76, 0.05
TERMS = AccuracyCriterion(loss=ALLOWED, kind="absolute")

NULLS = (("source", True), ("data", False))

Answers = NDArray[np.bool_]


def outside_in_truth(random: np.random.Generator, original: Answers) -> Answers:
    """A model that is worse by exactly the allowed loss in truth; it changes 2 % of the answers besides.

    All trials of a run share the original's answers, so that they depend on each other.
    """
    lost = original & (random.random(SAMPLES) < (ALLOWED + 0.01) / BASELINE)
    won = ~original & (random.random(SAMPLES) < 0.01 / (1.0 - BASELINE))
    return (original & ~lost) | won


def outside_on_the_data(random: np.random.Generator, original: Answers) -> Answers:
    """A model that loses the smallest number of samples that the criterion refuses."""
    candidate = original.copy()
    candidate[random.choice(np.flatnonzero(original), math.floor(ALLOWED * SAMPLES) + 1, replace=False)] = False
    return candidate


def judge_of(original: Answers, *, generalize: bool, batch: int = BATCH) -> EarlyJudge:
    """What a run sets up after it has evaluated the original."""
    judge = EarlyJudge.of(Evaluation((), Accuracy(), generalize=generalize, error_rate=RATE), [Accuracy()])
    if judge is None:
        raise AssertionError("accuracy is judged early")
    for numbers in np.split(np.arange(SAMPLES), SAMPLES // batch):
        judge.collector.add(numbers, np.ones(batch, dtype=np.int64))
    judge.metric.update(original.astype(np.int64), np.ones(SAMPLES, dtype=np.int64))
    ready = judge.ready(float(original.mean()))
    if ready is None:
        raise AssertionError("the samples make up the accuracy")
    return ready


def accepted(judge: EarlyJudge, candidate: Answers, before: int) -> tuple[bool, int]:
    """The run's verdict on one trial, and the samples it took."""
    test = judge.test(Terms(criterion=TERMS, before=before), higher_is_better=True)
    if test is None:
        raise AssertionError("the criterion can fail and hold")
    found = judge.run(lambda inputs, _: candidate[inputs].astype(np.float64), test)
    return bool(found.meets), found.score.samples or 0


def accepted_naively(random: np.random.Generator, original: Answers, candidate: Answers) -> bool:
    """The control's verdict on one trial: the first look at which a one-sided 95 % interval of the difference decides."""
    order = random.permutation(SAMPLES)
    differences = candidate[order].astype(np.float64) - original[order]
    for seen in range(BATCH, SAMPLES, BATCH):
        half = 1.645 * differences[:seen].std() * math.sqrt((1.0 - seen / SAMPLES) / seen)
        mean = differences[:seen].mean()
        if mean - half > -ALLOWED or mean + half < -ALLOWED:
            return bool(mean > -ALLOWED)
    return bool(differences.mean() >= -ALLOWED)


def control(runs: int, *, generalize: bool) -> int:
    """Runs of which the control accepts any trial."""
    draw = outside_in_truth if generalize else outside_on_the_data
    count = 0
    for run in range(runs):
        random = np.random.default_rng([3, int(generalize), run])
        original = random.random(SAMPLES) < BASELINE
        count += any(accepted_naively(random, original, draw(random, original)) for _ in range(TRIALS))
    return count


def false_acceptances(runs: int, *, generalize: bool) -> int:
    """Runs in which any of the trials was accepted although all are outside."""
    draw = outside_in_truth if generalize else outside_on_the_data
    count = 0
    for run in range(runs):
        random = np.random.default_rng([int(generalize), run])
        original = random.random(SAMPLES) < BASELINE
        judge = judge_of(original, generalize=generalize, batch=SAMPLES)  # the test looks at every sample, whatever the batches
        count += any(accepted(judge, draw(random, original), trial)[0] for trial in range(TRIALS))
    return count


def saved_share(runs: int) -> float:
    """Share of the samples that full evaluation would have read, over runs of a broken plan, a poor one and a good one."""
    read = full = 0
    for run in range(runs):
        random = np.random.default_rng([2, run])
        original = random.random(SAMPLES) < BASELINE
        judge = judge_of(original, generalize=False)
        for trial, loss in enumerate((0.6, 0.2, 0.12, 0.0)):
            kept = original & (random.random(SAMPLES) >= loss / BASELINE)
            read += accepted(judge, kept, trial)[1]
            full += SAMPLES
    return 1.0 - read / full


def upper_bound(count: int, runs: int) -> float:
    """Upper end of the 95 % Wilson interval of a share."""
    z, share = 1.96, count / runs
    middle = share + z * z / (2 * runs)
    half = z * math.sqrt(share * (1 - share) / runs + z * z / (4 * runs * runs))
    return (middle + half) / (1 + z * z / runs)


def main() -> int:
    """Print both rates and the savings; 1 where a bound does not hold."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=10_000)
    runs = parser.parse_args().runs
    worst = 0.0
    for name, generalize in NULLS:
        began = time.monotonic()
        count = false_acceptances(runs, generalize=generalize)
        bound = upper_bound(count, runs)
        worst = max(worst, bound)
        taken = time.monotonic() - began
        share = f"{count / runs:.2%}, at most {bound:.2%}"
        print(f"null by {name}: {count} of {runs} runs accept a model that is outside ({share}), {taken:.0f} s", flush=True)
    few = min(runs, 300)
    shares = [control(few, generalize=generalize) / few for _, generalize in NULLS]
    can_tell = min(shares) > RATE
    print(f"control, plain intervals at every look: accepts in {shares[0]:.0%} of runs by source, {shares[1]:.0%} by data", flush=True)
    print(f"typical runs (broken, poor, outside, good): {saved_share(min(runs, 500)):.0%} of the samples of full evaluation are saved")
    return int(worst > RATE or not can_tell)


if __name__ == "__main__":
    sys.exit(main())

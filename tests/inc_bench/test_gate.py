"""Verdicts for continuous integration."""

from __future__ import annotations

from pathlib import Path
from xml.etree import ElementTree as XML

import attrs
import pytest
from inc_bench import Comparison
from inc_bench.gate import Drop, Lock, Outcome, judge, junit, load_lock, save_lock, summary, verdict
from inc_bench.pairs import Paired
from inc_config.errors import ConfigError


def paired(low: float, high: float, *, accuracy: float | None = 0.75, noisy: bool = False) -> Paired:
    comparison = Comparison(
        ratio=(low + high) / 2,
        low=low,
        high=high,
        baseline_s=1.0,
        candidate_s=0.5,
        rounds=9,
        dropped=0,
        on_cpu=True,
        confidence=0.95,
        noisy=noisy,
    )
    return Paired(
        baseline="a.onnx", candidate="b.onnx", comparison=comparison, metric="accuracy", baseline_accuracy=0.76, candidate_accuracy=accuracy
    )


LOCK = Lock(
    baseline="a.onnx",
    candidate="b.onnx",
    speedup=2.0,
    isa="avx2",
    layout="1 x 1",
    batch_size=1,
    metric="accuracy",
    candidate_accuracy=0.75,
)


def outcome(found: Paired, **options: object) -> Outcome:
    settings: dict[str, object] = {"min_speedup": None, "max_drop": None, "lock": None, "taken": LOCK} | options
    return verdict(judge(found, **settings))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("low", "high", "noisy", "expected"),
    [
        (1.6, 1.8, False, Outcome.PASSED),
        (1.2, 1.4, False, Outcome.FAILED),
        (1.4, 1.6, False, Outcome.INCONCLUSIVE),
        (1.6, 1.8, True, Outcome.INCONCLUSIVE),
    ],
)
def test_a_speedup_must_hold_over_the_whole_interval(low: float, high: float, noisy: bool, expected: Outcome) -> None:
    assert outcome(paired(low, high, noisy=noisy), min_speedup=1.5) is expected


@pytest.mark.parametrize(
    ("accuracy", "drop", "expected"),
    [
        # 1 % of 0.76 is 0.0076: 0.7524 is the least; one point is 0.01: 0.75 is the least.
        (0.7525, Drop(amount=0.01), Outcome.PASSED),
        (0.7523, Drop(amount=0.01), Outcome.FAILED),
        (0.7500, Drop(amount=0.01, absolute=True), Outcome.PASSED),
        (0.7499, Drop(amount=0.01, absolute=True), Outcome.FAILED),
        (0.9, Drop(amount=0.01), Outcome.PASSED),
        (None, Drop(amount=0.01), Outcome.FAILED),
    ],
)
def test_accuracy_may_drop_by_so_much(accuracy: float | None, drop: Drop, expected: Outcome) -> None:
    assert outcome(paired(2.0, 2.1, accuracy=accuracy), max_drop=drop) is expected


def test_where_lower_is_better_a_rise_is_the_drop() -> None:
    assert outcome(paired(2.0, 2.1, accuracy=0.77), max_drop=Drop(amount=0.01), higher_is_better=False) is Outcome.FAILED
    assert outcome(paired(2.0, 2.1, accuracy=0.70), max_drop=Drop(amount=0.01), higher_is_better=False) is Outcome.PASSED


def test_the_lock_holds_what_was_reached() -> None:
    """5 % below the locked 2.0x, that is 1.9x, is still the same; the accuracy is compared with the locked one too."""
    assert outcome(paired(1.91, 1.95), lock=LOCK) is Outcome.PASSED
    assert outcome(paired(1.7, 1.8), lock=LOCK) is Outcome.FAILED
    assert outcome(paired(1.8, 2.2), lock=LOCK) is Outcome.INCONCLUSIVE
    drop = Drop(amount=0.003, absolute=True)
    found = paired(1.95, 2.0, accuracy=0.752)  # a drop of 0.008 from the baseline's 0.76, none from the lock's 0.75
    assert [check.outcome for check in judge(found, min_speedup=None, max_drop=drop, lock=LOCK, taken=LOCK)] == [
        Outcome.FAILED,
        Outcome.PASSED,
        Outcome.PASSED,
    ]


def test_the_locked_accuracy_must_be_kept_where_no_drop_is_allowed() -> None:
    assert outcome(paired(1.91, 1.95, accuracy=0.751), lock=LOCK) is Outcome.PASSED
    assert outcome(paired(1.91, 1.95, accuracy=0.749), lock=LOCK) is Outcome.FAILED


@pytest.mark.parametrize("metric", [None, "f1"])
def test_a_locked_accuracy_that_was_not_measured_decides_nothing(metric: str | None) -> None:
    """Another metric's value is no more than none."""
    found = attrs.evolve(paired(1.91, 1.95), metric=metric, candidate_accuracy=None if metric is None else 0.99)
    assert outcome(found, lock=LOCK) is Outcome.INCONCLUSIVE


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"isa": "amx"}, "isa avx2 then, amx now"),
        ({"layout": "2 x 1"}, "layout 1 x 1 then, 2 x 1 now"),
        ({"batch_size": 8}, "batch size 1 then, 8 now"),
        ({"candidate": "c.onnx"}, "candidate b.onnx then, c.onnx now"),
    ],
)
def test_a_lock_taken_in_other_circumstances_decides_nothing(change: dict[str, object], said: str) -> None:
    speed, _ = judge(paired(1.0, 1.1), min_speedup=None, max_drop=None, lock=LOCK, taken=attrs.evolve(LOCK, **change))
    assert speed.outcome is Outcome.INCONCLUSIVE
    assert said in speed.message


def test_a_lock_reads_back_and_a_damaged_one_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "lock.json"
    save_lock(LOCK, path)
    assert load_lock(path) == LOCK
    path.write_text('{"speedup": "fast"}')
    with pytest.raises(ConfigError):
        load_lock(path)


def test_the_reports_hold_every_check() -> None:
    checks = judge(
        paired(1.4, 1.6, accuracy=0.5), min_speedup=1.5, max_drop=Drop(amount=0.01), lock=attrs.evolve(LOCK, speedup=1.0), taken=LOCK
    )
    root = XML.fromstring(junit(checks, suite="inc-bench"))
    assert (root.get("tests"), root.get("failures"), root.get("skipped")) == ("4", "2", "1")
    assert [case.get("name") for case in root.iter("testcase")] == [check.name for check in checks]
    text = summary(checks, title="b against a")
    assert text.startswith("## b against a: failed")
    assert text.count("| failed |") == 2

"""A verdict for continuous integration: speed and accuracy against a baseline and against a committed lock file."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from xml.etree import ElementTree as XML

import attrs
from inc_config.convert import from_json, to_json
from inc_config.fields import Choice

from inc_bench.pairs import Paired
from inc_bench.results.writing import read_text, write_text

LOCK_TOLERANCE = 0.05
"""A speedup may fall this share below the locked one before that is a regression: machines of one kind differ by about as much."""


class Outcome(Choice):
    """``INCONCLUSIVE``: the interval leaves it open, which neither passes nor fails."""

    PASSED = "passed"
    FAILED = "failed"
    INCONCLUSIVE = "inconclusive"


@attrs.frozen(kw_only=True)
class Check:
    """One thing that was judged, with the figures."""

    name: str
    outcome: Outcome
    message: str


@attrs.frozen(kw_only=True)
class Lock:
    """What is committed: ratios, which carry over between machines of one kind, and accuracies."""

    format: int = 1
    baseline: str
    candidate: str
    speedup: float
    isa: str
    layout: str
    batch_size: int
    metric: str | None = None
    candidate_accuracy: float | None = None


_CIRCUMSTANCES = ("baseline", "candidate", "isa", "layout", "batch_size")
"""Where these differ, so does the speedup."""


@attrs.frozen(kw_only=True)
class Drop:
    """How much a metric may get worse: a share of the baseline's value, or points where ``absolute``."""

    amount: float
    absolute: bool = False

    def __str__(self) -> str:
        return f"{self.amount:g} points" if self.absolute else f"{self.amount:.2%}"

    def allowed(self, baseline: float) -> float:
        """The allowed difference to a baseline."""
        return self.amount if self.absolute else self.amount * abs(baseline)


def judge(
    paired: Paired, *, min_speedup: float | None, max_drop: Drop | None, lock: Lock | None, taken: Lock, higher_is_better: bool = True
) -> tuple[Check, ...]:
    """Every check that was asked for.

    Args:
        paired: what was measured.
        min_speedup: None does not judge it.
        max_drop: how much accuracy may get worse; None does not judge it, and keeps that of the lock as it was.
        lock: the committed earlier result, None without one.
        taken: what this run would commit.
        higher_is_better: whether the metric is so.
    """
    checks = []
    if min_speedup is not None:
        checks.append(_speed(paired, min_speedup))
    if max_drop is not None:
        checks.append(_accuracy("accuracy", paired, paired.baseline_accuracy, max_drop, higher_is_better))
    if lock is not None:
        checks.append(_locked_speed(paired, lock, taken))
        if lock.candidate_accuracy is not None:
            checks.append(_locked_accuracy(paired, lock, max_drop or Drop(amount=0.0), higher_is_better))
    return tuple(checks)


def verdict(checks: Sequence[Check]) -> Outcome:
    """Failed where any failed, passed where all passed."""
    outcomes = {check.outcome for check in checks}
    if Outcome.FAILED in outcomes:
        return Outcome.FAILED
    return Outcome.INCONCLUSIVE if Outcome.INCONCLUSIVE in outcomes else Outcome.PASSED


def _speed(paired: Paired, least: float) -> Check:
    found = paired.comparison
    if found.noisy or found.low < least <= found.high:
        outcome = Outcome.INCONCLUSIVE
    else:
        outcome = Outcome.PASSED if found.low >= least else Outcome.FAILED
    return Check(name="speedup", outcome=outcome, message=f"{found} of the baseline's speed, at least {least:g} wanted")


def _locked_speed(paired: Paired, lock: Lock, taken: Lock) -> Check:
    found, least = paired.comparison, lock.speedup * (1 - LOCK_TOLERANCE)
    text = f"{found}, the lock has {lock.speedup:.2f}x"
    pairs = [(name, getattr(lock, name), getattr(taken, name)) for name in _CIRCUMSTANCES]
    differences = [f"{name.replace('_', ' ')} {then} then, {now} now" for name, then, now in pairs if then != now]
    if differences:
        return Check(
            name="speedup against the lock", outcome=Outcome.INCONCLUSIVE, message=f"{text}, which says nothing: {', '.join(differences)}"
        )
    if found.noisy or found.low < least <= found.high:
        outcome = Outcome.INCONCLUSIVE
    else:
        outcome = Outcome.PASSED if found.low >= least else Outcome.FAILED
    return Check(name="speedup against the lock", outcome=outcome, message=text)


def _locked_accuracy(paired: Paired, lock: Lock, drop: Drop, higher_is_better: bool) -> Check:  # a metric's property
    name = "accuracy against the lock"
    if paired.metric != lock.metric:
        message = f"the lock has {lock.metric} {lock.candidate_accuracy:.4f}, this run measured {paired.metric or 'none'}"
        return Check(name=name, outcome=Outcome.INCONCLUSIVE, message=message)
    return _accuracy(name, paired, lock.candidate_accuracy, drop, higher_is_better)


def _accuracy(name: str, paired: Paired, baseline: float | None, drop: Drop, higher_is_better: bool) -> Check:  # a metric's property
    found = paired.candidate_accuracy
    if baseline is None or found is None:
        return Check(name=name, outcome=Outcome.FAILED, message="no accuracy was measured: give --data with labels and --metric")
    worse = baseline - found if higher_is_better else found - baseline
    outcome = Outcome.PASSED if worse <= drop.allowed(baseline) + 1e-12 else Outcome.FAILED
    return Check(name=name, outcome=outcome, message=f"{paired.metric} {baseline:.4f} -> {found:.4f}, at most {drop} worse allowed")


def load_lock(path: Path) -> Lock:
    """Read a lock file; raises StoreError or ConfigError."""
    return from_json(read_text(path), Lock, source=str(path))


def save_lock(lock: Lock, path: Path) -> None:
    """Write a lock file; raises StoreError."""
    write_text(path, to_json(lock) + "\n")


def junit(checks: Sequence[Check], *, suite: str) -> str:
    """The checks as a JUnit report; what is inconclusive is a skipped test with its reason."""
    counts = {outcome: sum(check.outcome is outcome for check in checks) for outcome in Outcome}
    root = XML.Element(
        "testsuite",
        name=suite,
        tests=str(len(checks)),
        failures=str(counts[Outcome.FAILED]),
        skipped=str(counts[Outcome.INCONCLUSIVE]),
        errors="0",
    )
    for check in checks:
        case = XML.SubElement(root, "testcase", classname=suite, name=check.name)
        if check.outcome is Outcome.FAILED:
            XML.SubElement(case, "failure", message=check.message)
        elif check.outcome is Outcome.INCONCLUSIVE:
            XML.SubElement(case, "skipped", message=f"inconclusive: {check.message}")
        else:
            XML.SubElement(case, "system-out").text = check.message
    XML.indent(root)
    return '<?xml version="1.0" encoding="utf-8"?>\n' + XML.tostring(root, encoding="unicode") + "\n"


def summary(checks: Sequence[Check], *, title: str) -> str:
    """The checks as Markdown."""
    rows = [f"| {check.name} | {check.outcome.value} | {check.message} |" for check in checks]
    return "\n".join([f"## {title}: {verdict(checks).value}", "", "| check | outcome | figures |", "| --- | --- | --- |", *rows, ""])

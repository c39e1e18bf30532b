"""What a compression did, as data that survives JSON: everything a table or a report shows."""

from __future__ import annotations

import attrs


@attrs.frozen(kw_only=True)
class AccuracySummary:
    """The criterion and how it ended.

    ``metric`` names what was measured (label-free measures say so in their name); ``original`` is the caller's model, ``limit`` the
    worst value allowed, ``final`` the delivered model; ``confirmed_original`` and ``confirmed`` are both on data that chose nothing, and
    ``confirmed_interval`` bounds their difference with 95 % confidence (None: the metric has no values per sample).
    Values are in the metric's own unit, None where nothing was measured. ``others`` are further values of the delivered model by name.
    """

    metric: str
    higher_is_better: bool = True
    original: float | None = None
    limit: float | None = None
    final: float | None = None
    is_met: bool = True
    label_free: bool = False
    confirmed_original: float | None = None
    confirmed: float | None = None
    confirmed_interval: tuple[float, float] | None = None
    samples: int | None = None
    others: tuple[tuple[str, float], ...] = ()


@attrs.frozen(kw_only=True)
class StageSummary:
    """The model after one stage.

    ``sparsity`` is the fraction of zeros over prunable weights; ``speedup`` the ratio of latencies before and after the stage (None: not
    measured); ``gains`` says in words what the stage gained and what it did not.
    """

    name: str
    accuracy: float | None = None
    size_bytes: int
    sparsity: float | None = None
    speedup: float | None = None
    seconds: float = 0.0
    gains: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()


@attrs.frozen(kw_only=True)
class OperatorSummary:
    """One operator: its type, the precision it computes in, why it is in float (empty when it is not), its fp32 weight bytes, and its work.

    ``work`` is multiply-adds per sample, 0 where it is not known.
    """

    op: str
    type: str
    precision: str
    reason: str = ""
    weight_bytes: int = 0
    work: int = 0


@attrs.frozen(kw_only=True)
class LatencySummary:
    """How many times faster the result is than one baseline, with the confidence interval of the paired ratio.

    ``against`` names the baseline; ``verdict`` is faster, slower or inconclusive; latencies are seconds per batch.
    """

    against: str
    ratio: float
    low: float
    high: float
    verdict: str
    baseline_s: float
    candidate_s: float
    batch_size: int
    threads: int
    confidence: float
    noisy: bool = False


@attrs.frozen(kw_only=True)
class TrialSummary:
    """One tuning trial: how many operators computed on integers, how it ended, and whether it met the criterion.

    ``on_frontier``: no other trial is at least as good in everything measured, and better in one thing. ``in_float``: nothing of its
    model computes in less than fp32, so that it is no result however well it does.
    """

    index: int
    status: str
    quantized: int
    operators: int
    accuracy: float | None = None
    size_bytes: int | None = None
    latency_s: float | None = None
    seconds: float = 0.0
    is_feasible: bool = False
    fallback: tuple[str, ...] = ()
    error: str | None = None
    on_frontier: bool = False
    in_float: bool = False

    @property
    def side(self) -> str:
        """Of the criterion; a model in float is on neither."""
        return "in float" if self.in_float else "inside" if self.is_feasible else "outside"


@attrs.frozen(kw_only=True)
class HurtSummary:
    """How much accuracy came back when these operators alone went to float, in the metric's unit."""

    ops: tuple[str, ...]
    gain: float


@attrs.frozen(kw_only=True)
class GainSummary:
    """Seconds per batch that an operator gains in integers; negative where it is slower."""

    op: str
    seconds: float


@attrs.frozen(kw_only=True)
class SparsitySummary:
    """Fractions of zeros over the weights with masks, all prunable weights and the whole model; and per weight by name."""

    pruned: float
    prunable: float
    whole_model: float
    weights: tuple[tuple[str, float], ...] = ()


@attrs.frozen(kw_only=True)
class Summary:
    """Everything ``print(result)`` shows, and what ``save`` writes beside the model; ``judged_in`` is the runtime that ran the result."""

    framework: str
    target: str
    judged_in: str = ""
    accuracy: AccuracySummary
    size_before_bytes: int
    size_after_bytes: int
    stages: tuple[StageSummary, ...] = ()
    operators: tuple[OperatorSummary, ...] = ()
    latency: tuple[LatencySummary, ...] = ()
    sparsity: SparsitySummary | None = None
    trials: tuple[TrialSummary, ...] = ()
    hurts: tuple[HurtSummary, ...] = ()
    gains: tuple[GainSummary, ...] = ()
    stop_reason: str = ""
    suggestions: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    seconds: float = 0.0

    @property
    def by_precision(self) -> dict[str, int]:
        """How many operators compute in each precision."""
        return count_by_precision(self.operators)


def count_by_precision(operators: tuple[OperatorSummary, ...]) -> dict[str, int]:
    """How many operators have each precision, in order of appearance."""
    counts: dict[str, int] = {}
    for row in operators:
        counts[row.precision] = counts.get(row.precision, 0) + 1
    return counts

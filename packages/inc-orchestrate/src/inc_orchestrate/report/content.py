"""What the report of a quantization says, from the summary of the run."""

from __future__ import annotations

import attrs

from inc_orchestrate.report.document import Bar, Bars, Block, Bullets, Command, Document, Paragraph, Section, Table, Verdict
from inc_orchestrate.report.figures import change, duration, is_fraction, latency, score, short, size, unit
from inc_orchestrate.report.frontier import frontier_table, waterfall
from inc_orchestrate.summary import AccuracySummary, LatencySummary, OperatorSummary, Summary, TrialSummary


@attrs.frozen(kw_only=True)
class Sensitivity:
    """How much one operator (or group) hurts; ``text`` is ``value`` with its unit."""

    op: str
    value: float
    text: str


@attrs.frozen(kw_only=True)
class Context:
    """What the summary of a run cannot know.

    ``data``, ``preprocessing`` and ``criterion`` say in words what was asked for, ``confirmation`` what held-out data
    said; ``made_by`` is the command;
    ``sensitivity_measure`` is what the lengths of the sensitivity bars mean.
    """

    model: str
    data: str
    preprocessing: str
    criterion: str
    made_by: str
    next_command: str
    confirmation: str = ""
    sensitivities: tuple[Sensitivity, ...] = ()
    sensitivity_measure: str = ""


def contents(summary: Summary, context: Context) -> Document:
    """Arrange a run's facts: the verdict first, then the evidence, then what to do next."""
    sections = [
        Section(blocks=(verdict(summary), result_table(summary, context))),
        _maybe("Latency", (latency_table(summary.latency), Paragraph(text=_conditions(summary.latency))) if summary.latency else ()),
        Section(heading="Operators", blocks=(Paragraph(text=counts(summary.by_precision)), operator_table(summary.operators))),
        _maybe("Sensitivity", _sensitivity(summary, context)),
        _maybe("Trials", (trial_table(summary.trials, summary.accuracy), *_stopped(summary)) if summary.trials else ()),
        _maybe("Frontier", (frontier_table(summary),) if len(summary.trials) > 1 else ()),
        _maybe("Latency waterfall", tuple(filter(None, (waterfall(summary),)))),
        _maybe("What to try", _bullets(summary.suggestions)),
        _maybe("Notes", _bullets(summary.notes)),
        Section(heading="Next", blocks=(Command(text=context.next_command),)),
    ]
    return Document(title=f"Quantization of {context.model}", sections=tuple(section for section in sections if section is not None))


def verdict(summary: Summary) -> Verdict:
    """Whether the criterion holds, and what was gained."""
    accuracy = summary.accuracy
    parts = [f"{'Inside' if accuracy.is_met else 'OUTSIDE'} the accuracy criterion"]
    if accuracy.original is not None and accuracy.final is not None:
        moved = f"{score(accuracy.metric, accuracy.original)} -> {score(accuracy.metric, accuracy.final)}{unit(accuracy.metric)}"
        parts.append(f"{accuracy.metric} {moved} ({change(accuracy.metric, accuracy.final, accuracy.original)})")
    parts.append(f"{size(summary.size_before_bytes)} -> {size(summary.size_after_bytes)}")
    if summary.latency:
        # The last claim is against the fastest fp32 runtime: the one that counts.
        claim = summary.latency[-1]
        parts.append(f"{claim.ratio:.2f}x {claim.against}" + ("" if claim.verdict == "faster" else f", {claim.verdict}"))
    return Verdict(text=": ".join([parts[0], ", ".join(parts[1:])]) + ".", is_good=accuracy.is_met)


def result_table(summary: Summary, context: Context) -> Table:
    """The run's key figures, one per row."""
    accuracy = summary.accuracy
    suffix = unit(accuracy.metric)
    rows = [
        ("model", context.model),
        ("made by", context.made_by),
        ("target", summary.target),
        *((("judged in", judged_in(summary)),) if summary.judged_in else ()),
        ("data", context.data),
        ("preprocessing", context.preprocessing),
        ("criterion", context.criterion),
        ("original", _with_unit(accuracy.metric, accuracy.original, suffix)),
        ("allowed", _bound(accuracy, suffix)),
        (
            "quantized",
            f"{_with_unit(accuracy.metric, accuracy.final, suffix)} ({change(accuracy.metric, accuracy.final, accuracy.original)})",
        ),
    ]
    if context.confirmation:
        rows.append(("held-out data", context.confirmation))
    rows += [
        ("size", f"{size(summary.size_before_bytes)} -> {size(summary.size_after_bytes)}"),
        ("operators", counts(summary.by_precision)),
        ("time taken", duration(summary.seconds)),
    ]
    return Table(head=("", ""), rows=tuple(rows))


def judged_in(summary: Summary) -> str:
    """Where the quantized models ran, and whether their speed there says anything of the target."""
    return summary.judged_in if summary.latency else f"{summary.judged_in}, not timed"


def latency_table(claims: tuple[LatencySummary, ...]) -> Table:
    """Each baseline with the paired ratio and its interval."""
    rows = tuple(
        (
            claim.against,
            f"{latency(claim.baseline_s)} -> {latency(claim.candidate_s)}",
            f"{claim.ratio:.2f}x",
            f"[{claim.low:.2f}, {claim.high:.2f}]",
            claim.verdict + (" (noisy machine)" if claim.noisy else ""),
        )
        for claim in claims
    )
    return Table(head=("against", "ms per batch", "ratio", "interval", "verdict"), rows=rows, numeric=(1, 2, 3))


def operator_table(operators: tuple[OperatorSummary, ...]) -> Table:
    """Every operator, in execution order, with the reason where it stays in float."""
    rows = tuple((row.op, row.type, row.precision, row.reason, size(row.weight_bytes) if row.weight_bytes else "") for row in operators)
    return Table(head=("operator", "type", "precision", "reason", "fp32 weight"), rows=rows, numeric=(4,))


def in_float_table(operators: tuple[OperatorSummary, ...]) -> Table:
    """The operators that stay in float, with reasons."""
    rows = tuple((row.op, row.type, row.reason) for row in operators if row.reason)
    return Table(head=("in float", "type", "reason"), rows=rows)


def trial_table(trials: tuple[TrialSummary, ...], accuracy: AccuracySummary) -> Table:
    """Every trial in the order it was proposed."""
    rows = tuple(
        (
            str(trial.index + 1),
            f"{trial.quantized} of {trial.operators}",
            score(accuracy.metric, trial.accuracy),
            trial_verdict(trial),
            size(trial.size_bytes),
            duration(trial.seconds),
            trial.error or ", ".join(trial.fallback),
        )
        for trial in trials
    )
    head = ("trial", "quantized", f"{short(accuracy.metric)}{unit(accuracy.metric)}", "criterion", "size", "took", "back in float")
    return Table(head=head, rows=rows, numeric=(0, 1, 2, 4, 5))


def trial_verdict(trial: TrialSummary) -> str:
    """``inside``, ``outside`` or ``in float``, and how a trial ended that was not complete."""
    ended = trial.status.replace("_", " ")
    if trial.status in {"failed", "lost"}:
        return ended
    return trial.side if trial.status == "complete" else f"{trial.side} ({ended})"


def counts(by_precision: dict[str, int]) -> str:
    """``54 operators: 53 int8, 1 fp32``."""
    total = sum(by_precision.values())
    each = ", ".join(f"{count} {precision}" for precision, count in by_precision.items())
    return f"{total} operator{'' if total == 1 else 's'}: {each}" if total else "no operators"


def _with_unit(metric: str, value: float | None, suffix: str) -> str:
    return score(metric, value) if value is None else score(metric, value) + suffix


def _bound(accuracy: AccuracySummary, suffix: str) -> str:
    if accuracy.limit is None:
        return "-"
    return f"{'at least' if accuracy.higher_is_better else 'at most'} {score(accuracy.metric, accuracy.limit)}{suffix}"


def _conditions(claims: tuple[LatencySummary, ...]) -> str:
    first = claims[0]
    return (
        f"Ratios are times faster, measured in paired, interleaved rounds with batches of {first.batch_size} on {first.threads} "
        f"thread{'' if first.threads == 1 else 's'}; intervals are at {first.confidence:.0%} confidence. "
        "An interval that includes 1 decides nothing, and neither does a noisy machine."
    )


def _sensitivity(summary: Summary, context: Context) -> tuple[Block, ...]:
    found: list[Block] = []
    gained = [hurt for hurt in summary.hurts if hurt.gain > 0.0]
    if gained:
        metric = summary.accuracy.metric
        scale, suffix = (100.0, " points") if is_fraction(metric) else (1.0, "")
        bars = [Bar(", ".join(hurt.ops), hurt.gain, f"{hurt.gain * scale:.3g}{suffix}") for hurt in gained]
        found.append(Bars(caption=f"How much {metric} came back when these operators alone went to float.", bars=tuple(bars)))
    if context.sensitivities:
        bars = [Bar(each.op, each.value, each.text) for each in context.sensitivities]
        found.append(Bars(caption=context.sensitivity_measure, bars=tuple(bars)))
    return tuple(found)


def _stopped(summary: Summary) -> tuple[Block, ...]:
    return (Paragraph(text=f"Tuning stopped: {summary.stop_reason}."),) if summary.stop_reason else ()


def _bullets(items: tuple[str, ...]) -> tuple[Block, ...]:
    return (Bullets(items=items),) if items else ()


def _maybe(heading: str, blocks: tuple[Block, ...]) -> Section | None:
    return Section(heading=heading, blocks=blocks) if blocks else None

"""``inc plan``: what quantization would do to a model, operator by operator."""

from __future__ import annotations

import argparse
import json
import shlex

import attrs
from inc_adaptors.detect import adaptor_for
from inc_adaptors.handle import Signature
from inc_adaptors.roles import Diagnoses, require
from inc_config.errors import ModelError
from inc_config.quantization import Approach, QuantizeConfig
from inc_config.target import Target
from rich.console import Console

from inc_orchestrate.cli.arguments import Parser, pattern
from inc_orchestrate.cli.data import described, recipe_for, suggested_preprocessing
from inc_orchestrate.cli.target import add_target, as_options, target_of
from inc_orchestrate.cli.terminal import command, console, say, show
from inc_orchestrate.planning import PlanReport, difference, nothing_planned, plan
from inc_orchestrate.report.content import counts
from inc_orchestrate.report.document import Table
from inc_orchestrate.report.figures import percent, size
from inc_orchestrate.summary import OperatorSummary

Difference = tuple[tuple[OperatorSummary, str], ...]

_NAMED_IN_HEADER = 3


def add_arguments(parser: Parser) -> None:
    """Declare what ``inc plan`` takes."""
    parser.add_argument("model", metavar="MODEL", help="path of an ONNX model")
    parser.add_argument("--preprocess", metavar="NAME|FILE", help="the preprocessing that goes with the model, for the command at the end")
    add_selection(parser)
    add_target(parser)
    parser.add_argument("--diff", metavar="INT8", help="a quantized form of the model: show only operators that compute otherwise there")
    parser.add_argument("--json", action="store_true", help="print JSON and nothing else")


def add_selection(parser: Parser) -> None:
    """Declare which operators may be quantized, and how: the same for planning and quantizing."""
    parser.add_argument(
        "--approach",
        choices=[approach.value for approach in Approach],
        default=Approach.STATIC.value,
        help="static: activation ranges from calibration (default); dynamic: from each batch at run time; auto: static where possible",
    )
    parser.add_argument(
        "--exclude",
        metavar="REGEX",
        type=pattern,
        action="append",
        default=[],
        help="keep operators in float whose whole name matches; repeatable",
    )
    parser.add_argument(
        "--exclude-type", metavar="TYPE", action="append", default=[], help="keep operators of this type in float; repeatable"
    )


def run(options: argparse.Namespace, command_line: str) -> int:
    """Show the plan.

    Raises:
        PlanError: nothing would be quantized, with a reason per operator.
        ModelError: not a model, or ``--diff`` of another one.
    """
    recipe = recipe_for(options.preprocess)
    adaptor = adaptor_for(options.model)
    target = target_of(options)
    signature = adaptor.open(options.model).signature
    report = _planned(options, target)
    if report.is_in_float:
        raise nothing_planned(report)
    differing = None
    if options.diff is not None:
        diagnoses = require(adaptor, Diagnoses, step="plan --diff")
        other = adaptor.open(options.diff)
        _check_same(signature, other.signature, options)
        differing = difference(report, diagnoses.integers(other))
    if options.json:
        print(json.dumps(_as_json(options.model, report, signature, str(recipe) if recipe else None, differing), indent=2))
        return 0
    if differing is not None:
        _print_difference(console(), options, report, differing)
        return 0
    _print(console(), options, report, signature)
    return 0


def _check_same(planned: Signature, other: Signature, options: argparse.Namespace) -> None:
    """Two forms of one model take the same inputs."""
    if {spec.name for spec in planned.inputs} != {spec.name for spec in other.inputs}:
        raise ModelError(
            f"It is another model than {options.model}: it takes {described(other)}, not {described(planned)}.",
            where=f"--diff {options.diff}",
            fix="give a quantized form of the same model, by any tool",
        )


def _planned(options: argparse.Namespace, target: Target | None) -> PlanReport:
    config = QuantizeConfig(approach=options.approach, exclude=options.exclude, exclude_types=options.exclude_type, target=target)
    return plan(options.model, target, config=config)


def _print(out: Console, options: argparse.Namespace, report: PlanReport, signature: Signature) -> None:
    say(out, header(report), style="bold")
    say(out, f"input: {described(signature)}")
    say(out, f"preprocessing: {options.preprocess}" if options.preprocess else "preprocessing: not known; give --preprocess")
    out.print()
    show(out, operator_table(report.operators))
    out.print()
    command(out, next_command(options, signature))


def _print_difference(out: Console, options: argparse.Namespace, report: PlanReport, differing: Difference) -> None:
    say(out, header(report), style="bold")
    if not differing:
        say(out, f"{options.diff}: every operator computes as planned")
        return
    rows = tuple((row.op, row.type, row.precision, there, row.reason) for row, there in differing)
    show(out, Table(head=("operator", "type", "planned", "found", "reason of the plan"), rows=rows))


def header(report: PlanReport) -> str:
    """``54 operators: 53 int8, 1 fp32 (head: range guard)   target: ...   98 MB -> 26 MB   99.9 % of the work quantized``."""
    in_float = [f"{row.op}: {_in_short(row.reason)}" for row in report.operators if row.precision == "fp32"]
    named = f" ({'; '.join(in_float)})" if 0 < len(in_float) <= _NAMED_IN_HEADER else ""
    sizes = f"{size(report.size_before_bytes)} -> {size(report.size_after_bytes)}"
    share = "" if report.quantized_share is None else f"   {percent(report.quantized_share)} of the work quantized"
    return f"{counts(report.by_precision)}{named}   target: {report.target}   {sizes}{share}"


def _in_short(reason: str) -> str:
    return reason.partition(":")[0].replace("_", " ")


def operator_table(operators: tuple[OperatorSummary, ...]) -> Table:
    """Every operator with the decision, its reason, and its share of the model's multiply-adds."""
    total = sum(row.work for row in operators)
    rows = tuple((row.op, row.type, row.precision, row.reason, percent(row.work / total) if row.work else "") for row in operators)
    return Table(head=("operator", "type", "decision", "reason", "share of work"), rows=rows, numeric=(4,))


def next_command(options: argparse.Namespace, signature: Signature) -> str:
    """The ``inc quantize`` that goes with what was planned; what only the user knows stands in capitals."""
    shapes = [spec.shape for spec in signature.inputs]
    is_image = len(shapes) == 1 and len(shapes[0]) == 4
    preprocess = options.preprocess or (suggested_preprocessing(signature) if is_image else None) or ("RECIPE.json" if is_image else None)
    parts = ["inc", "quantize", options.model, "--data", "IMAGES/" if is_image else "SAMPLES.npz"]
    parts += ["--preprocess", preprocess] if preprocess else []
    parts += ["--max-drop", "1%", "-o", "out/"]
    parts += as_options(options)
    parts += [] if options.approach == Approach.STATIC.value else ["--approach", options.approach]
    parts += [part for text in options.exclude for part in ("--exclude", text)]
    parts += [part for text in options.exclude_type for part in ("--exclude-type", text)]
    return shlex.join(parts)


def _as_json(
    model: str, report: PlanReport, signature: Signature, preprocessing: str | None, differing: Difference | None
) -> dict[str, object]:
    found = [] if differing is None else [{"op": row.op, "planned": row.precision, "found": there} for row, there in differing]
    return {
        "model": model,
        "inputs": [attrs.asdict(spec) for spec in signature.inputs],
        "preprocessing": preprocessing,
        **attrs.asdict(report),
        "by_precision": report.by_precision,
        "quantized_share": report.quantized_share,
        **({} if differing is None else {"difference": found}),
    }

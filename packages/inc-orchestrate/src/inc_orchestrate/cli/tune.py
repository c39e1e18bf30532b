"""``inc tune``: the best model within a budget, with the frontier of what accuracy costs."""

from __future__ import annotations

import argparse
from pathlib import Path

import attrs
from inc_config.named import Named
from inc_config.quantization import QuantizeConfig
from inc_config.target import Runtime
from inc_config.tuning import ExitPolicy, Objective, ObjectiveKind
from inc_strategy.ledger import recorded_trials

from inc_orchestrate.cli import folder, quantize
from inc_orchestrate.cli.arguments import Parser, UsageError, count, seconds

_STRATEGIES = {ObjectiveKind.LATENCY: "latency_guided"}
_OTHERWISE = "sensitivity_first"


def add_arguments(parser: Parser) -> None:
    """Declare what ``inc tune`` takes: what ``inc quantize`` does, and more about the search."""
    quantize.add_arguments(parser, output=Path("tuned"))
    tune = parser.add_argument_group("tuning")
    tune.add_argument(
        "--objective",
        action="append",
        choices=[kind.value for kind in ObjectiveKind],
        help="what to make best among the models inside the criterion (default latency, for tensorrt size); several count alike",
    )
    tune.add_argument("--budget", metavar="TIME", type=seconds, help="search for 90s, 10m or 2h (default: until the strategy ends)")
    tune.add_argument("--strategy", metavar="NAME", help="default latency_guided for latency, sensitivity_first otherwise")
    tune.add_argument("--first", action="store_true", help="stop at the first model inside the criterion instead of the best")
    tune.add_argument(
        "--workers",
        metavar="N",
        type=count,
        help="judge N models at a time, each in its process (default: one after the other, here)",
    )
    tune.add_argument("--add-trials", metavar="N", type=count, help="go on with the run in OUT for N more trials (implies --resume)")


def run(options: argparse.Namespace, command_line: str) -> int:
    """Tune, then report as ``inc quantize`` does.

    Raises:
        UsageError: the budget is zero.
    """
    if options.budget is not None and options.budget <= 0.0:
        raise UsageError("A budget of zero leaves no time for a trial.", where="--budget", fix="give 90s, 10m or 2h, or leave it out")
    if options.add_trials is not None:
        options.resume = True
    return quantize.run(options, command_line, configuration(options), workers=options.workers)


def configuration(options: argparse.Namespace) -> QuantizeConfig:
    """The options as a configuration."""
    base = quantize.configuration(options)
    kinds = [ObjectiveKind(kind) for kind in options.objective or (_default_objective(base),)]
    policy = ExitPolicy(
        max_trials=_trials(options), timeout_s=options.timeout if options.budget is None else options.budget, first_success=options.first
    )
    tuning = attrs.evolve(
        base.tuning,
        strategy=Named(options.strategy or _STRATEGIES.get(kinds[0], _OTHERWISE)),
        objectives=[Objective(kind=kind) for kind in kinds],
        exit_policy=policy,
    )
    return attrs.evolve(base, tuning=tuning)


def _default_objective(config: QuantizeConfig) -> ObjectiveKind:
    """Speed, but for a runtime that is not here."""
    is_timed = config.target is None or config.target.runtime is not Runtime.TENSORRT
    return ObjectiveKind.LATENCY if is_timed else ObjectiveKind.SIZE


def _trials(options: argparse.Namespace) -> int:
    if options.add_trials is None:
        return int(options.max_trials)
    return recorded_trials(options.output / folder.LEDGER) + int(options.add_trials)

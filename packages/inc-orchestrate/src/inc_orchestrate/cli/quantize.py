"""``inc quantize``: a model within its accuracy criterion, measured and reported."""

from __future__ import annotations

import argparse
from pathlib import Path

from inc_adaptors.batches import fixed_size
from inc_adaptors.detect import adaptor_for
from inc_config.errors import EvaluationError
from inc_config.quantization import Approach, QuantizeConfig
from inc_config.tuning import ExitPolicy, TuningConfig
from inc_metrics import Metric, MetricError, build
from inc_metrics.protocols import SampleWise

from inc_orchestrate.cli import folder, work
from inc_orchestrate.cli.arguments import MetricChoice, Parser, count, drop, metric, seconds
from inc_orchestrate.cli.data import check_fit, open_data
from inc_orchestrate.cli.job import Job
from inc_orchestrate.cli.labels import check_labels
from inc_orchestrate.cli.parts import divide
from inc_orchestrate.cli.plan import add_selection
from inc_orchestrate.cli.target import add_target, check_installed, target_of

_BATCH_SIZE = 32
_THRESHOLDS = ("minmax", "percentile", "kl", "mse")


def add_arguments(parser: Parser, *, output: Path | None = None) -> None:
    """Declare what ``inc quantize`` takes; ``output`` is where to write by default (None: it must be given)."""
    parser.add_argument("model", metavar="MODEL", help="path of an ONNX model")
    data = parser.add_argument_group("data")
    data.add_argument(
        "--data", metavar="PATH", type=Path, required=True, help="images in one sub-folder per class (labels), images alone, .npy or .npz"
    )
    data.add_argument(
        "--preprocess", metavar="NAME|FILE", help="what the model was trained with: a name such as imagenet, or a .json file of steps"
    )
    data.add_argument("--image-mode", choices=("RGB", "L"), default="RGB", help="read images in colour (default) or grey")
    data.add_argument(
        "--samples", metavar="N", type=count, default=100, help="calibrate with N samples (default 100); others judge and confirm"
    )
    data.add_argument("--eval-samples", metavar="N", type=count, help="judge and confirm with at most N samples (default: all others)")
    data.add_argument("--batch-size", metavar="N", type=count, help="default 32, or the only size that the model takes")
    data.add_argument("--label-free", action="store_true", help="judge by agreement with the original even where there are labels")
    goal = parser.add_argument_group("goal")
    goal.add_argument(
        "--max-drop",
        metavar="LOSS",
        type=drop,
        default="1%",
        help="1%% (default) or 0.01: of the original's own value, so 76.1 may become 75.34; 1points: 76.1 may become 75.1",
    )
    goal.add_argument(
        "--metric", metavar="NAME[:OPTION=VALUE]", type=metric, default="accuracy", help="such as accuracy (default) or topk:5"
    )
    add_target(parser.add_argument_group("target"))  # type: ignore[arg-type]  # a group takes arguments like a parser
    search = parser.add_argument_group("search")
    add_selection(search)  # type: ignore[arg-type]  # as above
    search.add_argument("--threshold", choices=_THRESHOLDS, default="minmax", help="how activation ranges are cut (default minmax)")
    search.add_argument("--max-trials", metavar="N", type=count, default=100)
    search.add_argument(
        "--timeout", metavar="TIME", type=seconds, default=0.0, help="stop searching after 90s, 15min or 2h (default: never)"
    )
    out = parser.add_argument_group("output")
    by_default = "" if output is None else f" (default {output})"
    described = f"a new folder for model, report and ledger{by_default}"
    out.add_argument("-o", "--output", metavar="OUT", type=Path, required=output is None, default=output, help=described)
    out.add_argument("--resume", action="store_true", help="go on with the run in OUT")
    out.add_argument("--force", action="store_true", help="start over in OUT")


def run(options: argparse.Namespace, command_line: str, config: QuantizeConfig | None = None, *, workers: int | None = None) -> int:
    """Check everything that can be checked, then quantize, report, and say what to do next.

    ``config`` is what to do where the options alone do not say it; ``workers`` as in ``Job``.
    """
    folder.check(options.output, resume=options.resume, force=options.force)
    adaptor = adaptor_for(options.model)
    check_installed(adaptor, target_of(options))
    handle = adaptor.open(options.model)
    source = open_data(
        options.data, preprocess=options.preprocess, image_mode=options.image_mode, signature=handle.signature, model=options.model
    )
    labelled = source.labelled and not options.label_free
    check_fit(source, adaptor, handle, where=f"--data {options.data}, the first sample")
    size = options.batch_size or fixed_size(handle.signature) or _BATCH_SIZE
    parts = divide(source.dataset, calibration=options.samples, evaluation=options.eval_samples, batch_size=size)
    metric = built(options.metric) if labelled else None
    if metric is not None:
        check_labels(adaptor, handle, parts.calibration, labels=source.dataset.labels, metric=metric, where=f"--data {options.data}")
    job = Job(
        model=Path(options.model),
        config=config or configuration(options),
        parts=parts,
        metric=metric,
        criterion=f"{options.metric if labelled else 'agreement with the original, no labels'}, {options.max_drop}",
        data=source.description,
        recipe=source.recipe,
        notes=source.notes if labelled else (),
        output=options.output,
        command_line=command_line,
        workers=workers,
    )
    folder.claim(options.output, command_line=command_line, resume=options.resume, force=options.force)
    return work.run(job)


def configuration(options: argparse.Namespace) -> QuantizeConfig:
    """The options as a configuration."""
    return QuantizeConfig(
        approach=Approach(options.approach),
        accuracy_loss=options.max_drop.loss,
        loss_kind=options.max_drop.kind,
        calibration_samples=options.samples,
        activation_threshold=options.threshold,
        exclude=options.exclude,
        exclude_types=options.exclude_type,
        target=target_of(options),
        tuning=TuningConfig(
            exit_policy=ExitPolicy(max_trials=options.max_trials, timeout_s=options.timeout), ledger=options.output / folder.LEDGER
        ),
    )


def built(choice: MetricChoice) -> Metric:
    """The metric, keeping its value per sample where it can: the paired interval needs them.

    Raises:
        EvaluationError: unknown, or its options are refused.
    """
    try:
        made = build(choice.name, **choice.options)
        return build(choice.name, **{"keep_samples": True, **choice.options}) if isinstance(made, SampleWise) else made
    except MetricError as error:
        raise EvaluationError(error.what, where=f"--metric {choice.name}", fix=error.fix) from error
